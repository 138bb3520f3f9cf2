import type { GoalAnswer } from "../goal/goal-answer.ts";

/**
 * The file of edge cases with one more entry, or undefined where it has that one already. A session's words: one line each, in no form that could end a list or begin a
 * heading. Later sessions read that file as knowledge, so it is part of the pull request, where a person reads it first.
 */
export function withEdgeCase(text: string | undefined, entry: GoalAnswer["edgeCase"], day: string, goal: string): string | undefined {
  const line = (words: string): string =>
    words
      .replace(/[<>[\]`*_#|\\]/g, "")
      .replace(/[\p{C}\s]+/gu, " ")
      .trim();
  const symptom = line(entry.symptom);
  if (symptom === "" || text?.includes(symptom) === true) return undefined;
  const before = text === undefined || text.trim() === "" ? "# Edge cases\n" : `${text.trimEnd()}\n`;
  const parts = [
    `- Seen: ${day}, goal ${goal}`,
    `- Cause: ${line(entry.cause) || "not known"}`,
    `- Strategy: ${line(entry.strategy) || "call a person"}`,
  ];
  return `${before}\n## ${symptom.replace(/\.$/, "")}\n\n${parts.join("\n")}\n`;
}
