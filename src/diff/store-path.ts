import type { StorePath } from "./system.ts";

/** What the name of a store path says: `openssl-3.0.14-bin` is openssl, 3.0.14, bin. `version` and `output` are empty where there is none. */
export type PackageName = { readonly name: string; readonly version: string; readonly output: string };

const hashLength = 32;

/** The path without what stands behind it: `/nix/store/<hash>-<name>` of a file below it; undefined where it is no path of that store. */
export function storePathOf(path: string, prefix: string): StorePath | undefined {
  if (!path.startsWith(`${prefix}/`)) return undefined;
  const start = prefix.length + 1;
  const end = path.indexOf("/", start);
  const base = end === -1 ? path.slice(start) : path.slice(start, end);
  return isBaseName(base) ? `${prefix}/${base}` : undefined;
}

/** The name behind the hash: `openssl-3.0.14`. */
export function nameOf(path: StorePath): string {
  return path.slice(path.lastIndexOf("/") + 1 + hashLength + 1);
}

/** Nix's alphabet leaves out e, o, u and t; a name is at most 211 characters of a few kinds. */
function isBaseName(base: string): boolean {
  return /^[0-9abcdfghijklmnpqrsvwxyz]{32}-[0-9A-Za-z+\-._?=]{1,211}$/.test(base);
}

/**
 * Splits as Nix does: the version begins at the first dash that is not followed by a letter, and a last word behind the version names the output. The word is
 * ambiguous (`1.2-unstable` is a version, `1.2-bin` an output); Nix takes it for an output, and so do we. Where no version stands before it Nix cuts it as
 * well and calls `system-path` a package "system"; there the whole name is kept.
 */
export function packageName(name: string): PackageName {
  const cut = versionStart(name);
  // Without a version before it the last word is part of the name.
  if (cut === -1) return { name, version: "", output: "" };
  const last = name.lastIndexOf("-");
  const output = last > cut ? name.slice(last + 1) : "";
  const isOutput = output !== "" && (/^[a-z]+$/.test(output) || output === "lib32" || output === "lib64");
  return { name: name.slice(0, cut), version: name.slice(cut + 1, isOutput ? last : undefined), output: isOutput ? output : "" };
}

/** The dash before the version: the first that is not followed by a letter. */
function versionStart(name: string): number {
  for (let at = name.indexOf("-"); at !== -1 && at + 1 < name.length; at = name.indexOf("-", at + 1)) {
    const code = name.charCodeAt(at + 1) | 0x20;
    if (code < 0x61 || code > 0x7a) return at;
  }
  return -1;
}

/**
 * A name without its version, to find the same thing in another version: `linux-modules-shrunk` of `linux-6.12.58-modules-shrunk`. Unlike Nix's own split it takes only
 * what has a dot for a version, so that `stage-1-init.sh` keeps its name.
 */
export function withoutVersion(name: string): string {
  return name.replace(/-\d+(?:\.[0-9A-Za-z+_]+)+(?:-\d+(?![.0-9A-Za-z]))?/, "");
}

/** Name and version for people, `linux 6.12.58`. */
export function label(path: StorePath): string {
  const { name, version } = packageName(nameOf(path));
  return version === "" ? name : `${name} ${version}`;
}
