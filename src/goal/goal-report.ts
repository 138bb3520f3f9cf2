import type { FleetContext } from "../context/fleet-context.ts";
import type { Failure } from "../failure.ts";
import type { ToolCall } from "../tools/toolbox.ts";
import type { GoalAction, GoalAnswer } from "./goal-answer.ts";
import type { Goal, Leave } from "./goal.ts";

/** What became of one action: done and seen to have worked, done and not, or not done and why. */
export type ActionEnd = {
  readonly action: GoalAction;
  readonly end: "done" | "no-effect" | "refused" | "failed";
  readonly reasons: readonly string[];
};

/** What became of the edited copy. */
export type ProposalEnd =
  | { readonly kind: "none" }
  /** Checks that failed, as sentences: nothing was pushed. */
  | { readonly kind: "refused"; readonly problems: readonly string[] }
  | {
      readonly kind: "opened" | "updated" | "unchanged";
      readonly branch: string;
      /** Undefined in a shell, where the branch stays local. */
      readonly url: string | undefined;
      /** What `git am` takes, where nothing was pushed. */
      readonly patch?: string;
      /** What it changes, line by line, without secrets and cut at its end. */
      readonly diff?: string;
      /** Worst verdict of the plan over the hosts, and how many each. */
      readonly verdicts: Readonly<Record<string, number>>;
      readonly changedPaths: readonly string[];
    }
  | { readonly kind: "failed"; readonly failure: Failure };

/** One run of a goal, whole: what people read is derived from it. */
export type GoalReport = {
  readonly schema: 1;
  readonly goal: Pick<Goal, "name" | "output" | "autonomy" | "actions">;
  /** Names the occasion: the same wish or incident has the same id, so that a second run updates what the first made. */
  readonly id: string;
  readonly leave: Leave;
  /** What the goal was told: a wish, an incident in words. Untrusted. */
  readonly told: string | undefined;
  readonly startedAt: Date;
  readonly finishedAt: Date;
  readonly context: FleetContext;
  readonly answer:
    | { readonly kind: "answered"; readonly answer: Omit<GoalAnswer, "nonce"> }
    | { readonly kind: "none"; readonly reason: string; readonly detail: string };
  readonly calls: readonly ToolCall[];
  readonly actions: readonly ActionEnd[];
  readonly proposal: ProposalEnd;
  readonly costUsd: number;
  readonly notes: readonly string[];
};
