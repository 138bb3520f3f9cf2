import type { CheckResult } from "../target/check-result.ts";
import type { BriefObservation } from "../target/observation.ts";

/** What the host was before, so that what was broken already is not blamed on the change. */
export type Baseline = {
  readonly failedUnits: readonly string[];
  /** Services that systemd was starting over and over. */
  readonly restarting: readonly string[];
  readonly checks: readonly CheckResult[];
};

/** Services that systemd starts over and over: neither failed nor running. */
export const restartingUnits = (observation: Pick<BriefObservation, "units">): string[] =>
  observation.units.filter((unit) => unit.subState.startsWith("auto-restart")).map((unit) => unit.unit);

export const baselineOf = (observation: Pick<BriefObservation, "failedUnits" | "units">, checks: readonly CheckResult[]): Baseline => ({
  failedUnits: observation.failedUnits,
  restarting: restartingUnits(observation),
  checks,
});
