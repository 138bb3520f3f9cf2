/** Lines that a unified diff takes away and brings, without their sign. Context, hunk headers and "no newline" marks are left out. */
export type ChangedLines = { readonly removed: readonly string[]; readonly added: readonly string[] };

export function changedLines(diff: string): ChangedLines {
  const removed: string[] = [];
  const added: string[] = [];
  let inHunk = false;
  for (const line of diff.split("\n")) {
    if (line.startsWith("@@")) inHunk = true;
    // The file names come before the first hunk; behind it a line "--- x" is a removed line that begins with two dashes.
    else if (!inHunk && (line.startsWith("--- ") || line.startsWith("+++ "))) continue;
    else if (line.startsWith("+")) added.push(line.slice(1));
    else if (line.startsWith("-")) removed.push(line.slice(1));
  }
  return { removed, added };
}

/** The changed lines that match, signed as in the diff, for evidence. */
export function signed(lines: ChangedLines, matches: (line: string) => boolean = () => true): string[] {
  return [
    ...lines.removed.filter(matches).map((line) => `- ${line.trim()}`),
    ...lines.added.filter(matches).map((line) => `+ ${line.trim()}`),
  ];
}

/** The text behind a comment sign or nothing: what a program reads of a line in most formats. */
export function withoutComment(line: string): string {
  return /^\s*(#|\/\/|;|<!--)/.test(line) ? "" : line;
}
