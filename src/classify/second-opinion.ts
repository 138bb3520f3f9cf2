import type { Compared } from "../diff/compare-fleet.ts";
import type { HostName } from "../discover/host.ts";
import type { Policy } from "../policy.ts";
import type { Judged } from "./judge-fleet.ts";
import { opinions } from "./session/opinions.ts";
import type { SessionJudgeOptions } from "./session/session-judge.ts";

/** `session` is how a host was judged: by a session that answered, by one that was asked and gave no verdict, or by the rules alone. */
export type Opinion = Judged & { readonly session: "answered" | "missing" | "not-asked" };

export type SecondOpinion = {
  readonly judged: ReadonlyMap<HostName, Opinion>;
  readonly session: { readonly ran: boolean; readonly note: string; readonly model?: string; readonly costUsd?: number };
  readonly notes: readonly string[];
};

/**
 * Asks the session about the hosts that the policy hands to the gate, where there is a session and the policy wants one. What it says can only raise what the rules
 * said; where it is silent their verdict stands, and `session = "required"` then holds the host.
 */
export async function secondOpinion(
  fleet: readonly Compared[],
  rules: ReadonlyMap<HostName, Judged>,
  policy: Policy,
  session: SessionJudgeOptions | string,
): Promise<SecondOpinion> {
  const asked = policy.session === "off" || typeof session === "string" ? "not-asked" : "missing";
  const silent = (state: Opinion["session"]): Map<HostName, Opinion> => new Map([...rules].map(([host, judged]) => [host, { ...judged, session: state }]));
  if (policy.session === "off") return { judged: silent("not-asked"), session: { ran: false, note: "the policy switches the session off" }, notes: [] };
  // A session that the policy requires and that cannot be had is a verdict that is missing.
  if (typeof session === "string") return { judged: silent(policy.session === "required" ? "missing" : asked), session: { ran: false, note: session }, notes: [] };

  const questions = fleet.flatMap((host) => {
    const judged = rules.get(host.sides.host);
    const managed = Object.hasOwn(policy.hosts, host.sides.host) && policy.hosts[host.sides.host]?.deploy === true;
    return "comparison" in host && judged !== undefined && managed ? [{ host: host.sides.host, diff: host.comparison.diff, ...judged }] : [];
  });
  const answers = await opinions(questions, session);
  const judged = new Map<HostName, Opinion>();
  for (const [host, byRules] of rules) {
    const answer = answers.judgements.get(host);
    if (answer === undefined) judged.set(host, { ...byRules, session: "missing" });
    else judged.set(host, { ...byRules, judgement: answer.judgement, session: answer.answered ? "answered" : "missing" });
  }
  return {
    judged,
    session: { ran: answers.ran, note: answers.note, model: session.limits.model, costUsd: answers.costUsd },
    notes: [],
  };
}
