import type { GoalReport } from "../goal/goal-report.ts";
import { goalFoot, goalHeadline, type GoalSection, goalSections } from "./goal-sections.ts";
import { jsonText } from "./json-text.ts";
import { clip, toAscii, wrap } from "./terminal-escape.ts";
import { type TerminalOptions, writer } from "./terminal-section.ts";
import { visibleText } from "./visible.ts";

/** For a terminal. Folds are shown with `verbose` alone. */
export function goalText(report: GoalReport, options: TerminalOptions): string {
  const { paint, line } = writer(options);
  const width = Math.max(40, options.width);
  const filled = (text: string, indent: number, first = " ".repeat(indent)): string[] =>
    wrap(line(text), width - indent).map((part, at) => `${at === 0 ? first : " ".repeat(indent)}${part}`);
  const block = (text: string): string[] =>
    visibleText(text)
      .replaceAll("\t", "    ")
      .trimEnd()
      .split("\n")
      .flatMap((one) => {
        const shown = options.unicode ? one : toAscii(one);
        const blanks = /^ */.exec(shown)?.[0].length ?? 0;
        // Prose is wrapped; what is set in columns is cut.
        return blanks > 0 ? [`  ${clip(shown, width - 2, options.unicode)}`] : wrap(shown, width - 2).map((part) => `  ${part}`);
      });
  const section = ({ title, lines, block: text, fold }: GoalSection): string[] => {
    if (fold === true && options.verbose !== true) return [];
    return [
      "",
      paint(1, line(title)),
      ...lines.flatMap((one) => [
        ...filled(one.text, 4, "  - "),
        ...(one.said === undefined ? [] : filled(one.said, 6, "    > ").map((quoted) => paint(2, quoted))),
        ...(one.command === undefined ? [] : [`      ${line(one.command)}`]),
        ...(one.sub ?? []).flatMap((text_) => filled(text_, 6, "    - ")),
      ]),
      ...(text === undefined ? [] : block(text)),
    ];
  };
  const folded = options.verbose !== true && goalSections(report).some(({ fold }) => fold === true);
  return `${[
    ...filled(goalHeadline(report), 0).map((text) => paint(1, text)),
    paint(2, line(goalFoot(report))),
    ...goalSections(report).flatMap(section),
    ...(folded ? ["", "The snapshot and every call of a tool: --verbose shows them."] : []),
  ].join("\n")}\n`;
}

/** One line of JSON: the report as it is, maps as objects. Its strings are what a session and strangers wrote. */
export const goalJson = (report: GoalReport): string =>
  jsonText(JSON.parse(JSON.stringify(report, (_key, value: unknown) => (value instanceof Map ? Object.fromEntries(value) : value))));
