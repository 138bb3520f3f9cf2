import type { Unit } from "./system.ts";
import type { UnitEffect } from "./system-diff.ts";
import { runningUnits } from "./unit-running.ts";
import { effective, unitFlag, unitValues, unitWords } from "./unit-parse.ts";

export type EffectWithReason = { readonly effect: UnitEffect; readonly reason: string };
export type Units = ReadonlyMap<string, Unit>;

/** Keys of [Unit] that switch-to-configuration does not compare, X-Reload-Triggers aside, which asks for a reload. */
const ignoredUnitKeys: ReadonlySet<string> = new Set([
  "Description",
  "Documentation",
  "OnFailure",
  "OnSuccess",
  "OnFailureJobMode",
  "IgnoreOnIsolate",
  "StopWhenUnneeded",
  "RefuseManualStart",
  "RefuseManualStop",
  "AllowIsolate",
  "CollectMode",
  "SourcePath",
]);

/** What differs between two units in the eyes of switch-to-configuration, which leaves [Install] out. `keys` are those that decided. */
export type UnitComparison = { readonly needs: "nothing" | "reload" | "restart"; readonly keys: readonly string[] };

/**
 * Compares two units as switch-to-configuration-ng's compare_units does (nixpkgs, pkgs/by-name/sw/switch-to-configuration-ng): values as
 * text, store hashes included. A reload is enough where only X-Reload-Triggers or a mount's Options differ.
 */
export function compareUnits(before: Unit, after: Unit): UnitComparison {
  const reload: string[] = [];
  const restart: string[] = [];
  const sections = new Set([...before.sections.keys(), ...after.sections.keys()]);
  sections.delete("Install");
  for (const section of sections) {
    const from = before.sections.get(section);
    const to = after.sections.get(section);
    // A section that came or went counts even where it is empty; [Unit] counts by its keys.
    if ((from === undefined || to === undefined) && section !== "Unit") restart.push(`[${section}]`);
    for (const key of new Set([...(from?.keys() ?? []), ...(to?.keys() ?? [])])) {
      if (sameValues(from?.get(key), to?.get(key))) continue;
      if (section === "Unit" && ignoredUnitKeys.has(key)) continue;
      // Where the key goes away, the old triggers are of no interest to it.
      if (section === "Unit" && key === "X-Reload-Triggers") {
        if (to?.has(key) === true) reload.push(key);
      } else if (section === "Mount" && key === "Options" && from?.has(key) === true && to?.has(key) === true) reload.push("Options");
      else restart.push(key);
    }
  }
  if (restart.length > 0) return { needs: "restart", keys: restart };
  return reload.length > 0 ? { needs: "reload", keys: reload } : { needs: "nothing", keys: [] };
}

function sameValues(from: readonly string[] | undefined, to: readonly string[] | undefined): boolean {
  if (from === undefined || to === undefined) return from === to;
  const a = effective(from);
  const b = effective(to);
  return a.length === b.length && a.every((value, index) => value === b[index]);
}

const gone = (unit: Unit | undefined): boolean =>
  unit === undefined || unit.masked || (unit.path === undefined && unit.sections.size === 0);

/**
 * What a switch would do with one unit that differs, by the documented rules of switch-to-configuration, and which rule it was. Which
 * units run is not in the closure: see `runningUnits` for what is assumed, which the reason then says. Mounts that stand in /etc/fstab and
 * not in a unit are not judged here.
 */
export function unitEffect(name: string, before: Units, after: Units): EffectWithReason {
  const from = before.get(name);
  const to = after.get(name);
  if (gone(from) && gone(to)) return { effect: "nothing", reason: "gone or masked on both sides" };
  if (gone(from)) return startEffect(name, after);
  const known = runningUnits(before).get(name);
  const running = known?.ended === true ? undefined : known;
  if (from !== undefined && gone(to)) return stopEffect(from, to, running);
  if (from === undefined || to === undefined) return { effect: "nothing", reason: "no unit" };
  if (running === undefined) return idleEffect(name, before, after);
  const changed = name.endsWith(".target") ? targetEffect(name, to) : changedEffect(from, to, { before, after });
  return running.note === undefined || changed.effect === "nothing"
    ? changed
    : { ...changed, reason: `${changed.reason}; ${running.note}` };
}

function startEffect(name: string, after: Units): EffectWithReason {
  const running = runningUnits(after).get(name);
  if (running === undefined || running.note !== undefined)
    return { effect: "nothing", reason: running?.note ?? "new, and no enabled target wants it" };
  return { effect: "start", reason: `new, wanted by ${running.by}` };
}

function stopEffect(from: Unit, to: Unit | undefined, running: { readonly note?: string } | undefined): EffectWithReason {
  const why = to === undefined ? "gone" : to.masked ? "masked" : "its file cannot be read";
  if (!unitFlag(from, "Unit", "X-StopOnRemoval", true)) return { effect: "nothing", reason: `${why}, X-StopOnRemoval=false` };
  if (running === undefined) {
    // A daemon that nothing in the closure starts may still run: by hand, by udev. Saying that nothing happens would be a guess.
    const daemon = from.name.endsWith(".service") && unitValues(from, "Service", "Type").at(-1) !== "oneshot";
    return daemon
      ? { effect: "stop", reason: `${why}; if it runs: no enabled target wants it` }
      : { effect: "nothing", reason: `${why}; it does not run by itself` };
  }
  return { effect: "stop", reason: running.note === undefined ? why : `${why}; ${running.note}` };
}

