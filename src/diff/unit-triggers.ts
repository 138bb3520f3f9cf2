import type { StoreFiles } from "../io/ports.ts";
import { storeMentions } from "./normalise.ts";
import type { EtcFile, System, Unit } from "./system.ts";
import { unitValues } from "./unit-parse.ts";

const maxTriggers = 200;
const maxNamed = 6;

/**
 * Says which triggers of a unit changed, as parts of a reason: `trigger /etc/ssh/sshd_config changed`. NixOS puts the paths of
 * `restartTriggers` into one store file and names that in X-Restart-Triggers, so the unit's own text says only that something changed.
 */
export function triggerReasons(store: StoreFiles, from: Unit, to: Unit, before: System, after: System): string[] {
  const reasons: string[] = [];
  for (const key of ["X-Restart-Triggers", "X-Reload-Triggers"]) {
    const old = triggers(store, from, key);
    const now = triggers(store, to, key);
    if (old.size === 0 && now.size === 0) continue;
    const known = new Set([...old.values()].flat());
    const current = new Set([...now.values()].flat());
    const names = new Set<string>();
    for (const path of current) if (!known.has(path)) names.add(nameOf(path, after.etc));
    for (const path of known) if (!current.has(path)) names.add(nameOf(path, before.etc));
    const list = [...names].sort();
    if (list.length === 0) continue;
    const more = list.length > maxNamed ? ` and ${list.length - maxNamed} more` : "";
    reasons.push(`trigger ${list.slice(0, maxNamed).join(", ")}${more} changed`);
  }
  return reasons;
}

function triggers(store: StoreFiles, unit: Unit, key: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const value of unitValues(unit, "Unit", key)) {
    for (const mention of storeMentions(value, store.prefix, maxTriggers)) {
      const listed = /^X-Re(?:start|load)-Triggers/.test(mention.name) ? store.read(mention.path, 256 * 1024)?.text : undefined;
      found.set(mention.path, listed === undefined ? [mention.path] : listed.split(/\s+/).filter((path) => path !== ""));
    }
  }
  return found;
}

/** The /etc entry that stands for a trigger where there is one, else the name of the store path. */
function nameOf(path: string, etc: ReadonlyMap<string, EtcFile>): string {
  const entry = byTarget(etc).get(path);
  return entry !== undefined ? `/etc/${entry}` : path.replace(/^.*\/[0-9a-df-np-sv-z]{32}-/, "");
}

const inverted = new WeakMap<ReadonlyMap<string, EtcFile>, ReadonlyMap<string, string>>();
function byTarget(etc: ReadonlyMap<string, EtcFile>): ReadonlyMap<string, string> {
  const known = inverted.get(etc);
  if (known !== undefined) return known;
  const made = new Map<string, string>();
  for (const [path, file] of etc) if (file.target !== undefined && !made.has(file.target)) made.set(file.target, path);
  inverted.set(etc, made);
  return made;
}
