/** What a proposal does to one file. Texts only: a session writes no binaries. */
export type ChangedFile = {
  readonly path: string;
  /** Undefined where the file is new. */
  readonly before: string | undefined;
  /** Undefined where it is gone. */
  readonly after: string | undefined;
};

/** Lines that are in the new text and not in the old, for what is looked at line by line. Order and repetition do not matter for that. */
export function addedLines({ before, after }: ChangedFile): readonly string[] {
  const had = new Set((before ?? "").split("\n"));
  return (after ?? "").split("\n").filter((line) => !had.has(line));
}
