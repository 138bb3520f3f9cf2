import type { StoreFiles } from "../io/ports.ts";
import { normaliseHashes } from "./normalise.ts";
import { redactPair } from "./secrets.ts";
import type { System, Unit } from "./system.ts";
import type { UnitChange, UnitKeyChange } from "./system-diff.ts";
import { defaultBounds, unifiedDiff } from "./text-diff.ts";
import { unitEffect, type EffectWithReason } from "./unit-effect.ts";
import { effective } from "./unit-parse.ts";
import { triggerReasons } from "./unit-triggers.ts";

/** `user`: units of user managers, which a switch only re-executes; what runs in them goes on. */
export type UnitScope = "system" | "user";

/** What the texts of two units say, whichever host they are on. */
type Contents = Pick<UnitChange, "keys" | "diff" | "hashOnly">;
/** Hosts of a fleet share units, so a pair of them is compared once. */
const memory = new WeakMap<Unit, WeakMap<Unit, Contents>>();
const maxKeys = 200;
const maxValueLength = 2000;
/** Diffs of units in one comparison of two hosts, in characters; past it a change is listed without its text. */
const maxDiffLength = 1_500_000;

/**
 * The units that differ, sorted by name, with what switch-to-configuration would do with each and why. An alias is listed only where it
 * names another unit than before. Texts are redacted and bounded.
 */
export function diffUnits(store: StoreFiles, before: System, after: System, scope: UnitScope = "system"): UnitChange[] {
  const from = scope === "system" ? before.units : before.userUnits;
  const to = scope === "system" ? after.units : after.userUnits;
  if (from === to) return [];
  const changes: UnitChange[] = [];
  let length = 0;
  for (const name of [...new Set([...from.keys(), ...to.keys()])].sort()) {
    const old = from.get(name);
    const now = to.get(name);
    if (old === now || sameUnit(old, now)) continue;
    const contents = compareContents(old, now);
    const { effect, reason } = aliasEffect(old, now) ?? (scope === "user" ? userEffect(now) : unitEffect(name, from, to));
    const triggers = old === undefined || now === undefined ? [] : triggerReasons(store, old, now, before, after);
    length += contents.diff.length;
    changes.push({
      name,
      change: old === undefined ? "added" : now === undefined ? "removed" : "changed",
      effect,
      reason: [reason, ...triggers].join("; "),
      ...contents,
      diff: length > maxDiffLength ? "" : contents.diff,
    });
  }
  return changes;
}

function sameUnit(from: Unit | undefined, to: Unit | undefined): boolean {
  if (from === undefined || to === undefined) return false;
  if (from.aliasOf !== undefined && from.aliasOf === to.aliasOf) return true;
  return from.text === to.text && from.masked === to.masked && from.aliasOf === to.aliasOf && sameList(from.wantedBy, to.wantedBy);
}

const sameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((value, index) => value === b[index]);

/** An alias is a second name of a unit that is judged under its own. */
function aliasEffect(from: Unit | undefined, to: Unit | undefined): EffectWithReason | undefined {
  if (from?.aliasOf === undefined && to?.aliasOf === undefined) return undefined;
  if (from !== undefined && from.aliasOf === undefined) return undefined;
  if (to !== undefined && to.aliasOf === undefined) return undefined;
  if (to === undefined) return { effect: "nothing", reason: `no longer another name of ${from?.aliasOf}` };
  return {
    effect: "nothing",
    reason: from === undefined ? `another name of ${to.aliasOf}` : `another name of ${to.aliasOf}, before of ${from.aliasOf}`,
  };
}

/** switch-to-configuration re-executes each user manager and restarts its nixos-activation.service; it compares no user units. */
function userEffect(to: Unit | undefined): EffectWithReason {
  return {
    effect: "nothing",
    reason:
      to === undefined
        ? "user units are not stopped by a switch"
        : "user units are not restarted by a switch; the next start or login takes it",
  };
}

function compareContents(from: Unit | undefined, to: Unit | undefined): Contents {
  if (from === undefined || to === undefined) return contentsOf(from, to);
  const known = memory.get(from)?.get(to);
  if (known !== undefined) return known;
  const made = contentsOf(from, to);
  const bySide = memory.get(from) ?? new WeakMap<Unit, Contents>();
  bySide.set(to, made);
  memory.set(from, bySide);
  return made;
}

function contentsOf(from: Unit | undefined, to: Unit | undefined): Contents {
  const before = comparable(from);
  const after = comparable(to);
  const hashOnly = from !== undefined && to !== undefined && before === after;
  if (hashOnly) return { hashOnly, keys: [], diff: "" };
  const texts = redactPair(before, after);
  return { hashOnly, keys: keyChanges(from, to), diff: unifiedDiff(texts.from, texts.to, defaultBounds) };
}

/** The unit as text, hashes taken out, with its state and its links as comments so that they show up in a diff. */
function comparable(unit: Unit | undefined): string {
  if (unit === undefined) return "";
  const notes = [
    ...(unit.masked ? ["# masked"] : []),
    ...(unit.aliasOf === undefined ? [] : [`# another name of ${unit.aliasOf}`]),
    ...unit.wantedBy.map((by) => `# in ${by}`),
  ];
  return `${unit.aliasOf === undefined ? normaliseHashes(unit.text) : ""}${notes.length === 0 ? "" : `\n${notes.join("\n")}\n`}`;
}

function keyChanges(from: Unit | undefined, to: Unit | undefined): UnitKeyChange[] {
  const changes: UnitKeyChange[] = [];
  for (const section of new Set([...(from?.sections.keys() ?? []), ...(to?.sections.keys() ?? [])])) {
    const before = from?.sections.get(section);
    const after = to?.sections.get(section);
    for (const key of new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])])) {
      if (changes.length >= maxKeys) return changes;
      const old = shown(before?.get(key));
      const now = shown(after?.get(key));
      if (!sameList(old, now)) changes.push(redactedKey(section, key, old, now));
    }
  }
  // Links count more than [Install], which NixOS does not read: they are told as what they mean.
  if (!sameList(from?.wantedBy ?? [], to?.wantedBy ?? []))
    changes.push({ section: "Links", key: "WantedBy", from: from?.wantedBy ?? [], to: to?.wantedBy ?? [] });
  return changes;
}

const shown = (values: readonly string[] | undefined): readonly string[] => effective(values).map(normaliseHashes);

/** Redacted as `key=value`, since the key's name tells what its value is. */
function redactedKey(section: string, key: string, from: readonly string[], to: readonly string[]): UnitKeyChange {
  const written = (values: readonly string[]): string => values.map((value) => `${key}=${value}`).join("\n");
  const texts = redactPair(written(from), written(to));
  if (!texts.redacted) return { section, key, from: from.map(cut), to: to.map(cut) };
  const read = (text: string): string[] => (text === "" ? [] : text.split("\n").map((line) => cut(line.slice(key.length + 1))));
  return { section, key, from: read(texts.from), to: read(texts.to) };
}

const cut = (value: string): string =>
  value.length > maxValueLength ? `${value.slice(0, maxValueLength)}… [${value.length} characters]` : value;
