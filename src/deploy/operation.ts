import type { Strategy } from "../apply/outcome.ts";
import type { Ended, Next } from "../apply/strategy.ts";
import type { Observation } from "../target/observation.ts";
import type { Change } from "./change.ts";

/** One activation, as it is asked for. */
export type Operation = {
  readonly strategy: Strategy;
  readonly operation: "switch" | "boot";
  readonly from: { readonly current: string; readonly profile: string };
  readonly to: string;
  readonly activate: string;
  readonly stopFirst: readonly string[];
  /** What keeps `to` on the host since before its copy; undefined where nothing was copied. */
  readonly copyRoot?: string;
};

/** What was attempted last, as far as the next attempt starts from it. */
type Last = { readonly ended: Pick<Ended, "standing">; readonly phase: { readonly outcome: string } | undefined };

/** The activation that a strategy means on this host, which `before` was seen before anything was tried. */
export function operationOf(change: Change, next: Extract<Next, { kind: "try" }>, before: Observation, last: Last | undefined): Operation {
  const { planned } = change;
  const from = { current: before.current ?? "", profile: before.profile ?? "" };
  const activate = planned.activate ?? planned.to;
  switch (next.strategy) {
    case "restart-units":
      // It is active already and its units were started anew: what is left is to confirm it.
      if (last?.ended.standing === "new")
        return {
          strategy: next.strategy,
          operation: "switch",
          from: { current: activate, profile: last.phase?.outcome === "left-unconfirmed" ? planned.to : from.profile },
          to: planned.to,
          activate,
          stopFirst: [],
        };
      return { strategy: next.strategy, operation: "switch", from, to: planned.to, activate, stopFirst: [] };
    case "switch":
      return { strategy: next.strategy, operation: "switch", from, to: planned.to, activate, stopFirst: [] };
    case "stop-then-switch":
      return { strategy: next.strategy, operation: "switch", from, to: planned.to, activate, stopFirst: next.units };
    case "boot":
      return { strategy: next.strategy, operation: "boot", from, to: planned.to, activate, stopFirst: [] };
    case "rollback":
      return {
        strategy: next.strategy,
        operation: "switch",
        // It is active; what boots is the old one still, or already the new one.
        from: { current: activate, profile: from.profile },
        to: from.profile,
        activate: from.current,
        stopFirst: [],
      };
  }
}
