import type { Unit } from "./system.ts";
import { templateOf } from "./unit.ts";
import { unitFlag, unitValues, unitWords } from "./unit-parse.ts";

/** Why a unit is taken to be running. */
export type Running = {
  /** The unit that starts it. */
  readonly by: string;
  /** Said where it is only likely: started on demand by a socket, the bus or as an instance. */
  readonly note?: string;
  /** A oneshot that has done its work: started at boot and at each switch, and not running in between. */
  readonly ended?: boolean;
};

const memory = new WeakMap<ReadonlyMap<string, Unit>, ReadonlyMap<string, Running>>();

/**
 * The units that would be active on a host with these units, by name; a closure cannot know more. Taken as active: what the default target
 * reaches by wants and requires, what an active socket or the bus starts, and instances of templates. Not taken as active: what a timer or
 * a path starts now and then. A oneshot that does not remain after exit is in the result with `ended`.
 */
export function runningUnits(units: ReadonlyMap<string, Unit>): ReadonlyMap<string, Running> {
  const known = memory.get(units);
  if (known !== undefined) return known;
  const made = new Map<string, Running>();
  memory.set(units, made);
  for (const [name, by] of reached(units)) {
    const unit = units.get(name);
    if (unit !== undefined && !unit.masked) made.set(name, endsByItself(unit) ? { by, ended: true } : { by });
  }
  for (const [name, unit] of units) {
    if (made.has(name) || unit.masked || !name.endsWith(".service")) continue;
    const onDemand = startedOnDemand(name, unit, made);
    if (onDemand !== undefined) made.set(name, onDemand);
  }
  return made;
}

function endsByItself(unit: Unit): boolean {
  return unitValues(unit, "Service", "Type").at(-1) === "oneshot" && !unitFlag(unit, "Service", "RemainAfterExit", false);
}

function startedOnDemand(name: string, unit: Unit, running: ReadonlyMap<string, Running>): Running | undefined {
  if (name.includes("@.")) return { by: name, note: "for each instance that runs" };
  const named = unitWords(unit, "Service", "Sockets");
  const sockets = [...named, name.replace(/\.service$/, ".socket")];
  const socket = sockets.find((candidate) => running.has(candidate));
  if (socket !== undefined) return { by: socket, note: `if it runs: ${socket} starts it on demand` };
  if (unitValues(unit, "Service", "BusName").length > 0) return { by: "dbus", note: "if it runs: the bus starts it on demand" };
  const template = templateOf(name);
  return template === undefined ? undefined : { by: template, note: "if this instance runs" };
}

/** Edges that systemd has built in and that a NixOS unit directory need not repeat. */
const builtIn: Readonly<Record<string, readonly string[]>> = {
  "basic.target": ["sysinit.target", "sockets.target", "timers.target", "paths.target", "slices.target"],
  "sysinit.target": ["local-fs.target", "swap.target"],
  "multi-user.target": ["basic.target"],
  "graphical.target": ["multi-user.target"],
};
/** Started by the boot, and again by each switch. */
const starts = ["default.target", "multi-user.target", "sysinit.target", "basic.target", "sysinit-reactivation.target"];

function reached(units: ReadonlyMap<string, Unit>): ReadonlyMap<string, string> {
  const wantedBy = new Map<string, string[]>();
  for (const [name, unit] of units) {
    for (const link of unit.wantedBy) {
      const by = link.replace(/\.(?:wants|requires|upholds)$/, "");
      const list = wantedBy.get(by);
      if (list === undefined) wantedBy.set(by, [name]);
      else list.push(name);
    }
  }
  const found = new Map<string, string>();
  // Targets first, so that a unit that a target and a service want is told as the target's: only targets are started again by each switch.
  const targets: [string, string][] = starts.map((name) => [name, "the boot"]);
  const others: [string, string][] = [];
  for (let entry = targets.pop() ?? others.pop(); entry !== undefined; entry = targets.pop() ?? others.pop()) {
    const [asked, by] = entry;
    const unit = units.get(asked) ?? units.get(templateOf(asked) ?? "");
    const name = unit?.aliasOf ?? unit?.name ?? asked;
    if (found.has(name)) continue;
    found.set(name, by);
    if (asked !== name && !found.has(asked)) found.set(asked, by);
    const actual = units.get(name);
    const wants = actual === undefined ? [] : ["Wants", "Requires", "BindsTo", "Upholds"].flatMap((key) => unitWords(actual, "Unit", key));
    for (const next of [...(wantedBy.get(name) ?? []), ...(wantedBy.get(asked) ?? []), ...wants, ...(builtIn[name] ?? [])]) {
      (next.endsWith(".target") ? targets : others).push([next, name]);
    }
  }
  return found;
}
