import type { Miss } from "../apply/outcome.ts";
import { storeMentions } from "../diff/normalise.ts";
import { storePathOf } from "../diff/store-path.ts";
import type { System, Unit } from "../diff/system.ts";
import type { UnitEffect } from "../diff/system-diff.ts";
import { compareUnits, unitEffect } from "../diff/unit-effect.ts";
import { templateOf } from "../diff/unit.ts";
import { unitValues } from "../diff/unit-parse.ts";
import type { Observation, RunningUnit } from "../target/observation.ts";

const maxMentions = 2000;
const deleted = / \(deleted\)$/;
const gone: ReadonlySet<UnitEffect> = new Set(["skip", "nothing"]);

/**
 * Units that run something older than what the new system says: systemd has not read the new file, the process was not restarted, or it still runs out of a store path
 * that only the old unit names. `effects` is what the switch was expected to do with each unit, worked out here where it is not given.
 */
export function processMisses(
  old: System | undefined,
  system: System,
  before: Observation,
  after: Observation,
  prefix: string,
  effects: ReadonlyMap<string, UnitEffect> = new Map(),
): Miss[] {
  const misses = reloadMiss(system, after);
  const olds = new Map(before.units.map((unit) => [unit.unit, unit]));
  for (const running of after.units) {
    const name = declaredName(system, running.unit);
    const unit = name === undefined ? undefined : system.units.get(name);
    if (name === undefined || unit === undefined || running.mainPid === 0 || running.activeState !== "active") continue;
    const was = old?.units.get(name);
    const changed = was !== undefined && was !== unit && compareUnits(was, unit).needs === "restart";
    const found = changed ? oldProcess(was, unit, running, before, prefix) : removedBinary(running, olds.get(running.unit));
    if (found === undefined) continue;
    const effect = !changed || old === undefined ? undefined : (effects.get(name) ?? unitEffect(name, old.units, system.units).effect);
    misses.push(processMiss(running.unit, unit, found, effect));
  }
  return misses;
}

/** One for all: one daemon-reload settles them. */
function reloadMiss(system: System, after: Observation): Miss[] {
  const stale = after.units
    .filter((unit) => unit.needDaemonReload && declaredName(system, unit.unit) !== undefined)
    .map((unit) => unit.unit);
  const [first] = stale;
  if (first === undefined) return [];
  const named = stale.slice(0, 5).join(", ");
  return [
    {
      family: "process",
      subject: first,
      expected: "systemd has read the new unit files",
      found: stale.length === 1 ? "one unit that it has not read" : `${stale.length} units that it has not read`,
      needs: "daemon-reload",
      sentence: `systemd has not read the new files of ${named}${stale.length > 5 ? ` and ${stale.length - 5} more` : ""}.`,
    },
  ];
}

/** `getty@.service` where the system declares only the template of an instance. */
function declaredName(system: System, name: string): string | undefined {
  if (system.units.has(name)) return name;
  const template = templateOf(name);
  return template !== undefined && system.units.has(template) ? template : undefined;
}

function oldProcess(was: Unit, unit: Unit, running: RunningUnit, before: Observation, prefix: string): string | undefined {
  const roots = (text: string): Set<string> => new Set(storeMentions(text, prefix, maxMentions).map((mention) => mention.root));
  const now = roots(unit.text);
  const left = new Set([...roots(was.text)].filter((root) => !now.has(root)));
  const runs = [running.executable?.replace(deleted, ""), ...running.runs].flatMap((path) =>
    path === undefined ? [] : (storePathOf(path, prefix) ?? []),
  );
  const stale = runs.find((root) => left.has(root));
  if (stale !== undefined) return stale;
  // By the host's own clock on both sides, which may have been set meanwhile; a second is lost in rounding.
  if (running.activeSince !== undefined && running.activeSince.getTime() < before.at.getTime() - 1000)
    return `a process from ${running.activeSince.toISOString()}, before the deploy`;
  return undefined;
}

/** A program that has been collected as garbage is one that no system names any more. */
function removedBinary(running: RunningUnit, was: RunningUnit | undefined): string | undefined {
  const { executable } = running;
  if (executable === undefined || !deleted.test(executable) || was?.executable === executable) return undefined;
  return executable;
}

function processMiss(name: string, unit: Unit, found: string, effect: UnitEffect | undefined): Miss {
  const expected = unitValues(unit, "Service", "ExecStart").at(-1)?.split(/\s/)[0]?.slice(0, 300) ?? "the new unit";
  if (effect !== undefined && gone.has(effect))
    return {
      family: "process",
      subject: name,
      expected,
      found,
      needs: "reboot",
      sentence: `${name} changed and is left running by design; the next boot starts the new one.`,
    };
  const sentence = deleted.test(found) ? `${name} runs a program that is no longer in the store.` : `${name} still runs the old version.`;
  return { family: "process", subject: name, expected, found, needs: "restart", sentence };
}
