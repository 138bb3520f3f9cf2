import type { SystemDiff } from "../../diff/system-diff.ts";
import type { Verdict, Judgement } from "../finding.ts";
import type { HostFacts } from "../host-facts.ts";
import type { ReasonCode, SaidFinding } from "./answer.ts";
import { distinctChanges } from "./distinct.ts";
import { mergeSession } from "./merge.ts";
import { judgeBySession, type NoVerdict, type SessionJudgeOptions, type SessionResult } from "./session-judge.ts";

/** A host whose change is put before the session. */
export type Questionable = { readonly host: string; readonly facts: HostFacts; readonly diff: SystemDiff; readonly judgement: Judgement };

/** What became of one question. Detail and everything that a session said are untrusted text. */
export type ChangeOpinion = {
  /** That share the change. */
  readonly hosts: readonly string[];
  readonly costUsd: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly seconds: number;
} & (
  | {
      readonly outcome: "answered";
      readonly cached: boolean;
      readonly verdict: Verdict;
      readonly reasons: readonly ReasonCode[];
      readonly explanation: string;
      readonly watch: readonly string[];
      readonly findings: readonly SaidFinding[];
      /** Findings that named nothing in the change, and were dropped. */
      readonly dropped: number;
    }
  | { readonly outcome: "none"; readonly reason: NoVerdict; readonly detail: string }
);

export type Opinions = {
  /** Hosts that were asked about: the merged judgement, or the rules' own where no verdict came. */
  readonly judgements: ReadonlyMap<string, { readonly judgement: Judgement; readonly answered: boolean }>;
  /** In the order in which the hosts came. */
  readonly changes: readonly ChangeOpinion[];
};

/**
 * A second opinion on every distinct change of the fleet, merged so that it can only raise a verdict. A change that is nothing but a new revision is not worth a
 * question.
 */
export async function opinions(hosts: readonly Questionable[], options: SessionJudgeOptions): Promise<Opinions> {
  const asked = hosts.filter((host) => !host.diff.revisionOnly);
  const changes = distinctChanges(asked);
  const results = await judgeBySession(changes, options);
  const judgements = new Map<string, { judgement: Judgement; answered: boolean }>();
  const byHost = new Map(asked.map((host) => [host.host, host]));
  for (const [index, change] of changes.entries()) {
    const result = results[index];
    for (const name of change.hosts) {
      const host = byHost.get(name);
      if (host === undefined || result === undefined) continue;
      const judgement = result.kind === "answered" ? mergeSession(host.judgement, result.verdict) : host.judgement;
      judgements.set(name, { judgement, answered: result.kind === "answered" });
    }
  }
  // Nothing to be judged is nothing left unjudged.
  for (const host of hosts) if (host.diff.revisionOnly) judgements.set(host.host, { judgement: host.judgement, answered: true });
  return { judgements, changes: changes.flatMap((change, index) => opinionOf(change.hosts, results[index])) };
}

/** The record of one question. */
export function opinionOf(hosts: readonly string[], result: SessionResult | undefined): ChangeOpinion[] {
  if (result === undefined) return [];
  if (result.kind === "none") return [{ hosts, ...result.use, outcome: "none", reason: result.reason, detail: result.detail }];
  const { verdict, reasons, explanation, watch, said, dropped } = result.verdict;
  return [
    { hosts, ...result.use, outcome: "answered", cached: result.cached, verdict, reasons, explanation, watch, findings: said, dropped },
  ];
}
