import type { StoreFiles } from "../io/ports.ts";
import { etcFileTexts, keyChanges } from "./line-changes.ts";
import type { System } from "./system.ts";
import type { KeyChange } from "./system-diff.ts";

/** Settings of /etc/nix/nix.conf by key; a list whose members are the same in another order is no change. */
export function diffNixConf(store: StoreFiles, before: System, after: System): KeyChange[] {
  return etcFileTexts(store, before, after, "nix/nix.conf").flatMap(({ from, to }) =>
    keyChanges(readNixConf(from), readNixConf(to), sameWords),
  );
}

/**
 * nix.conf(5): `key = value`, `#` begins a comment; `extra-x` adds to what `x` says; `include` and `!include` name files that only the
 * host has. The last assignment wins.
 */
export function readNixConf(text: string): ReadonlyMap<string, string> {
  const settings = new Map<string, string>();
  for (const raw of text.split("\n")) {
    const line = raw.replace(/#.*$/, "").trim();
    const include = /^(!?include)\s+(.+)$/.exec(line);
    if (include !== null) settings.set(`${include[1]} ${include[2]}`, "");
    const match = /^(\S+)\s*=\s*(.*)$/.exec(line);
    if (match?.[1] !== undefined && include === null) settings.set(match[1], (match[2] ?? "").replace(/\s+/g, " "));
  }
  return settings;
}

function sameWords(a: string, b: string): boolean {
  const words = (value: string): string =>
    value
      .split(" ")
      .filter((word) => word !== "")
      .sort()
      .join(" ");
  return words(a) === words(b);
}
