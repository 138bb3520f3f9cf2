import type { Line, Section } from "./line.ts";
import { clip, terminalLine, toAscii, wrap } from "./terminal-escape.ts";
import { visibleText } from "./visible.ts";

export type TerminalOptions = {
  readonly width: number;
  readonly color: boolean;
  readonly unicode: boolean;
  /** Everything of every host, diffs included. Otherwise what matters of the worst hosts. */
  readonly verbose?: boolean;
};

/** Without --verbose: so many lines of each section and of a failure's log. */
const brief = { lines: 10, log: 15 } as const;

export function writer(options: TerminalOptions): { paint: (hue: number, ...texts: string[]) => string; line: (text: string) => string } {
  const paint = (hue: number, ...texts: string[]): string =>
    texts.map((text) => (options.color ? `\u001b[${hue}m${text}\u001b[0m` : text)).join("\n");
  return { paint, line: (text) => terminalLine(text, options.unicode, 2_000) };
}

export const fill = (text: string, width: number, hang: number): string[] =>
  wrap(text, width - hang).map((part, i) => (i === 0 ? part : " ".repeat(hang) + part));
export const flat = (one: Line): string =>
  one.spans
    .map((span) => (typeof span === "string" ? span : "code" in span ? span.code : "strong" in span ? span.strong : span.command))
    .join("");

/** A section of a host's details, indented by two columns. */
export function sectionLines(section: Section, width: number, options: TerminalOptions): string[] {
  const { paint, line } = writer(options);
  const all =
    options.verbose === true ||
    section.kind === "outcome" ||
    section.kind === "findings" ||
    section.kind === "opinion" ||
    section.kind === "failure" ||
    section.kind === "settings";
  const kept = all ? section.lines : section.lines.slice(0, brief.lines);
  const more = section.lines.length - kept.length;
  const counted = section.kind === "units" || section.kind === "packages" || section.kind === "files" ? `: ${section.summary}` : "";
  const bullets = (one: Line, depth: number): string[] => {
    const indent = 4 + depth * 2;
    // A command stands alone on its line and is never broken, so that it can be copied.
    const words = one.spans.filter((span) => typeof span === "string" || !("command" in span));
    const commands = one.spans.flatMap((span) => (typeof span !== "string" && "command" in span ? [span.command] : []));
    return [
      ...fill(line(flat({ spans: words }).trimEnd()), width - indent, 2).map((text) => `${" ".repeat(indent)}${text}`),
      ...commands.map((command) => `${" ".repeat(indent + 2)}${line(command)}`),
      ...(one.sub ?? []).flatMap((sub) => bullets(sub, depth + 1)),
    ];
  };
  const failing = section.kind === "failure";
  const texts = options.verbose === true || failing || section.kind === "outcome" ? section.texts : [];
  return [
    ...fill(line(`${section.title}${counted}`), width - 2, 2).map((text) => `  ${paint(1, text)}`),
    ...kept.flatMap((one) => bullets(one, 0)),
    ...(more > 0 ? [`    and ${more} more`] : []),
    ...texts.flatMap((one) => {
      const lines = visibleText(one.text).replaceAll("\t", "    ").trimEnd().split("\n");
      const tail = options.verbose === true ? lines : lines.slice(-brief.log);
      const title = failing ? [] : [`    ${paint(2, line(one.title))}`];
      return [
        ...title,
        ...tail.map((text) => `    ${paint(2, `| ${clip(options.unicode ? text : toAscii(text), width - 6, options.unicode)}`)}`),
      ];
    }),
  ];
}