/** A unit that is not running is not looked at; but every active target is started again, and with it what it wants and what has ended. */
function idleEffect(name: string, before: Units, after: Units): EffectWithReason {
  const from = before.get(name);
  const to = after.get(name);
  const known = runningUnits(before).get(name);
  const now = runningUnits(after).get(name);
  if (now?.ended === true && known?.ended === true && !now.by.endsWith(".target") && now.by !== "the boot") {
    return { effect: "nothing", reason: `oneshot that has ended; it runs again when ${now.by} is started` };
  }
  if (now?.ended === true) return { effect: "start", reason: `oneshot that has ended; ${now.by} is started again and runs it` };
  if (now !== undefined && now.note === undefined) return { effect: "start", reason: `newly wanted by ${now.by}` };
  const comparison = from === undefined || to === undefined ? undefined : compareUnits(from, to);
  if (comparison?.needs === "nothing") return { effect: "nothing", reason: "nothing that is compared differs" };
  return { effect: "nothing", reason: "not running by itself; the next start takes the new one" };
}

function targetEffect(name: string, to: Unit): EffectWithReason {
  if (["sysinit.target", "basic.target", "multi-user.target", "graphical.target"].includes(name))
    return { effect: "nothing", reason: `${name} is never restarted` };
  if (["suspend.target", "hibernate.target", "hybrid-sleep.target"].includes(name))
    return { effect: "nothing", reason: `${name} is left alone` };
  const stops = unitFlag(to, "Unit", "X-StopOnReconfiguration", false);
  for (const key of ["RefuseManualStart", "X-OnlyManualStart"]) {
    if (unitFlag(to, "Unit", key, false))
      return { effect: stops ? "stop" : "nothing", reason: stops ? `X-StopOnReconfiguration=true, ${key}=true` : `${key}=true` };
  }
  return stops
    ? { effect: "stop-start", reason: "X-StopOnReconfiguration=true" }
    : { effect: "start", reason: "active targets are started again" };
}

function changedEffect(from: Unit, to: Unit, sides: { readonly before: Units; readonly after: Units }): EffectWithReason {
  const { name } = to;
  const comparison = compareUnits(from, to);
  if (comparison.needs === "nothing") return { effect: "nothing", reason: "nothing that is compared differs" };
  if (comparison.needs === "reload") return { effect: "reload", reason: `only ${comparison.keys.join(", ")} differs` };
  if (name.endsWith(".slice")) return { effect: "nothing", reason: "slices take their properties on daemon-reload" };
  if (name.endsWith(".path")) return { effect: "nothing", reason: "paths take their properties on daemon-reload" };
  if (name.endsWith(".mount")) {
    if (name === "-.mount" || name === "nix.mount") return { effect: "reload", reason: `${name} is never unmounted` };
    return { effect: "restart", reason: "a mount is unmounted and mounted again" };
  }
  if (name.endsWith(".socket")) return { effect: "nothing", reason: "sockets are left as they are" };
  if (unitFlag(to, "Service", "X-ReloadIfChanged", false)) return { effect: "reload", reason: "X-ReloadIfChanged=true" };
  if (!unitFlag(to, "Service", "X-RestartIfChanged", true)) return { effect: "skip", reason: "X-RestartIfChanged=false" };
  for (const key of ["RefuseManualStop", "X-OnlyManualStart"]) {
    if (unitFlag(to, "Unit", key, false)) return { effect: "skip", reason: `${key}=true` };
  }
  if (!name.endsWith(".service")) return { effect: "restart", reason: `changed (${comparison.keys.join(", ")})` };
  if (!unitFlag(to, "Service", "X-StopIfChanged", true)) return { effect: "restart", reason: "X-StopIfChanged=false" };
  return stopStart(to, sides);
}

/** With an active socket both are stopped and only the socket is started; the service comes back with the next connection. */
function stopStart(to: Unit, { before, after }: { readonly before: Units; readonly after: Units }): EffectWithReason {
  const named = unitWords(to, "Service", "Sockets");
  const sockets = named.length > 0 ? named : [to.name.replace(/\.service$/, ".socket")];
  const active = sockets.filter((socket) => runningUnits(before).has(socket));
  if (active.length === 0) return { effect: "stop-start", reason: "changed, X-StopIfChanged is not false" };
  if (unitFlag(to, "Service", "X-NotSocketActivated", false))
    return { effect: "stop-start", reason: `X-NotSocketActivated=true; ${active.join(", ")} too` };
  const kept = active.filter((socket) => !gone(after.get(socket)));
  if (kept.length === 0) return { effect: "stop-start", reason: `changed; ${active.join(", ")} goes away` };
  return { effect: "stop-start", reason: `socket-activated: ${kept.join(", ")} is started again, the service with the next connection` };
}
