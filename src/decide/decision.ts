import type { Failure } from "../failure.ts";

/** What would happen to a host and why. Pure data: `decide.ts` makes it, apply obeys it, reports show it. */
export type Action =
  /** Nothing differs. */
  | "nothing"
  /** Built and compared only: policy does not hand this host to the gate. */
  | "observe"
  | "deploy"
  /** Switched at once; part of the change takes effect at the reboot that follows in its window. */
  | "deploy-then-reboot"
  /** Boot default is set, the running system is left alone until the reboot. */
  | "stage"
  /** Nothing that is known before the build objects; what it changes is known when it is built. */
  | "build"
  /** Waits for a person. */
  | "hold"
  /** Could not be evaluated, built or compared. */
  | "fail";

export type Decision = {
  readonly action: Action;
  /** At least one, in the order in which they were decisive; each a sentence. */
  readonly reasons: readonly [string, ...string[]];
  /** What became of an approval that was given in this run. */
  readonly approval?: GivenApproval;
  /** Held, and somebody said no to this very change: nobody is asked again. */
  readonly rejectedBy?: string;
};

export type GivenApproval =
  /** `unused`: the host was not held, or not built yet. */
  | { readonly by: string; readonly became: "granted" | "unused" }
  | { readonly by: string; readonly became: "refused"; readonly failure: Failure };
