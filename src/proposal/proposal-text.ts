import { redact } from "../diff/secrets.ts";
import type { GoalAnswer } from "../goal/goal-answer.ts";
import { fence, prose } from "../report/markdown-escape.ts";

export type ProposalText = {
  readonly goal: string;
  readonly id: string;
  /** What the goal was told. */
  readonly told: string | undefined;
  readonly answer: Omit<GoalAnswer, "nonce">;
  /** `names`: strangers may read it (invariant 8). What was reported and what a session thinks of it stays out; what is proposed, and why, is what the pull request is. */
  readonly detail: "full" | "names";
  /** The plan as the gate's comment shows it, Markdown of ours. */
  readonly plan: string;
  readonly costUsd: number;
  readonly runUrl: string | undefined;
};

/** GitHub takes 65,536 characters. */
const longest = 60_000;

/**
 * Forges obey words in a commit's message and in a title: `[skip ci]` would keep the gate from looking at a proposal, and a deploy from beginning once it is merged;
 * `Fixes #1` closes what others have opened. Sources: "Skipping workflow runs" and "Linking a pull request to an issue" of GitHub's documentation, `SKIP_WORKFLOW_STRINGS` of Forgejo.
 */
const unobeyed = (text: string): string =>
  text
    .replaceAll("[", "(")
    .replaceAll("]", ")")
    .replace(/\*{3}(?=NO_CI)/gi, "")
    .replace(/#(?=\d)/g, "no. ");

/** Of a diff in a report; all of it is in the pull request or the patch. */
const longestDiff = 16_000;

/** What a person reads of a change in a report: without secrets that the repository may have around it, cut after a whole line. */
export function shownDiff(diff: string): string {
  const { text } = redact(diff);
  if (text.length <= longestDiff) return text;
  const kept = text.slice(0, text.lastIndexOf("\n", longestDiff) + 1);
  return `${kept}(${text.length - kept.length} more characters left out)\n`;
}

/** The commit's message: what a person reads in a log years later. One line, a blank, the reason as plain text. */
export function commitMessage({ goal, id, answer }: Pick<ProposalText, "goal" | "id" | "answer">): string {
  const plain = (text: string, most: number): string =>
    unobeyed(text.replace(/[^\P{C}\n]/gu, " "))
      .trim()
      .slice(0, most);
  return `${plain(titleOf(answer, goal), 100)}\n\n${plain(answer.proposal.why, 2_000)}\n\nProposed-by: nixos-deploy-gate goal ${goal} (${id})\n`;
}

/** A title that is one. */
export const titleOf = (answer: Pick<GoalAnswer, "proposal" | "headline">, goal: string): string =>
  unobeyed(answer.proposal.title || answer.headline || `Proposal of ${goal}`)
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, 100);

/** The body of the pull request: the wish, what was done and why, what it does to the machines, other ways, questions, cost. A model's words are marked as that. */
export function pullRequestBody({ goal, id, told, answer, detail, plan, costUsd, runUrl }: ProposalText): string {
  const { proposal, opinion, edgeCase } = answer;
  const list = (heading: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : [`#### ${heading}\n\n${lines.map((line) => `- ${prose(line)}`).join("\n")}`];
  const parts = [
    `This was proposed by the goal \`${goal}\` and is merged or closed by people only. What a Claude session wrote is quoted; the plan below is the gate's own.`,
    ...(told === undefined || detail === "names" ? [] : [`#### What was asked for\n\n${fence(told.slice(0, 4_000), "text")}`]),
    `#### What was done and why\n\n${quoted(proposal.why || answer.headline)}`,
    ...list("Questions for you", proposal.questions),
    ...list("Other ways", proposal.alternatives),
    ...(opinion.trim() === "" || detail === "names" ? [] : [`#### Opinion\n\n${quoted(opinion)}`]),
    ...(edgeCase.symptom === ""
      ? []
      : [
          `#### For the file of edge cases\n\n${fence(`${edgeCase.symptom}\n  cause: ${edgeCase.cause}\n  strategy: ${edgeCase.strategy}`, "text")}`,
        ]),
    `#### What it does to the machines\n\n${plan}`,
    `<sub>Goal ${goal}, occasion ${id}, ${costUsd.toFixed(2)} USD.${runUrl === undefined ? "" : ` Run: ${runUrl}`}</sub>`,
  ];
  const text = parts.join("\n\n");
  return text.length <= longest
    ? text
    : parts
        .map((part) =>
          part.startsWith("#### What it does") ? "#### What it does to the machines\n\nToo long for here: see the gate's comment." : part,
        )
        .join("\n\n");
}

const quoted = (text: string): string =>
  text
    .slice(0, 6_000)
    .split("\n")
    .map((line) => `> ${prose(line, 1_000)}`)
    .join("\n");
