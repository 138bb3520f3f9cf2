import type { StoreFiles } from "../io/ports.ts";
import { compareFiles } from "./file-contents.ts";
import { directoryPairs, followPairs, inPackage, shownTarget, type FollowedPair } from "./follow.ts";
import type { EtcFile, System, Unit } from "./system.ts";
import type { FileChange } from "./system-diff.ts";

const maxChanges = 10_000;
const maxDepth = 4;
/** Texts of diffs in one comparison of two hosts, in characters; past it files are listed without their text. */
const maxDiffLength = 2_000_000;

/**
 * The files that differ between two systems: those of /etc, and those that units, /etc and activation snippets name in the store. Sorted
 * by path. A file that is the same store path on both sides is never opened; a file of other path and equal bytes is no change.
 */
export function diffFiles(store: StoreFiles, before: System, after: System): FileChange[] {
  const files = new FileDiff(store);
  if (before.etc !== after.etc) files.etc(before.etc, after.etc);
  files.units(before.units, after.units, "");
  files.units(before.userUnits, after.userUnits, "user ");
  files.activation(before.activation, after.activation);
  return files.result();
}

class FileDiff {
  private readonly store: StoreFiles;
  private readonly changes: FileChange[] = [];
  private readonly seen = new Set<string>();
  private leftOut = 0;
  private diffLength = 0;

  constructor(store: StoreFiles) {
    this.store = store;
  }

  result(): FileChange[] {
    if (this.leftOut > 0) this.changes.push({ ...empty, path: `${this.leftOut} more files`, change: "changed", kind: "unread" });
    return this.changes.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.kind < b.kind ? -1 : 1));
  }

  etc(before: ReadonlyMap<string, EtcFile>, after: ReadonlyMap<string, EtcFile>): void {
    for (const name of names(before, after)) {
      const from = before.get(name);
      const to = after.get(name);
      const path = `/etc/${name}`;
      if (from !== undefined && to !== undefined && from.mode !== to.mode) {
        this.add({ ...empty, path, change: "changed", kind: "mode", diff: `-mode ${from.mode}\n+mode ${to.mode}\n` });
      }
      if (from?.target === to?.target && from !== undefined && to !== undefined) continue;
      this.entry(path, from, to);
    }
  }

  private entry(path: string, from: EtcFile | undefined, to: EtcFile | undefined): void {
    const kinds = [from, to].map((file) => (file?.target === undefined ? undefined : this.kindOf(file.target)));
    const outside = (file: EtcFile | undefined, kind: string | undefined): boolean => file !== undefined && kind === undefined;
    if (outside(from, kinds[0]) || outside(to, kinds[1]) || this.mixed(kinds)) return this.link(path, from, to);
    if (kinds.includes("directory")) {
      // A directory of a package (time zones, terminfo) is the package's business.
      const own = [from?.target, to?.target].every((target) => target === undefined || !inPackage(target, this.store.prefix));
      if (!own || !this.directory(path, from?.target, to?.target, 0)) this.link(path, from, to);
      return;
    }
    this.pair({ label: path, from: from?.target, to: to?.target }, 0);
  }

  private mixed(kinds: readonly (string | undefined)[]): boolean {
    const known = kinds.filter((kind) => kind !== undefined);
    return known.some((kind) => kind !== "file" && kind !== "directory") || new Set(known).size > 1;
  }

  private kindOf(path: string): string | undefined {
    const place = this.store.resolve(path);
    return place === undefined ? undefined : this.store.entry(place)?.kind;
  }

  private link(path: string, from: EtcFile | undefined, to: EtcFile | undefined): void {
    const old = shownTarget(from?.target);
    const now = shownTarget(to?.target);
    const hashOnly = from !== undefined && to !== undefined && old === now;
    const line = (sign: string, file: EtcFile | undefined, target: string): string =>
      file === undefined ? "" : `${sign}link to ${target === "" ? "nothing that can be read" : target}\n`;
    const diff = hashOnly ? "" : line("-", from, old) + line("+", to, now);
    this.add({ ...empty, path, change: changeOf(from, to), kind: "link", hashOnly, diff });
  }

  /** Units by their own text; what they name is followed, so that a changed script is seen behind an unchanged name. */
  units(before: ReadonlyMap<string, Unit>, after: ReadonlyMap<string, Unit>, scope: string): void {
    if (before === after) return;
    for (const name of names(before, after)) {
      const from = before.get(name);
      const to = after.get(name);
      if (from === to || from?.text === to?.text || from?.aliasOf !== undefined || to?.aliasOf !== undefined) continue;
      this.behind(`${scope}${name}`, followPairs(this.store, from?.text ?? "", to?.text ?? ""), 0);
    }
  }

  activation(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): void {
    for (const name of names(before, after)) {
      const from = before.get(name) ?? "";
      const to = after.get(name) ?? "";
      if (from !== to) this.behind(`activation of ${name}`, followPairs(this.store, from, to), 0);
    }
  }

  private behind(label: string, pairs: readonly FollowedPair[], depth: number): void {
    if (depth >= maxDepth) return;
    for (const pair of pairs) this.pair({ ...pair, label: `${label} → ${pair.label}` }, depth + 1);
  }

  private pair({ label, from, to }: FollowedPair, depth: number): void {
    if (from === to) return;
    const key = `${from ?? ""}\0${to ?? ""}`;
    if (this.seen.has(key)) return;
    this.seen.add(key);
    // One budget for what is listed and what is only looked at: a system of nothing but tiny scripts ends too.
    if (this.seen.size > maxChanges) {
      this.leftOut += 1;
      return;
    }
    const kinds = [from, to].map((path) => (path === undefined ? undefined : this.kindOf(path)));
    if (kinds.includes("directory")) {
      if (!this.directory(label, from, to, depth)) this.add({ ...empty, path: label, change: changeOf(from, to), kind: "unread" });
      return;
    }
    const { same, behind, ...contents } = compareFiles(this.store, from, to, { label, shown: this.diffLength <= maxDiffLength });
    if (same) return;
    // The list of triggers is no file that anything reads; what it names is.
    if (!/X-Re(?:start|load)-Triggers/.test(label)) this.add({ path: label, change: changeOf(from, to), ...contents });
    this.behind(label.replace(/ → X-Re(?:start|load)-Triggers[^→]*$/, ""), behind, depth);
  }

  /** False where there are too many files in it. */
  private directory(label: string, from: string | undefined, to: string | undefined, depth: number): boolean {
    const pairs = directoryPairs(this.store, from, to);
    if (pairs === undefined) return false;
    for (const pair of pairs) this.pair({ ...pair, label: `${label}/${pair.label}` }, depth);
    return true;
  }

  private add(change: FileChange): void {
    if (this.changes.length >= maxChanges) {
      this.leftOut += 1;
      return;
    }
    this.diffLength += change.diff.length;
    this.changes.push(this.diffLength > maxDiffLength ? { ...change, diff: "" } : change);
  }
}

const empty = { hashOnly: false, sizeFrom: undefined, sizeTo: undefined, diff: "", redacted: false };
const changeOf = (from: unknown, to: unknown): FileChange["change"] =>
  from === undefined ? "added" : to === undefined ? "removed" : "changed";

/** Sorted, so that which name a file shared by two units goes by does not depend on which side is which. */
const names = (before: ReadonlyMap<string, unknown>, after: ReadonlyMap<string, unknown>): string[] =>
  [...new Set([...before.keys(), ...after.keys()])].sort();
