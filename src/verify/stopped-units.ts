import type { Miss } from "../apply/outcome.ts";
import type { System, Unit } from "../diff/system.ts";
import { unitFlag } from "../diff/unit-parse.ts";
import { runningUnits } from "../diff/unit-running.ts";
import type { Observation, RunningUnit } from "../target/observation.ts";

const up: ReadonlySet<string> = new Set(["active", "reloading", "refreshing"]);
/** On its way to one or the other: what it comes to is seen at the next look. */
const moving: ReadonlySet<string> = new Set(["activating", "deactivating"]);
const conditional = /^(?:Condition|Assert)/;

/**
 * Units that were active, are wanted by the new system as well and are down now; and those that the new system wants for the first time and that were never started.
 * Failed units are told elsewhere. `old` is the system from before where it is known.
 */
export function stoppedUnitMisses(old: System | undefined, system: System, before: Observation, after: Observation): Miss[] {
  // Without a list of units nothing is said: an empty answer is not an empty host.
  if (after.units.length === 0) return [];
  const olds = new Map(before.units.map((unit) => [unit.unit, unit]));
  const now = new Map(after.units.map((unit) => [unit.unit, unit]));
  const wantedBefore = old === undefined ? undefined : runningUnits(old.units);
  const misses: Miss[] = [];
  for (const [name, running] of runningUnits(system.units)) {
    const unit = system.units.get(name);
    if (unit === undefined || unit.aliasOf !== undefined || unit.masked || running.note !== undefined || running.ended === true) continue;
    const seen = now.get(name);
    if (seen !== undefined && (up.has(seen.activeState) || moving.has(seen.activeState) || seen.activeState === "failed")) continue;
    const starter = now.get(running.by);
    if (running.by.endsWith(".target") && starter !== undefined && !up.has(starter.activeState)) continue;
    const was = olds.get(name);
    const stopped = was !== undefined && up.has(was.activeState);
    const fresh = wantedBefore !== undefined && !wantedBefore.has(name) && neverStarted(seen) && startsAlone(unit);
    if (!stopped && !fresh) continue;
    const found = seen === undefined ? "not loaded" : `${seen.activeState} (${seen.subState})`;
    const sentence = stopped
      ? `${name} was active before the deploy and ${running.by} still wants it, but it is down.`
      : `${name} is new and ${running.by} wants it, but it was never started.`;
    misses.push({ family: "unit", subject: name, expected: "active", found, needs: "restart", sentence });
  }
  return misses;
}

const neverStarted = (seen: RunningUnit | undefined): boolean => seen === undefined || seen.activeSince === undefined;

/** A unit with conditions may rightly stay down, and one that is only started by hand does. */
function startsAlone(unit: Unit): boolean {
  if (["RefuseManualStart", "X-OnlyManualStart"].some((key) => unitFlag(unit, "Unit", key, false))) return false;
  return ![...(unit.sections.get("Unit")?.keys() ?? [])].some((key) => conditional.test(key));
}
