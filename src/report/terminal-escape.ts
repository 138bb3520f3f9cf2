import { visibleLine } from "./visible.ts";

/** What the reports' own signs become where only ASCII can be shown. */
const ascii: Readonly<Record<string, string>> = { "→": "->", "·": "|", "−": "-", "±": "+-", "…": "...", "’": "'", "“": '"', "”": '"' };

/** One line that a terminal shows and does not obey. Without `unicode` everything beyond ASCII is a "?". */
export function terminalLine(text: string, unicode: boolean, limit = 400): string {
  const shown = visibleLine(text, limit);
  return unicode ? shown : toAscii(shown);
}

/** The same for a line that begins with blanks of ours, which are kept. */
export function indentedLine(text: string, unicode: boolean, limit = 1_000): string {
  const blanks = /^ */.exec(text)?.[0] ?? "";
  return blanks + terminalLine(text.slice(blanks.length), unicode, limit);
}

export const toAscii = (text: string): string => text.replace(/[^\x20-\x7e\n]/gu, (c) => ascii[c] ?? "?");

/** Signs that terminals draw in one column though they lie beyond Latin. */
const narrow = /[\u2000-\u2bff]/;

/** Columns that a text takes, never fewer than it does: what is not surely narrow counts as two, since a line that wraps by surprise breaks a table. */
export function columns(text: string): number {
  let sum = 0;
  for (const c of text) sum += c < "\u1100" || narrow.test(c) ? 1 : 2;
  return sum;
}

/** The beginning of a text in at most `width` columns, with an ellipsis where it was longer. */
export function clip(text: string, width: number, unicode = true): string {
  if (columns(text) <= width) return text;
  const end = unicode ? "…" : "~";
  let shown = "";
  let used = 0;
  for (const c of text) {
    used += columns(c);
    if (used > width - 1) break;
    shown += c;
  }
  return width < 1 ? "" : shown + end;
}

/** Breaks a line at spaces into lines of at most `width` columns; a word that is longer is broken too. */
export function wrap(text: string, width: number): string[] {
  const room = Math.max(width, 8);
  const lines: string[] = [];
  let current = "";
  for (const word of text.split(" ")) {
    const joined = current === "" ? word : `${current} ${word}`;
    if (columns(joined) <= room) {
      current = joined;
      continue;
    }
    if (current !== "") lines.push(current);
    current = word;
    while (columns(current) > room) {
      let head = "";
      for (const c of current) {
        if (columns(head + c) > room) break;
        head += c;
      }
      lines.push(head);
      current = current.slice(head.length);
    }
  }
  return current === "" && lines.length > 0 ? lines : [...lines, current];
}
