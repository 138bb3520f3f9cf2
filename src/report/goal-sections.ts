import { contextText } from "../context/context-text.ts";
import type { GoalReport } from "../goal/goal-report.ts";
import { moreLeave } from "./goal-standing.ts";

/** One entry below a heading: `text` is a sentence, `said` a stranger's words that are shown as such, `command` is to be copied. */
export type GoalLine = { readonly text: string; readonly said?: string; readonly command?: string; readonly sub?: readonly string[] };
/** `block`: several lines. `fold`: not shown at first. `named`: names and words of ours alone, which whoever sees the repository may read. */
export type GoalSection = {
  readonly title: string;
  readonly lines: readonly GoalLine[];
  readonly block?: string;
  readonly fold?: true;
  readonly named?: true;
};

const endWords = { done: "done", "no-effect": "done, and it did not help", refused: "not done", failed: "failed" } as const;
const snapshotBytes = 60_000;

/** The sections of a goal's report, in the order of what a person needs first; for every form of it. What is in them is not escaped yet. */
export function goalSections(report: GoalReport): readonly GoalSection[] {
  const { answer, context } = report;
  const unwell = context.hosts.filter(({ troubles }) => troubles.length > 0);
  const fleet: GoalSection = {
    title:
      unwell.length === 0
        ? `The fleet: ${hosts(context.hosts.length)}, nothing to say of any`
        : `The fleet: ${hosts(context.hosts.length)}, ${unwell.length} with something to look at`,
    lines: unwell.slice(0, 12).map(({ host, troubles }) => ({
      text: host,
      sub: [...troubles.slice(0, 6).map(({ sentence }) => sentence), ...(troubles.length > 6 ? [`and ${troubles.length - 6} more`] : [])],
    })),
  };
  const snapshot: GoalSection = {
    title: "The snapshot that the session was given",
    lines: [],
    block: contextText(context, { bytes: snapshotBytes, unicode: true }).trimEnd(),
    fold: true,
  };
  return [
    ...(answer.kind === "none"
      ? [
          {
            title: "No session answered",
            lines: [{ text: answer.reason, sub: answer.detail === "" ? [] : [answer.detail] }],
            named: true as const,
          },
        ]
      : []),
    ...(answer.kind === "answered" ? findings(answer.answer) : []),
    ...actions(report),
    ...proposal(report),
    ...more(report),
    fleet,
    ...(answer.kind === "answered" ? thoughts(answer.answer) : []),
    ...(report.told === undefined ? [] : [{ title: "What it was told", lines: [], block: report.told, fold: true as const }]),
    ...calls(report),
    snapshot,
    ...(report.notes.length === 0 ? [] : [{ title: "Notes", lines: report.notes.map((text) => ({ text })) }]),
  ];
}

type Answer = Extract<GoalReport["answer"], { kind: "answered" }>["answer"];

const hosts = (count: number): string => `${count} ${count === 1 ? "host" : "hosts"}`;

/** What stands on words that are there, and what does not, apart: the second may be right, and nobody has shown it. */
function findings({ findings: all }: Answer): GoalSection[] {
  const line = ({ host, severity, what, quote }: Answer["findings"][number]): GoalLine => ({
    text: `${severity}${host === "" ? "" : `, ${host}`}: ${what}`,
    ...(quote === "" ? {} : { said: quote }),
  });
  const shown = all.filter(({ quote }) => quote !== "").map(line);
  const believed = all.filter(({ quote }) => quote === "").map(line);
  return [
    ...(shown.length === 0 ? [] : [{ title: "Found, with what shows it", lines: shown }]),
    ...(believed.length === 0 ? [] : [{ title: "Opinion: nothing it was shown says so", lines: believed }]),
  ];
}

function actions({ actions: all }: GoalReport): GoalSection[] {
  if (all.length === 0) return [];
  return [
    {
      title: "Actions",
      named: true,
      lines: all.map(({ action, end, reasons }) => ({
        text: `${action.kind}${action.unit === "" ? "" : ` ${action.unit}`} on ${action.host}: ${endWords[end]}`,
        sub: [...reasons, `asked for because: ${action.reason}`],
      })),
    },
  ];
}

