import type { CheckOutcome } from "../target/check-result.ts";

/** One question before an activation, answered. */
export type Answer = {
  readonly outcome: CheckOutcome;
  readonly sentence: string;
  /** The next command to type, where it is not green and a command helps. */
  readonly next?: string;
};

export const passed = (sentence: string): Answer => ({ outcome: "passed", sentence });
export const failed = (sentence: string, next?: string): Answer => ({
  outcome: "failed",
  sentence,
  ...(next === undefined ? {} : { next }),
});
/** What could not be told: never green. */
export const inconclusive = (sentence: string, next?: string): Answer => ({
  outcome: "inconclusive",
  sentence,
  ...(next === undefined ? {} : { next }),
});
