import type { Outcome } from "../apply/outcome.ts";
import { indentedLine } from "./terminal-escape.ts";

/** The outcome of one host, a line for each thing that is known of it. Texts of hosts are shown, never obeyed. */
export function outcomeText(host: string, outcome: Outcome, { unicode }: { readonly unicode: boolean }): string {
  const { reasons, now, misses, attempts, failure, next = failure?.next, logAt } = outcome;
  const lines = [
    `${host}: ${outcome.outcome}`,
    ...reasons.map((reason) => `  ${reason}`),
    ...(now === undefined ? [] : [`  runs   ${now.current ?? "unknown"}`, `  boots  ${now.profile ?? "unknown"}`]),
    ...attempts.map((attempt) => `  tried ${attempt.strategy}: ${attempt.ended}`),
    ...misses.map((miss) => `  ${miss.sentence}${miss.needs === "nothing" ? "" : ` (needs ${miss.needs})`}`),
    ...(logAt === undefined ? [] : [`  log    ${logAt}`]),
    ...(next === undefined || next === "" ? [] : [`next:  ${next}`]),
  ];
  return `${lines.map((line) => indentedLine(line, unicode)).join("\n")}\n`;
}

export const outcomeJson = (host: string, outcome: Outcome): string => `${JSON.stringify({ schema: 1, host, ...outcome }, undefined, 2)}\n`;
