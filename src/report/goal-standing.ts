import type { ExitCode } from "../failure.ts";
import type { GoalReport } from "../goal/goal-report.ts";

/** What a run of a goal came to, one word for a workflow's `if:`. */
export type GoalDecision = "failed" | "held" | "nothing";

type Ends = Pick<GoalReport, "answer" | "actions" | "proposal">;

/** Whether something failed that was begun, a person has to look, or nobody is needed. Pure. */
export function goalDecision({ answer, actions, proposal }: Ends): GoalDecision {
  if (answer.kind === "none" || proposal.kind === "failed" || actions.some(({ end }) => end === "failed")) return "failed";
  const urgent = answer.answer.findings.some(({ severity }) => severity === "urgent");
  const undone = actions.some(({ end }) => end === "refused" || end === "no-effect");
  const proposed = proposal.kind === "opened" || proposal.kind === "updated" || proposal.kind === "refused";
  return urgent || undone || proposed || answer.answer.proposal.questions.length > 0 ? "held" : "nothing";
}

/** Why, as a stable word. */
export function goalReason({ answer, actions, proposal }: Ends): string {
  if (answer.kind === "none") return answer.reason;
  if (proposal.kind === "failed") return proposal.failure.code;
  if (actions.some(({ end }) => end === "failed")) return "action-failed";
  if (actions.some(({ end }) => end === "refused" || end === "no-effect")) return "action-not-done";
  if (proposal.kind !== "none" && proposal.kind !== "unchanged") return `proposal-${proposal.kind}`;
  if (answer.answer.findings.some(({ severity }) => severity === "urgent")) return "urgent-finding";
  if (answer.answer.proposal.questions.length > 0) return "questions";
  return answer.answer.findings.length === 0 ? "all-well" : "findings";
}

/** Of the program: no answer is 4, an action that failed 1, a person who is needed 3. */
export function goalExit(report: Ends): ExitCode {
  if (report.answer.kind === "none" || report.proposal.kind === "failed") return 4;
  const decision = goalDecision(report);
  return decision === "failed" ? 1 : decision === "held" ? 3 : 0;
}

/**
 * How the operator lets this goal do more, where policy lets it do less than its file asks for and there was something to do: the line of the policy, and what it would
 * allow. Undefined where nothing stood in its way.
 */
export function moreLeave({
  goal,
  leave,
  answer,
}: Pick<GoalReport, "goal" | "leave" | "answer">): { readonly line: string; readonly why: string } | undefined {
  if (leave.autonomy === goal.autonomy || answer.kind === "none" || answer.answer.findings.length === 0) return undefined;
  const why =
    goal.autonomy === "act"
      ? `It was allowed to ${words[leave.autonomy]} and nothing more. To let it do these things by itself where they help (${goal.actions.join(", ")}):`
      : "It was allowed to observe and nothing more. To let it open a pull request where there is something to change:";
  return { line: `deployGate.goals.by.${goal.name}.autonomy = "${goal.autonomy}";`, why };
}

const words = { observe: "observe", propose: "propose", act: "act" } as const;
