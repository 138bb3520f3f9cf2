import type { Judgement } from "../finding.ts";
import type { HostFacts } from "../host-facts.ts";
import type { SystemDiff } from "../../diff/system-diff.ts";
import { distinctChanges } from "./distinct.ts";
import { mergeSession } from "./merge.ts";
import { judgeBySession, type SessionJudgeOptions, type SessionResult } from "./session-judge.ts";

/** A host whose change is put before the session. */
export type Questionable = { readonly host: string; readonly facts: HostFacts; readonly diff: SystemDiff; readonly judgement: Judgement };

export type Opinions = {
  /** Hosts that were asked about: the merged judgement, or the rules' own where no verdict came. */
  readonly judgements: ReadonlyMap<string, { readonly judgement: Judgement; readonly answered: boolean; readonly explanation: string | undefined; readonly watch: readonly string[] }>;
  readonly costUsd: number;
  /** How it went, as a clause without a full stop: "answered for 2 distinct changes". */
  readonly note: string;
  readonly ran: boolean;
};

/**
 * A second opinion on every distinct change of the fleet, merged so that it can only raise a verdict. A change that is nothing but a new revision is not worth a
 * question.
 */
export async function opinions(hosts: readonly Questionable[], options: SessionJudgeOptions): Promise<Opinions> {
  const asked = hosts.filter((host) => !host.diff.revisionOnly);
  const changes = distinctChanges(asked);
  const results = await judgeBySession(changes, options);
  const judgements = new Map<string, { judgement: Judgement; answered: boolean; explanation: string | undefined; watch: readonly string[] }>();
  const byHost = new Map(asked.map((host) => [host.host, host]));
  for (const [index, change] of changes.entries()) {
    const result = results[index];
    for (const name of change.hosts) {
      const host = byHost.get(name);
      if (host === undefined || result === undefined) continue;
      judgements.set(
        name,
        result.kind === "answered"
          ? { judgement: mergeSession(host.judgement, result.verdict), answered: true, explanation: result.verdict.explanation, watch: result.verdict.watch }
          : { judgement: host.judgement, answered: false, explanation: undefined, watch: [] },
      );
    }
  }
  // Nothing to be judged is nothing left unjudged.
  for (const host of hosts) if (host.diff.revisionOnly) judgements.set(host.host, { judgement: host.judgement, answered: true, explanation: undefined, watch: [] });
  const answered = results.filter((result) => result.kind === "answered").length;
  return { judgements, costUsd: results.reduce((sum, result) => sum + result.use.costUsd, 0), note: noteOf(results, answered), ran: answered > 0 || changes.length === 0 };
}

function noteOf(results: readonly SessionResult[], answered: number): string {
  const silent = results.flatMap((result) => (result.kind === "none" ? [`${result.reason}: ${result.detail}`] : []));
  const missing = silent.length === 0 ? "" : `, no verdict for ${silent.length} (${[...new Set(silent)].slice(0, 2).join("; ")})`;
  return `answered for ${answered} of ${results.length} distinct changes${missing}`;
}
