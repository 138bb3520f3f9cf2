import { normaliseHashes } from "./normalise.ts";
import { redactPair } from "./secrets.ts";
import type { SettingsDiff } from "./system-diff.ts";
import { unifiedDiff } from "./text-diff.ts";

const header = /^#### Activation script snippet (.+):$/;
const end = "# Make this configuration the current configuration.";

/**
 * The snippets of a toplevel's `activate` by name, in order. What stands before the first and behind the last is NixOS's own frame and
 * left out.
 */
export function readActivation(text: string): ReadonlyMap<string, string> {
  const snippets = new Map<string, string[]>();
  let current: string[] | undefined;
  for (const line of text.split("\n")) {
    const name = header.exec(line)?.[1];
    if (name !== undefined) {
      // A second snippet of the same name is added to the first: none may hide.
      current = snippets.get(name) ?? [];
      snippets.set(name, current);
    } else if (line === end) current = undefined;
    else current?.push(line);
  }
  return new Map([...snippets].map(([name, lines]) => [name, `${lines.join("\n").trim()}\n`]));
}

/** The snippets that differ, in the order of the new script and then those that went. */
export function diffActivation(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): SettingsDiff["activation"] {
  return [...new Set([...after.keys(), ...before.keys()])].flatMap((snippet) => {
    const from = before.get(snippet);
    const to = after.get(snippet);
    if (from === to) return [];
    const old = normaliseHashes(from ?? "");
    const now = normaliseHashes(to ?? "");
    const hashOnly = from !== undefined && to !== undefined && old === now;
    const texts = redactPair(old, now);
    return [
      {
        snippet,
        change: from === undefined ? "added" : to === undefined ? "removed" : "changed",
        hashOnly,
        diff: hashOnly ? "" : unifiedDiff(texts.from, texts.to),
      } as const,
    ];
  });
}
