import type { HostSides, Side } from "../build/sides.ts";
import type { Failure } from "../failure.ts";

/**
 * How a host stands before anything is judged: one closed union, so that no host is in two states or in none (invariant 5). A host that both sides know under the
 * same output path is the same system, whatever the derivations are called.
 */
export type Standing =
  | {
      readonly state: "failed";
      readonly stage: "evaluate" | "build" | "observe" | "diff";
      readonly failure: Failure;
      readonly atBase: boolean;
    }
  | { readonly state: "unchanged"; readonly toplevel: string }
  | { readonly state: "removed"; readonly from: string | undefined }
  | { readonly state: "added"; readonly to: string; readonly baseFailed?: Failure }
  | { readonly state: "changed"; readonly from: string; readonly to: string };

export function standingOf({ before, after }: Pick<HostSides, "before" | "after">): Standing {
  if (before.kind === "failed" && before.stage === "observe" && after.kind === "known")
    return { state: "failed", stage: "observe", failure: before.failure, atBase: false };
  switch (after.kind) {
    case "failed":
      return { state: "failed", stage: after.stage, failure: after.failure, atBase: failsAlike(before, after) };
    case "absent":
      return { state: "removed", from: before.kind === "known" || before.kind === "running" ? before.toplevel : undefined };
    case "running":
      throw new Error("what a host runs is never its new side");
    case "known":
      if (before.kind === "absent") return { state: "added", to: after.toplevel };
      if (before.kind === "failed") return { state: "added", to: after.toplevel, baseFailed: before.failure };
      // What is active and what boots: a host that boots another system than it runs is not there yet.
      return before.toplevel === (after.activates ?? after.toplevel) && (before.kind === "known" || before.profile === after.toplevel)
        ? { state: "unchanged", toplevel: after.toplevel }
        : { state: "changed", from: before.toplevel, to: after.toplevel };
  }
}

/** The same derivation, or the same code at the same stage where there is none: then the change did not break it. */
function failsAlike(before: Side, after: Extract<Side, { kind: "failed" }>): boolean {
  if (before.kind !== "failed" || before.stage !== after.stage) return false;
  if (before.evaluation !== undefined && after.evaluation !== undefined)
    return before.evaluation.drvPath === after.evaluation.drvPath || before.failure.code === after.failure.code;
  return before.failure.code === after.failure.code;
}
