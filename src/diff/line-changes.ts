import type { StoreFiles } from "../io/ports.ts";
import { etcText } from "./etc.ts";
import { normaliseHashes } from "./normalise.ts";
import { redactPair } from "./secrets.ts";
import type { System } from "./system.ts";
import type { KeyChange, LineChange } from "./system-diff.ts";
import { orderedChanges, unorderedChanges } from "./text-diff.ts";

const maxLineLength = 1000;
const maxLines = 2000;

/** Lines that went and came, hashes taken out and redacted, where their order counts: a line that moved is both. */
export function orderedLineChanges(file: string, from: readonly string[], to: readonly string[]): LineChange[] {
  return lineChanges(file, from, to, orderedChanges);
}

/** Lines that went and came where order means nothing. */
export function unorderedLineChanges(file: string, from: readonly string[], to: readonly string[]): LineChange[] {
  return lineChanges(file, from, to, unorderedChanges);
}

function lineChanges(file: string, from: readonly string[], to: readonly string[], compare: typeof orderedChanges): LineChange[] {
  const texts = redactPair(normaliseHashes(from.join("\n")), normaliseHashes(to.join("\n")), file);
  const { removed, added } = compare(split(texts.from), split(texts.to));
  const made = [
    ...removed.map((line) => ({ file, change: "removed", line: cut(line) }) as const),
    ...added.map((line) => ({ file, change: "added", line: cut(line) }) as const),
  ];
  return made.slice(0, maxLines);
}

const split = (text: string): string[] => (text === "" ? [] : text.split("\n"));
const cut = (line: string): string => (line.length > maxLineLength ? `${line.slice(0, maxLineLength)}… [${line.length} characters]` : line);

/**
 * Changes by key of two maps, sorted by key; values have hashes taken out and are redacted as `key=value`, since the key tells what its
 * value is.
 */
export function keyChanges(
  from: ReadonlyMap<string, string>,
  to: ReadonlyMap<string, string>,
  same: (a: string, b: string) => boolean = (a, b) => a === b,
): KeyChange[] {
  return [...new Set([...from.keys(), ...to.keys()])].sort().flatMap((key) => {
    const old = from.get(key);
    const now = to.get(key);
    if (old === now || (old !== undefined && now !== undefined && same(normaliseHashes(old), normaliseHashes(now)))) return [];
    const texts = redactPair(`${key}=${normaliseHashes(old ?? "")}`, `${key}=${normaliseHashes(now ?? "")}`);
    const value = (text: string): string => cut(text.slice(key.length + 1));
    return [{ key, from: old === undefined ? undefined : value(texts.from), to: now === undefined ? undefined : value(texts.to) }];
  });
}

/** The texts of one file of /etc where they may differ; empty where both sides are the same store path, which is then not read. */
export function etcFileTexts(
  store: StoreFiles,
  before: System,
  after: System,
  name: string,
): { readonly from: string; readonly to: string }[] {
  if (before.etc.get(name)?.target === after.etc.get(name)?.target) return [];
  return [{ from: etcText(store, before.etc, name) ?? "", to: etcText(store, after.etc, name) ?? "" }];
}
