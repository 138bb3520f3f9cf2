import type { ApproveAt } from "./approve-command.ts";
import type { Line, Section } from "./line.ts";
import { clip, terminalLine, toAscii, wrap } from "./terminal-escape.ts";
import { visibleText } from "./visible.ts";

export type TerminalOptions = {
  readonly width: number;
  readonly color: boolean;
  readonly unicode: boolean;
  /** Everything of every host, diffs included. Otherwise what matters of the worst hosts. */
  readonly verbose?: boolean;
  /** Where held hosts are approved; this shell where it is left out. */
  readonly approve?: ApproveAt | undefined;
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

/** A line as words and commands in turn: what joins a command to the words behind it is left out, since the command has a line of its own. */
export function pieces(one: Line): { readonly kind: "words" | "command"; readonly text: string }[] {
  const made: { kind: "words" | "command"; text: string }[] = [];
  for (const span of one.spans) {
    const command = typeof span !== "string" && "command" in span;
    const last = made.at(-1);
    if (command) made.push({ kind: "command", text: span.command });
    else if (last?.kind === "words") last.text += flat({ spans: [span] });
    else made.push({ kind: "words", text: flat({ spans: [span] }).replace(last === undefined ? /^(?!)/ : /^[.,;]?\s+/, "") });
  }
  return made.map(({ kind, text }) => ({ kind, text: text.trimEnd() })).filter(({ text }) => text !== "");
}

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
    return [
      ...pieces(one).flatMap((piece) =>
        piece.kind === "command"
          ? [`${" ".repeat(indent + 2)}${line(piece.text)}`]
          : fill(line(piece.text), width - indent, 2).map((text) => `${" ".repeat(indent)}${text}`),
      ),
      ...(one.sub ?? []).flatMap((sub) => bullets(sub, depth + 1)),
    ];
  };
  const failing = section.kind === "failure";
  const texts = options.verbose === true || failing || section.kind === "outcome" ? section.texts : [];
  return [
    ...fill(line(`${section.title}${counted}`), width - 2, 2).map((text) => `  ${paint(1, text)}`),
    ...kept.flatMap((one) => bullets(one, 0)),
    ...(more > 0 ? [`    and ${more} more`] : []),
    // A heading with nothing below it would look like a loss.
    ...(section.lines.length === 0 && texts.length === 0 ? [`    ${paint(2, "--verbose shows it")}`] : []),
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
