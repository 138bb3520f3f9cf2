import type { Miss } from "../apply/outcome.ts";
import type { Observation, RunningUnit } from "../target/observation.ts";

/** So many restarts since the deploy are no accident. */
const loopRestarts = 2;
/** What is expected of a unit that systemd keeps starting again. */
export const keepsRestarting = "stays up";
/** What it came to is told by the attempt's own outcome. */
const own = /^nixos-deploy-gate-/;

/**
 * Units that failed since the baseline, and those that systemd keeps restarting. switch-to-configuration resets all failed units before it starts anything, so a unit
 * that had failed and is not failed now is fine, and one that had failed and has failed again is no news.
 */
export function failedUnitMisses(before: Observation, after: Observation): Miss[] {
  const misses: Miss[] = [];
  const known = new Set(before.failedUnits);
  const olds = new Map(before.units.map((unit) => [unit.unit, unit]));
  const now = new Map(after.units.map((unit) => [unit.unit, unit]));
  for (const name of new Set(after.failedUnits)) {
    if (known.has(name) || own.test(name)) continue;
    misses.push({
      family: "unit",
      subject: name,
      expected: "not failed",
      found: `failed${why(now.get(name))}`,
      needs: "restart",
      sentence: `${name} has failed since the deploy.`,
    });
  }
  for (const unit of after.units) {
    if (unit.activeState === "failed" || own.test(unit.unit)) continue;
    const old = olds.get(unit.unit);
    const waits = unit.subState.startsWith("auto-restart");
    // The counter begins anew when a unit is started by hand or by a switch.
    const restarts = old === undefined || old.restarts > unit.restarts ? unit.restarts : unit.restarts - old.restarts;
    const looped = old?.subState.startsWith("auto-restart") === true || known.has(unit.unit);
    if (looped || (!waits && restarts < loopRestarts)) continue;
    misses.push({
      family: "unit",
      subject: unit.unit,
      expected: keepsRestarting,
      found: `${unit.activeState} (${unit.subState}), restarted ${restarts === 1 ? "once" : `${restarts} times`}${why(unit)}`,
      needs: "restart",
      sentence: `${unit.unit} does not stay up: systemd keeps restarting it.`,
    });
  }
  return misses;
}

function why(unit: RunningUnit | undefined): string {
  if (unit === undefined || unit.result === "" || unit.result === "success") return "";
  return unit.result === "exit-code" ? ` with exit status ${unit.execMainStatus}` : ` (${unit.result})`;
}
