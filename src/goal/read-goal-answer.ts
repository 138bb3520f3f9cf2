import { visible } from "../classify/session/fence.ts";
import { isUntouchable } from "../diagnose/recovery.ts";
import { isUnitName } from "../target/unit-name.ts";
import { GoalAnswer, type GoalAction } from "./goal-answer.ts";
import type { Leave } from "./goal.ts";

export type AnswerProblem = "invalid-answer" | "wrong-nonce";

/** An answer that was read, and what of it was put aside and why, as sentences. */
export type ReadAnswer = { readonly answer: Omit<GoalAnswer, "nonce">; readonly notes: readonly string[] };

/**
 * What an answer is worth. A finding whose quote stands nowhere stays as opinion, without the quote; an action that is not whole, or that this run has no leave for, is
 * put aside and told. `seen` is everything that the session was shown.
 */
export function readGoalAnswer(
  value: unknown,
  nonce: string,
  seen: string,
  leave: Leave,
  knows: (host: string) => boolean,
): ReadAnswer | AnswerProblem {
  const parsed = GoalAnswer.safeParse(value);
  if (!parsed.success) return "invalid-answer";
  const { nonce: given, ...answer } = parsed.data;
  if (given.trim() !== nonce) return "wrong-nonce";
  const text = folded(seen);
  const notes: string[] = [];
  const findings = answer.findings.map((finding) => {
    const quote = folded(finding.quote);
    const stands = quote.length >= 3 && text.includes(quote);
    if (quote !== "" && !stands)
      notes.push(`What the session quotes for "${finding.what.slice(0, 80)}" stands nowhere in what it was shown.`);
    return { ...finding, what: visible(finding.what), quote: stands ? visible(finding.quote) : "" };
  });
  const actions = answer.actions.filter((action) => {
    const problem = problemOf(action, leave, knows);
    if (problem !== undefined) notes.push(`The session asked for ${action.kind} on ${action.host}, which is not done: ${problem}.`);
    return problem === undefined;
  });
  const plain = (lines: readonly string[]): string[] => lines.map(visible).filter((one) => one.trim() !== "");
  const { proposal, edgeCase } = answer;
  return {
    answer: {
      headline: visible(answer.headline),
      findings,
      actions,
      proposal: {
        title: visible(proposal.title).replace(/\s+/g, " ").trim(),
        why: visible(proposal.why),
        alternatives: plain(proposal.alternatives),
        questions: plain(proposal.questions),
      },
      opinion: visible(answer.opinion),
      edgeCase: { symptom: visible(edgeCase.symptom), cause: visible(edgeCase.cause), strategy: visible(edgeCase.strategy) },
    },
    notes: notes.map(visible),
  };
}

/** Why an action may not even be looked at, as a clause; undefined where its preconditions may be asked. */
function problemOf({ kind, host, unit }: GoalAction, leave: Leave, knows: (host: string) => boolean): string | undefined {
  if (leave.autonomy !== "act") return "nobody allowed this goal to act";
  if (!leave.actions.includes(kind)) return "it is not among what this goal may do";
  if (!knows(host)) return "the goal is not about that host";
  if (kind !== "restart-unit") return undefined;
  if (!isUnitName(unit)) return "it names no unit";
  return isUntouchable(unit) ? "that unit is one that nothing restarts by itself" : undefined;
}

const folded = (text: string): string => text.replace(/\s+/g, " ").trim();
