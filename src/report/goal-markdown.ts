import type { GoalReport } from "../goal/goal-report.ts";
import { goalFoot, goalHeadline, type GoalSection, goalSections } from "./goal-sections.ts";
import { goalReason } from "./goal-standing.ts";
import { code, fence, link, prose, summaryProse } from "./markdown-escape.ts";

export type GoalMarkdownOptions = {
  /** `names`: strangers may read it, so that neither a session's words nor a host's are in it (invariant 8). */
  readonly detail: "full" | "names";
  readonly runUrl?: string | undefined;
  /** Of the text, in characters; what is folded goes first, then what comes last. */
  readonly limit: number;
};

/** For a forge and for a step's summary. */
export function goalMarkdown(report: GoalReport, { detail, runUrl, limit }: GoalMarkdownOptions): string {
  const head = detail === "full" ? `### ${prose(goalHeadline(report))}` : `### ${prose(`${report.goal.name}: ${goalReason(report)}`)}`;
  const foot = [...(runUrl === undefined ? [] : [link("The run and its log", runUrl)]), `<sub>${prose(goalFoot(report))}</sub>`].join(
    "\n\n",
  );
  const shown = goalSections(report).filter(({ named }) => detail === "full" || named === true);
  const parts = [...(detail === "names" ? [counts(report)] : []), ...shown.map((section) => markdown(section, detail))];
  const order = [...parts.keys()].toSorted((a, b) => Number(isFold(parts[a])) - Number(isFold(parts[b])));
  const kept = new Set<number>();
  let room = limit - head.length - foot.length - 200;
  for (const at of order) {
    const size = (parts[at] ?? "").length + 2;
    if (size > room) continue;
    room -= size;
    kept.add(at);
  }
  const left = parts.length - kept.size;
  return [
    head,
    ...parts.filter((_, at) => kept.has(at)),
    ...(left === 0 ? [] : [`*${left} ${left === 1 ? "part was" : "parts were"} left out here for length.*`]),
    foot,
  ].join("\n\n");
}

const isFold = (text: string | undefined): boolean => text?.startsWith("<details>") === true;

function markdown({ title, lines, block, fold }: GoalSection, detail: "full" | "names"): string {
  const items = lines.flatMap(({ text, said, command, sub }) => [
    `- ${/^https?:\/\/\S+$/.test(text) ? link(text, text) : prose(text, 1_000)}`,
    ...(said === undefined ? [] : [`  <br>${code(said, 300)}`]),
    ...(command === undefined ? [] : [`  <br>${code(command, 300)}`]),
    // Below an action stands what a session said for it.
    ...(detail === "names" ? [] : (sub ?? []).map((one) => `  - ${prose(one, 600)}`)),
  ]);
  const body = [
    ...(items.length === 0 ? [] : [items.join("\n")]),
    ...(block === undefined ? [] : [fold === true || /^(?: {2}|\t)\S/m.test(block) ? fence(block, "text") : paragraphs(block)]),
  ];
  return fold === true
    ? [`<details><summary>${summaryProse(title)}</summary>`, ...body, "</details>"].join("\n\n")
    : [`**${prose(title)}**`, ...body].join("\n\n");
}

/** Sentences, which a block of code would not wrap; what is set in columns is none. */
const paragraphs = (text: string): string =>
  text
    .split(/\n+/)
    .flatMap((line) => (line.trim() === "" ? [] : [prose(line, 4_000)]))
    .join("\n\n");

/** What strangers may read of the findings: how many, how bad, where. */
function counts({ answer, context }: GoalReport): string {
  const lines = [`- ${context.hosts.length} hosts were asked`];
  if (answer.kind === "answered")
    for (const severity of ["urgent", "warning", "note"] as const) {
      const found = answer.answer.findings.filter((one) => one.severity === severity);
      const names = [...new Set(found.flatMap(({ host }) => (context.hosts.some((one) => one.host === host) ? [host] : [])))];
      if (found.length > 0)
        lines.push(
          `- ${found.length} ${severity}${
            names.length === 0
              ? ""
              : `: ${names
                  .slice(0, 20)
                  .map((name) => code(name))
                  .join(", ")}`
          }`,
        );
    }
  return [
    ...lines,
    '- What was found is told to those who may read it: by `gate goal`, or with `report.detail = "full"` in the policy.',
  ].join("\n");
}
