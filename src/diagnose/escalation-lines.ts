import type { Escalation } from "./escalation.ts";

/** A part of an escalation. `mark` tells a terminal or Markdown how to set it; neither's syntax is in the text. */
export type EscalationLine =
  | { readonly mark: "heading" | "sentence" | "item" | "command"; readonly text: string; readonly trusted: boolean }
  | { readonly mark: "fold"; readonly title: string; readonly text: string; readonly leftOut: number };

/** The escalation in the order in which a tired person needs it: what happened, how each host is, what to type, why, what was tried, and the evidence behind folds. */
export function escalationLines(escalation: Escalation): readonly EscalationLine[] {
  const ours = (mark: "heading" | "sentence" | "item" | "command", text: string): EscalationLine => ({ mark, text, trusted: true });
  const theirs = (mark: "sentence" | "item", text: string): EscalationLine => ({ mark, text, trusted: false });
  const { states, causes, tried, stopped, folds, next, patch } = escalation;
  return [
    theirs("sentence", escalation.happened),
    ...(states.length === 0 ? [] : [ours("heading", "Now"), ...states.map((state) => theirs("item", `${state.host}: ${state.sentence}`))]),
    ...(next.length === 0 ? [] : [ours("heading", "Next"), ...next.map((command) => ours("command", command))]),
    ours("heading", "Cause"),
    ...(causes.length === 0 ? [ours("sentence", "No cause is known.")] : causes.map((cause) => theirs("item", causeLine(cause)))),
    ...(tried.length === 0
      ? [ours("sentence", "Nothing was tried.")]
      : [
          ours("heading", "Tried"),
          ...tried.map((each) =>
            theirs("item", `${each.remedy}${each.seconds === undefined ? "" : ` (${Math.round(each.seconds)} s)`}: ${each.ended}`),
          ),
        ]),
    ...stopped.map((reason) => theirs("item", reason)),
    ...(patch === undefined
      ? []
      : [{ mark: "fold" as const, title: "A change that the session proposes; nobody has tried it", text: patch, leftOut: 0 }]),
    ...folds.map((fold) => ({ mark: "fold" as const, ...fold })),
  ];
}

function causeLine({ by, cause, culprit, confidence }: Escalation["causes"][number]): string {
  const who =
    by === "table"
      ? confidence === "certain"
        ? ""
        : "Likely: "
      : confidence === "certain"
        ? "The session says: "
        : "The session thinks: ";
  return `${who}${cause}${culprit === undefined ? "" : ` (${culprit})`}`;
}
