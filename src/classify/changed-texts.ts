import type { SystemDiff } from "../diff/system-diff.ts";
import { changedLines, type ChangedLines } from "./changed-lines.ts";

/** A text that differs in more than store hashes: a file of /etc or behind a unit, a unit, a snippet of the activation script. */
export type ChangedText = {
  readonly source: string;
  readonly kind: "file" | "unit" | "activation";
  readonly change: "added" | "removed" | "changed";
  readonly lines: ChangedLines;
};

const known = new WeakMap<SystemDiff, readonly ChangedText[]>();

/** Every changed text of a diff, parsed once however many rules ask. */
export function changedTexts(diff: SystemDiff): readonly ChangedText[] {
  const found = known.get(diff);
  if (found !== undefined) return found;
  const texts: ChangedText[] = [
    ...diff.files
      .filter((file) => !file.hashOnly)
      .map((file) => ({ source: file.path, kind: "file" as const, change: file.change, lines: changedLines(file.diff) })),
    ...[...diff.units, ...diff.userUnits]
      .filter((unit) => !unit.hashOnly)
      .map((unit) => ({ source: unit.name, kind: "unit" as const, change: unit.change, lines: changedLines(unit.diff) })),
    ...diff.settings.activation
      .filter((snippet) => !snippet.hashOnly)
      .map((snippet) => ({
        source: `activation script ${snippet.snippet}`,
        kind: "activation" as const,
        change: snippet.change,
        lines: changedLines(snippet.diff),
      })),
  ];
  known.set(diff, texts);
  return texts;
}

/** Changed texts whose source matches. */
export const textsOf = (diff: SystemDiff, sources: RegExp): readonly ChangedText[] =>
  changedTexts(diff).filter((text) => sources.test(text.source));
