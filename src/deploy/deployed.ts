import type { Miss, Outcome, OutcomeKind } from "../apply/outcome.ts";
import type { Next } from "../apply/strategy.ts";
import type { HostEnd } from "../apply/waves.ts";
import type { Observation } from "../target/observation.ts";
import type { Attempted } from "./attempt.ts";
import type { Change } from "./change.ts";

/** How a deploy to one host ended: for the report, and for the wave that it stands in. */
export type Deployed = { readonly outcome: Outcome; readonly end: HostEnd };

/** The name of an end that is not proven to be the new system; `next` is what would have come. */
export function kindOf(next: Next, last: Attempted | undefined): OutcomeKind {
  if (last === undefined) return "not-reached";
  const outcome = last.phase?.outcome;
  const { standing, trouble, strategy } = last.ended;
  if (outcome === "superseded" || standing === "other") return "superseded";
  if (outcome === "live-but-old-boots" && strategy !== "rollback") return "live-but-old-boots";
  if (outcome === "left-unconfirmed") return "left-unconfirmed";
  if (outcome === "rolled-back" && strategy !== "rollback") return "rolled-back";
  if (strategy === "rollback" && trouble === undefined && standing === "old") return "rolled-back";
  if (trouble === "unreachable") return "unreachable";
  if (next.kind === "end" && next.how === "later") return "held";
  // It was begun, and a loss of power or a kill has ended it: what boots is the old system.
  return standing === "old" && outcome === undefined && trouble === "killed" ? "rolled-back" : "failed";
}

/** The name of an end at which the new system was confirmed, by what its proof missed. */
export function deployedAs(change: Change, staged: boolean, misses: readonly Miss[]): OutcomeKind {
  if (misses.some((miss) => miss.family === "toplevel" && miss.needs !== "nothing")) return "failed";
  if (misses.some((miss) => miss.needs !== "nothing" && miss.needs !== "reboot")) return "deployed-with-misses";
  if (staged) return "staged";
  return change.planned.mode !== "switch" || misses.some((miss) => miss.needs === "reboot") ? "deployed-reboot-pending" : "deployed";
}

type Closing = {
  readonly touched: boolean;
  readonly healthy: boolean;
  readonly observation?: Observation | undefined;
  readonly misses?: readonly Miss[];
  readonly tried?: Outcome["attempts"];
  readonly log?: string;
  readonly logAt?: string | undefined;
  readonly failure?: Outcome["failure"];
  readonly next?: string;
};

export function ended(outcome: OutcomeKind, reasons: readonly [string, ...string[]], closing: Closing): Deployed {
  const { observation, misses = [], tried = [], log, logAt, failure: why, next } = closing;
  return {
    outcome: {
      outcome,
      reasons,
      ...(why === undefined ? {} : { failure: why }),
      ...(next === undefined ? {} : { next }),
      ...(observation === undefined
        ? {}
        : { now: { current: observation.current, profile: observation.profile, booted: observation.booted } }),
      misses,
      attempts: tried,
      ...(log === undefined || log === "" ? {} : { log }),
      ...(logAt === undefined ? {} : { logAt }),
    },
    end: { outcome, touched: closing.touched, healthy: closing.healthy },
  };
}
