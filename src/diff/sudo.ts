import type { StoreFiles } from "../io/ports.ts";
import { changedEtcTexts } from "./etc.ts";
import { etcFileTexts, orderedLineChanges } from "./line-changes.ts";
import type { System } from "./system.ts";
import type { LineChange } from "./system-diff.ts";

/**
 * Changed lines of sudoers, of what it includes below /etc/sudoers.d, and of doas.conf. Comments are left out; order counts, since the
 * last rule that matches decides.
 */
export function diffSudo(store: StoreFiles, before: System, after: System): LineChange[] {
  const single = ["sudoers", "doas.conf"].flatMap((name) =>
    etcFileTexts(store, before, after, name).map((pair) => ({ ...pair, name: `/etc/${name}` })),
  );
  const included = changedEtcTexts(store, before.etc, after.etc, "sudoers.d").map((pair) => ({
    ...pair,
    name: `/etc/sudoers.d/${pair.name}`,
  }));
  return [...single, ...included].flatMap(({ name, from, to }) => orderedLineChanges(name, lines(from), lines(to)));
}

function lines(text: string): string[] {
  const result: string[] = [];
  let continued = "";
  for (const raw of text.split("\n")) {
    const line = `${continued}${raw.trim()}`;
    continued = "";
    if (line.endsWith("\\")) {
      continued = `${line.slice(0, -1).trimEnd()} `;
      continue;
    }
    // `#include` and `#includedir` are directives, and `#1000` is a user id; any other `#` begins a comment.
    if (line === "" || (line.startsWith("#") && !/^#(?:include(?:dir)?\s|\d)/.test(line))) continue;
    result.push(line.replace(/\s+/g, " "));
  }
  return result;
}
