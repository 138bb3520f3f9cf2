import type { Shrinkable } from "./fit.ts";
import type { Group } from "./group.ts";
import { names } from "./group.ts";
import type { Line, Section, Span } from "./line.ts";
import { code, summaryCode, summaryProse, fence, prose } from "./markdown-escape.ts";
import { changeWord } from "./phrases.ts";

/** What goes at each step, in the words of the note that says so. The last step leaves nothing but the row of the table. */
const leftOut = [
  "",
  "diffs",
  "diffs and units",
  "diffs, units and packages",
  "diffs, units, packages and settings",
  "all but the worst findings",
] as const;

/** A group's foldable details, which `fit` can make shorter. `inside` tells in numbers what is in them, `whole` where everything is. */
export function details(group: Group, all: readonly Section[], inside: readonly string[], whole: string): Shrinkable {
  const made = new Map<number, string>();
  const at = (step: number): string => {
    if (step > leftOut.length - 1 || all.length === 0) return "";
    const known = made.get(step);
    if (known !== undefined) return known;
    const note = step === 0 ? [] : [`*Left out here for length: ${leftOut[step]}. ${whole}*`];
    const text = [
      `<details><summary>${summary(group, inside)}</summary>`,
      ...all.flatMap((section) => block(section, step)),
      ...note,
      "</details>",
    ].join("\n\n");
    made.set(step, text);
    return text;
  };
  return { steps: leftOut.length, at };
}

function summary(group: Group, inside: readonly string[]): string {
  const hosts = names(group);
  const shown = hosts.slice(0, 8).map((host) => `<b>${summaryCode(host)}</b>`);
  const more = hosts.length > shown.length ? ` and ${hosts.length - shown.length} more` : "";
  return `${shown.join(", ")}${more}: ${[changeWord(group.first), ...inside].join(", ")}`;
}

/** At which step a section keeps only its title and numbers. */
const linesGoAt: Readonly<Record<Section["kind"], number>> = {
  outcome: Infinity,
  findings: Infinity,
  opinion: 3,
  failure: Infinity,
  units: 2,
  packages: 3,
  system: 4,
  settings: 4,
  files: 4,
  notes: 4,
};

function block(section: Section, step: number): string[] {
  if (section.kind === "opinion") return opinion(section, step);
  const head = `**${section.title}**${section.kind === "findings" || section.kind === "failure" || section.kind === "notes" ? "" : `: ${prose(section.summary)}`}`;
  if (step >= linesGoAt[section.kind]) return section.kind === "notes" || (step >= 5 && section.kind !== "findings") ? [] : [head];
  const kept = step >= 5 ? section.lines.slice(0, 5) : section.lines;
  const more = section.lines.length > kept.length ? [`- and ${section.lines.length - kept.length} more`] : [];
  const bullets = [...kept.flatMap((line) => bullet(line, 0)), ...more].join("\n");
  const long = section.lines.length > 15 && section.kind !== "findings";
  const body = bullets === "" ? [] : long ? [`<details><summary>${section.title}, one by one</summary>`, bullets, "</details>"] : [bullets];
  const texts = step >= (section.kind === "failure" ? 4 : 1) ? [] : section.texts.flatMap((one) => folded(one, section.kind));
  return [head, ...body, ...texts];
}

/** In a fold of its own, so that nobody takes a model's words for what was found. */
function opinion(section: Section, step: number): string[] {
  if (step >= linesGoAt.opinion) return [];
  const bullets = section.lines.flatMap((line) => bullet(line, 0, longestOpinion)).join("\n");
  return [`<details><summary>${summaryProse(section.title)}</summary>`, bullets, "</details>"];
}
/** An explanation is a paragraph. */
const longestOpinion = 1_600;

function folded(one: Section["texts"][number], kind: Section["kind"]): string[] {
  const title = kind === "failure" ? one.title : summaryCode(one.title);
  return [`<details><summary>${title}</summary>`, fence(one.text, kind === "failure" ? "text" : "diff"), "</details>"];
}

/** A line and what is below it as a list, `depth` levels in. */
export function bullet(line: Line, depth: number, limit?: number): string[] {
  return [`${"  ".repeat(depth)}- ${inline(line, limit)}`, ...(line.sub ?? []).flatMap((sub) => bullet(sub, depth + 1, limit))];
}

/** A line as Markdown without a line break, for lists and table cells alike. */
export function inline(line: Line, limit = 600): string {
  return line.spans.map((span) => spanText(span, limit)).join("");
}

function spanText(span: Span, limit: number): string {
  if (typeof span === "string") return spaced(span, (words) => prose(words, limit));
  if ("command" in span) return code(span.command, 1_000);
  return "code" in span ? code(span.code, Math.min(limit, 160)) : spaced(span.strong, (words) => `**${prose(words, limit)}**`);
}

/** Escapes the words and keeps the spaces around them, which hold names and sentences apart. */
function spaced(text: string, show: (words: string) => string): string {
  const words = text.trim();
  if (words === "") return text === "" ? "" : " ";
  return `${/^\s/.test(text) ? " " : ""}${show(words)}${/\s$/.test(text) ? " " : ""}`;
}
