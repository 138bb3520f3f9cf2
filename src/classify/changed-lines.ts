/** Lines that a unified diff takes away and brings, without their sign. Context, hunk headers and "no newline" marks are left out. */
export type ChangedLines = { readonly removed: readonly string[]; readonly added: readonly string[] };

export function changedLines(diff: string): ChangedLines {
  const removed: string[] = [];
  const added: string[] = [];
  let open: readonly Opening[] = [];
  let inHunk = false;
  for (const line of diff.split("\n")) {
    const text = line.slice(1);
    if (line.startsWith("@@")) {
      inHunk = true;
      open = [];
      continue;
    }
    // The file names come before the first hunk; behind it a line "--- x" is a removed line that begins with two dashes.
    if (!inHunk && (line.startsWith("--- ") || line.startsWith("+++ "))) continue;
    open = open.filter((entry) => entry.indent < indentation(text));
    if (line.startsWith("+")) added.push(within(text, open));
    else if (line.startsWith("-")) removed.push(within(text, open));
    const key = opening.exec(text)?.[1];
    if (key !== undefined) open = [...open, { indent: indentation(text), key }];
  }
  return { removed, added };
}

/** A member of a JSON object that goes on over several lines: `"retry_join": [`. */
type Opening = { readonly indent: number; readonly key: string };
const opening = /^\s*"([^"]{1,80})":\s*[[{]\s*$/;
const indentation = (text: string): number => text.length - text.trimStart().length;

/** JSON says what a value is for lines above it: `"/etc/key",` alone means nothing, and means something in `ageSshKeyPaths`. */
const within = (text: string, open: readonly Opening[]): string =>
  open.length === 0 || text.trim() === "" || /^\s*[\]}],?$/.test(text) ? text : `${text} (in ${open.map((entry) => entry.key).join(".")})`;

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
