import { diffArrays, structuredPatch } from "diff";
import { oneLineChange } from "./one-line-change.ts";

/** How much of one text's difference is kept. */
export type TextDiffBounds = { readonly maxLines: number; readonly maxColumns: number };

export const defaultBounds: TextDiffBounds = { maxLines: 400, maxColumns: 600 };
const contextLines = 3;
/**
 * Edits that the line comparison looks for before it gives up: its cost grows with the square, and a text that differs more is not read
 * line by line.
 */
const maxEdits = 1500;
const maxComparedLines = 60_000;

/**
 * Unified diff of two texts: hunks only, no file names, at most `maxLines` lines of at most `maxColumns` characters; what was left out is
 * counted in a last line that begins with a backslash, as "No newline at end of file" does. Empty where the texts are equal. A text on one
 * line that is JSON is compared as indented JSON, since a diff of one long line shows nothing.
 */
export function unifiedDiff(from: string, to: string, bounds: TextDiffBounds = defaultBounds): string {
  if (from === to) return "";
  const [before, after] = spread(from, to);
  const lines = hunks(before, after);
  const shown = lines.slice(0, bounds.maxLines);
  const cut = cutLongLines(shown, bounds.maxColumns);
  if (lines.length > shown.length) cut.push(`\\ ${lines.length - shown.length} more lines`);
  return `${cut.join("\n")}\n`;
}

function spread(from: string, to: string): [string, string] {
  if (!isOneLine(from) && !isOneLine(to)) return [from, to];
  const before = indentedJson(from);
  const after = indentedJson(to);
  // Only both or none: one side indented and the other not would make every line differ.
  return before === undefined || after === undefined || before === after ? [from, to] : [before, after];
}

const isOneLine = (text: string): boolean => text.length > 80 && text.trimEnd().indexOf("\n") === -1;

function indentedJson(text: string): string | undefined {
  const start = text.trimStart().charAt(0);
  if (text === "") return "";
  if ((start !== "{" && start !== "[") || text.length > 1_000_000) return undefined;
  try {
    return `${JSON.stringify(JSON.parse(text), null, 2)}\n`;
  } catch {
    return undefined;
  }
}

function hunks(from: string, to: string): string[] {
  const fromLines = from === "" ? [] : from.replace(/\n$/, "").split("\n");
  const toLines = to === "" ? [] : to.replace(/\n$/, "").split("\n");
  if (fromLines.length === 0 || toLines.length === 0 || fromLines.length + toLines.length > maxComparedLines)
    return whole(fromLines, toLines);
  const plain = from.endsWith("\n") && to.endsWith("\n") && !from.includes("\r") && !to.includes("\r");
  const simple = plain ? oneLineChange(fromLines, toLines, contextLines) : undefined;
  if (simple !== undefined) return [...simple];
  const patch = structuredPatch("", "", from, to, undefined, undefined, { context: contextLines, maxEditLength: maxEdits });
  if (patch === undefined) return whole(fromLines, toLines);
  return patch.hunks.flatMap((hunk) => [`@@ -${hunk.oldStart},${hunk.oldLines} +${hunk.newStart},${hunk.newLines} @@`, ...hunk.lines]);
}

/**
 * Where a line-by-line comparison would cost too much: everything between the equal beginning and the equal end, first as it was, then as
 * it becomes.
 */
function whole(from: readonly string[], to: readonly string[]): string[] {
  let start = 0;
  while (start < from.length && start < to.length && from[start] === to[start]) start += 1;
  let fromEnd = from.length;
  let toEnd = to.length;
  while (fromEnd > start && toEnd > start && from[fromEnd - 1] === to[toEnd - 1]) {
    fromEnd -= 1;
    toEnd -= 1;
  }
  const removed = from.slice(start, fromEnd).map((line) => `-${line}`);
  const added = to.slice(start, toEnd).map((line) => `+${line}`);
  const header = `@@ -${start + 1},${removed.length} +${start + 1},${added.length} @@`;
  if (removed.length === 0 && added.length === 0) return [header, "\\ only the newline at the end differs"];
  // Both sides are seen even where the bound cuts the list: the sides alternate in blocks.
  const block = 150;
  const mixed: string[] = [];
  for (let at = 0; at < Math.max(removed.length, added.length); at += block)
    mixed.push(...removed.slice(at, at + block), ...added.slice(at, at + block));
  return [header, ...mixed];
}

/** Shortens long lines around the place where a removed line and its successor part, so that what changed is in what is left. */
function cutLongLines(lines: readonly string[], limit: number): string[] {
  const cut = [...lines];
  for (const [index, line] of lines.entries()) {
    if (line.length <= limit) continue;
    const partner = counterpart(lines, index);
    const parting = partner === undefined ? 0 : commonPrefix(line.slice(1), partner.slice(1));
    const start = Math.max(0, Math.min(parting - Math.floor(limit / 4), line.length - limit));
    const piece = line.slice(1 + start, 1 + start + limit);
    const behind = line.length - 1 - start - piece.length;
    cut[index] = `${line[0]}${start > 0 ? `[${start} characters]…` : ""}${piece}${behind > 0 ? `…[${behind} characters]` : ""}`;
  }
  return cut;
}

/** The line on the other side that a changed line most likely stands for: the one at the same place of its block. */
function counterpart(lines: readonly string[], index: number): string | undefined {
  const sign = lines[index]?.[0];
  if (sign !== "-" && sign !== "+") return undefined;
  let first = index;
  while (first > 0 && lines[first - 1]?.[0] === sign) first -= 1;
  const offset = index - first;
  if (sign === "-") {
    let end = index;
    while (lines[end]?.[0] === "-") end += 1;
    const candidate = lines[end + offset];
    return candidate?.[0] === "+" ? candidate : undefined;
  }
  let start = first;
  while (start > 0 && lines[start - 1]?.[0] === "-") start -= 1;
  const candidate = lines[start + offset];
  return candidate?.[0] === "-" ? candidate : undefined;
}

function commonPrefix(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  let at = 0;
  while (at < end && a[at] === b[at]) at += 1;
  return at;
}

/**
 * What a list of lines loses and gains where their order counts (PAM, sudoers: the first or last match decides): a line that only moved is
 * both removed and added. Falls back to a comparison as sets where the lists are too different to align.
 */
export function orderedChanges(
  from: readonly string[],
  to: readonly string[],
): { readonly removed: readonly string[]; readonly added: readonly string[] } {
  const parts = from.length + to.length > maxComparedLines ? undefined : diffArrays([...from], [...to], { maxEditLength: maxEdits });
  if (parts === undefined) return unorderedChanges(from, to);
  return {
    removed: parts.filter((part) => part.removed).flatMap((part) => part.value),
    added: parts.filter((part) => part.added).flatMap((part) => part.value),
  };
}

/** What a list loses and gains where order means nothing; a line that stands twice counts once. */
export function unorderedChanges(
  from: readonly string[],
  to: readonly string[],
): { readonly removed: readonly string[]; readonly added: readonly string[] } {
  const before = new Set(from);
  const after = new Set(to);
  return { removed: [...before].filter((line) => !after.has(line)), added: [...after].filter((line) => !before.has(line)) };
}
