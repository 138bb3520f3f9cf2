/** One row of a diff as two columns. A line of context stands on both sides, a line that was replaced beside the one that replaced it. */
export type Row =
  | { readonly kind: "same" | "replaced" | "removed" | "added"; readonly left?: Side; readonly right?: Side }
  /** Where a part begins, and what the diff itself says of lines that it left out. */
  | { readonly kind: "part" | "note"; readonly text: string };
export type Side = { readonly number?: number; readonly text: string };

/** The rows of a unified diff without file names. Whatever is no line of a diff is a note, so that nothing of the text is lost. */
export function sideBySide(unified: string): Row[] {
  const rows: Row[] = [];
  let [left, right]: [number | undefined, number | undefined] = [undefined, undefined];
  let [gone, come]: [Side[], Side[]] = [[], []];
  const flush = (): void => {
    for (let i = 0; i < Math.max(gone.length, come.length); i += 1) {
      const [old, fresh] = [gone[i], come[i]];
      if (old !== undefined && fresh !== undefined) rows.push({ kind: "replaced", left: old, right: fresh });
      else if (old !== undefined) rows.push({ kind: "removed", left: old });
      else if (fresh !== undefined) rows.push({ kind: "added", right: fresh });
    }
    [gone, come] = [[], []];
  };
  const side = (number: number | undefined, text: string): Side => (number === undefined ? { text } : { number, text });
  for (const line of unified.replace(/\n$/, "").split("\n")) {
    const part = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(line);
    const text = line.slice(1);
    if (part === null && line.startsWith("-")) {
      if (come.length > 0) flush();
      gone.push(side(left, text));
      if (left !== undefined) left += 1;
    } else if (part === null && line.startsWith("+")) {
      come.push(side(right, text));
      if (right !== undefined) right += 1;
    } else {
      flush();
      if (part !== null) {
        [left, right] = [Number(part[1]), Number(part[2])];
        rows.push({ kind: "part", text: line });
      } else if (line.startsWith(" ") || line === "") {
        rows.push({ kind: "same", left: side(left, text), right: side(right, text) });
        if (left !== undefined) left += 1;
        if (right !== undefined) right += 1;
      } else rows.push({ kind: "note", text: line.startsWith("\\ ") ? line.slice(2) : line });
    }
  }
  flush();
  return rows;
}

/** What two lines begin and end with alike, so that only what is between is marked. Cut between whole characters. */
export function between(
  left: string,
  right: string,
): { readonly head: string; readonly old: string; readonly fresh: string; readonly tail: string } {
  const [a, b] = [Array.from(left), Array.from(right)];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  return {
    head: a.slice(0, start).join(""),
    old: a.slice(start, a.length - end).join(""),
    fresh: b.slice(start, b.length - end).join(""),
    tail: a.slice(a.length - end).join(""),
  };
}