function proposal({ proposal: end, answer }: GoalReport): GoalSection[] {
  const said = answer.kind === "answered" ? answer.answer.proposal : undefined;
  const questions: GoalSection[] =
    said === undefined || said.questions.length === 0
      ? []
      : [{ title: "Questions for you", lines: said.questions.map((text) => ({ text })) }];
  const alternatives: GoalSection[] =
    said === undefined || said.alternatives.length === 0
      ? []
      : [{ title: "Alternatives", lines: said.alternatives.map((text) => ({ text })) }];
  const why: GoalSection[] =
    said === undefined || said.why === "" ? [] : [{ title: said.title === "" ? "In detail" : said.title, lines: [], block: said.why }];
  return [...ended(end), ...why, ...questions, ...alternatives];
}

function ended(end: GoalReport["proposal"]): GoalSection[] {
  switch (end.kind) {
    case "none":
      return [];
    case "refused":
      return [{ title: "Its change was not proposed", lines: end.problems.map((text) => ({ text })) }];
    case "failed":
      return [
        { title: "Its change could not be proposed", named: true, lines: [{ text: end.failure.message, command: end.failure.next }] },
      ];
    case "opened":
    case "updated":
    case "unchanged": {
      const verdicts = Object.entries(end.verdicts).map(([verdict, count]) => `${count} ${verdict}`);
      return [
        {
          title: end.kind === "unchanged" ? "Its proposal stands as it was" : `A proposal was ${end.kind}`,
          named: true,
          lines: [
            { text: end.url ?? "as a patch for git am: --patch FILE writes it" },
            ...(verdicts.length === 0 ? [] : [{ text: `what it does to the hosts: ${verdicts.join(", ")}` }]),
            {
              text: `changes ${end.changedPaths.slice(0, 12).join(", ")}${end.changedPaths.length > 12 ? ` and ${end.changedPaths.length - 12} more` : ""}`,
            },
          ],
        },
        ...change(end.diff, end.url === undefined),
      ];
    }
  }
}

/** Set in columns: two spaces keep it from being filled. Where there is no pull request to read it in, it is shown at once. */
function change(diff: string | undefined, alone: boolean): GoalSection[] {
  if (diff === undefined || diff === "") return [];
  return [{ title: "The change", lines: [], block: diff.trimEnd().replace(/^/gm, "  "), ...(alone ? {} : { fold: true as const }) }];
}

function more(report: GoalReport): GoalSection[] {
  const leave = moreLeave(report);
  return leave === undefined ? [] : [{ title: "How to let it do more", named: true, lines: [{ text: leave.why, command: leave.line }] }];
}

function thoughts({ opinion, edgeCase }: Answer): GoalSection[] {
  const learnt =
    edgeCase.symptom === "" ? [] : [{ text: edgeCase.symptom, sub: [edgeCase.cause, edgeCase.strategy].filter((text) => text !== "") }];
  return [
    ...(opinion === "" ? [] : [{ title: "What the session thinks", lines: [], block: opinion }]),
    ...(learnt.length === 0 ? [] : [{ title: "For the file of edge cases", lines: learnt }]),
  ];
}

function calls({ calls: all }: GoalReport): GoalSection[] {
  if (all.length === 0) return [];
  return [
    {
      title: `What it asked: ${all.length} ${all.length === 1 ? "call" : "calls"}`,
      fold: true,
      lines: [],
      block: all.map(({ tool, asked, ended: how, note }) => `${tool} ${asked}\n  ${how}: ${note}`).join("\n"),
    },
  ];
}

/** What a run is called and what it came to, as one line; a session's words where it answered. */
export const goalHeadline = ({ goal, answer }: Pick<GoalReport, "goal" | "answer">): string =>
  `${goal.name}: ${answer.kind === "answered" ? answer.answer.headline : "no session answered"}`;

/** What it cost and how long it took, as one line of ours. */
export function goalFoot({ costUsd, startedAt, finishedAt, leave, calls: all, id }: GoalReport): string {
  const seconds = Math.max(0, Math.round((finishedAt.getTime() - startedAt.getTime()) / 1000));
  const took = seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
  return `${leave.autonomy}, ${took} of ${leave.minutes} min, $${costUsd.toFixed(2)} of $${leave.usd.toFixed(2)}, ${all.length} ${all.length === 1 ? "call" : "calls"}, id ${id}`;
}
