import { createHash } from "node:crypto";
import { nameOf } from "./store-path.ts";
import type { FileChange, PackageChange, PackageSide, SystemDiff, SystemFacts } from "./system-diff.ts";

/** Whether a package of a diff is a toplevel: `nixos-system-` and its host's name, of which Nix takes all from a dash and a digit on for a version. */
export const isToplevelName = (name: string): boolean => name === "nixos-system" || name.startsWith("nixos-system-");

/**
 * The same word for the same change, on whatever host: SHA-256 in hexadecimal of what a diff says, without what is each host's own. That is all that `withoutHost` takes out, the
 * paths and sizes of its closure, and the sizes of packages. All that a person or a model judges by stays: versions, units, texts, settings, the sizes of files that nobody can read.
 */
export function changeKey(diff: SystemDiff): string {
  const hash = createHash("sha256");
  let written = "";
  // A flake decides how long a diff is, and there is a longest string: what is written is handed on in pieces.
  write(said(diff), (piece) => {
    written += piece;
    if (written.length < 65_536) return;
    hash.update(written);
    written = "";
  });
  return hash.update(written).digest("hex");
}

function said(diff: SystemDiff): object {
  const { from: _from, to: _to, closure: _closure, packages, files, specialisations, ...rest } = withoutHost(diff);
  const { added, removed, changed, rebuilt } = packages;
  const sides = (all: readonly PackageSide[]): object[] => all.map((one) => ({ ...one, size: undefined }));
  const changes = (all: readonly PackageChange[]): object[] => all.map((one) => ({ ...one, sizeDelta: undefined }));
  return {
    ...rest,
    packages: { added: sides(added), removed: sides(removed), changed: changes(changed), rebuilt: changes(rebuilt) },
    files: files.map(fileSaid),
    specialisations: Array.from(specialisations ?? [], ([name, one]) => [name, said(one)]),
  };
}

/** The diff of a text tells how it changed; of what cannot be shown the sizes are all there is. */
function fileSaid(file: FileChange): object {
  if (file.kind !== "text" || (file.diff === "" && !file.hashOnly)) return file;
  const { sizeFrom: _from, sizeTo: _to, ...rest } = file;
  return rest;
}

/**
 * The diff without its host's name where only a store path carries it: in its toplevel, which becomes `nixos-system`, and in paths without a version (units, scripts, files of
 * /etc), of which the rest of the diff tells what is in them. Facts that did not change say only that: what they are is each host's own. Applying it twice changes nothing.
 */
export function withoutHost(diff: SystemDiff): SystemDiff {
  const named = namer(nameOfHost(diff.to));
  const sides = (all: readonly PackageSide[]): PackageSide[] =>
    ordered(all, (one) => {
      const { name, version } = named(one.name, one.versions);
      return { ...one, name, versions: one.versions.map(version) };
    });
  const changes = (all: readonly PackageChange[]): PackageChange[] =>
    ordered(all, (one) => {
      const { name, version } = named(one.name, [...one.from, ...one.to]);
      return { ...one, name, from: one.from.map(version), to: one.to.map(version) };
    });
  const { added, removed, changed, rebuilt } = diff.packages;
  return {
    ...diff,
    packages: { ...diff.packages, added: sides(added), removed: sides(removed), changed: changes(changed), rebuilt: changes(rebuilt) },
    system: changedFacts(diff.system),
  };
}

/** `<hash>-nixos-system-web1-26.05.20261120.bbbbbbb` → `web1`; "" where the toplevel is named in another way. */
function nameOfHost(toplevel: string): string {
  return /^nixos-system-(.+?)(?:-\d\d\.\d\d.*)?$/.exec(nameOf(toplevel))?.[1] ?? "";
}

type Named = { readonly name: string; readonly version: (given: string) => string };

/**
 * What a package is called without the name of a host. A package with a version keeps its name, since another package is another change. Nix takes all from a dash and a digit on
 * for a version: of a host `web-1` the toplevel's is `1-26.05`, and the file `web-1-motd` is the output `motd` of a
 * package `web` of the version 1. Since what follows is lost there, it is left out everywhere.
 */
function namer(host: string): (name: string, versions: readonly string[]) => Named {
  const own = new RegExp(`(?<![0-9A-Za-z])${host.replaceAll(/[^0-9A-Za-z]/g, "\\$&")}(?![0-9A-Za-z]).*$`);
  return (name, versions) => {
    if (isToplevelName(name)) return { name: "nixos-system", version: (given) => given.replace(/^.*?-(?=\d\d\.\d\d)/, "") };
    const same = { name, version: (given: string) => given };
    if (host === "") return same;
    if (versions.every((version) => version === "")) return { ...same, name: name.replace(own, "…") };
    const [whole = "", ...others] = new Set(versions.map((version) => (version === "" ? name : `${name}-${version}`)));
    // What goes on with a digit, or with a version of its own, is a package that happens to be called like the host.
    const left = whole.replace(own, "…");
    const behind = whole.slice(left.length - 1 + host.length);
    return others.length > 0 || !left.endsWith("…") || /^\W?\d|-\d/.test(behind) || !/-\d/.test(host)
      ? same
      : { name: left, version: () => "" };
  };
}

/** Where a name became another one, in the order of the names that are left: the order itself must not tell hosts apart. */
function ordered<T extends { readonly name: string }>(all: readonly T[], named: (one: T) => T): T[] {
  const made = all.map(named);
  if (made.every(({ name }, i) => name === all[i]?.name)) return made;
  return made.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** No report shows what a fact is that did not change, and no rule is told it by the diff. */
function changedFacts(system: SystemFacts): SystemFacts {
  const facts = Object.entries(system).map(([key, fact]) => [key, fact.changed ? fact : { ...fact, from: undefined, to: undefined }]);
  return Object.fromEntries(facts) as SystemFacts;
}

/** Writes a value so that no two read alike: texts behind their lengths, keys in order, so that equal diffs give equal bytes however they were put together. */
function write(value: unknown, out: (piece: string) => void): void {
  if (typeof value === "string") {
    out(`"${value.length}:`);
    out(value);
  } else if (Array.isArray(value)) {
    out(`[${value.length}`);
    for (const one of value) write(one, out);
  } else if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).filter(([, one]) => one !== undefined);
    out(`{${entries.length}`);
    for (const [key, one] of entries.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      out(`"${key.length}:${key}`);
      write(one, out);
    }
  } else out(`;${String(value)}`);
}
