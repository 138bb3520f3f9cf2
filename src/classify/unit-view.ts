import type { System, Unit } from "../diff/system.ts";
import type { UnitChange, UnitEffect } from "../diff/system-diff.ts";
import type { RuleContext } from "./rule.ts";

/** Values of a list-like key as systemd ends up with them: an empty assignment drops everything before it. */
export function values(unit: Unit | undefined, section: string, key: string): readonly string[] {
  const all = unit?.sections.get(section)?.get(key) ?? [];
  return all.slice(all.lastIndexOf("") + 1);
}

export function value(unit: Unit | undefined, section: string, key: string): string | undefined {
  return values(unit, section, key).at(-1);
}

/** The unit exists and can be started: it has a file and is not masked. */
export function usable(system: System | undefined, name: string): boolean {
  const unit = system?.units.get(name);
  return unit !== undefined && !unit.masked && (unit.path !== undefined || unit.sections.size > 0);
}

const interrupting: ReadonlySet<UnitEffect> = new Set(["stop", "restart", "stop-start"]);

/** The switch ends the unit's processes, if only for a moment. */
export const interrupts = (change: UnitChange): boolean => interrupting.has(change.effect);

/** Units whose processes the switch ends and whose name matches. */
export function interrupted(context: RuleContext, names: RegExp): readonly UnitChange[] {
  return context.diff.units.filter((change) => names.test(change.name) && interrupts(change));
}

/** Units that were usable before and are not any more: removed or masked. */
export function gone(context: RuleContext, names: RegExp): readonly UnitChange[] {
  return context.diff.units.filter(
    (change) =>
      names.test(change.name) &&
      (change.change === "removed" || (usable(context.before, change.name) && !usable(context.after, change.name))),
  );
}

export const evidenceOf = (change: UnitChange): string => `${change.name}: ${change.change}, ${change.effect} (${change.reason})`;
