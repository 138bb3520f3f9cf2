import { createHash } from "node:crypto";
import type { GoalReport } from "../goal/goal-report.ts";
import { goalMarkdown } from "./goal-markdown.ts";
import { goalDecision, goalReason } from "./goal-standing.ts";
import type { Outputs } from "./outputs.ts";
import type { Destination } from "./publish.ts";

export function goalOutputs(report: GoalReport, paths: { readonly report: string }): Outputs {
  return {
    decision: goalDecision(report),
    "reason-code": goalReason(report),
    verdict: "",
    hosts: "[]",
    plan: "",
    report: paths.report,
    html: "",
    "cost-usd": report.costUsd.toFixed(4),
    "pending-hours": "",
  };
}

/** What a forge takes with room to spare. */
const limit = 60_000;

/**
 * Publishes a run of a goal: outputs, the step summary, and where a person has to look one report on the commit, which a later run of the same goal edits. A run that
 * needs nobody brings an older report up to date and writes none. What the forge refuses is a note.
 */
export async function publishGoal(report: GoalReport, detail: "full" | "names", to: Destination): Promise<readonly string[]> {
  const { runner, run, forge } = to;
  const options = { detail, runUrl: run.url };
  const whole = goalMarkdown(report, { ...options, limit: 900_000 });
  const path = await runner.file("report.md", whole);
  for (const [name, value] of Object.entries(goalOutputs(report, { report: path }))) runner.output(name, value);
  await runner.summary(whole);
  if (forge === undefined)
    return to.unposted === true
      ? []
      : ["There is no token, so nothing was posted: the report is in this log, in the step summary and in the outputs."];
  const written = await forge.commitReport(run.sha, {
    marker: { key: keyOf(report, to), runId: run.id, attempt: run.attempt, sha: run.sha },
    body: goalMarkdown(report, { ...options, limit }),
    create: goalDecision(report) !== "nothing",
  });
  if (written.ok) return written.value.notes;
  return [
    `The report of the goal was not written: ${written.failure.message} ${written.failure.next} It is in this log, in the step summary and in the outputs.`,
  ];
}

/** One report for each goal and gate. */
function keyOf({ goal }: GoalReport, { scope }: Destination): string {
  const name = `goal-${goal.name}`;
  if (scope.flake === "." && name.length <= 32) return name;
  return createHash("sha256")
    .update(JSON.stringify([name, scope.flake]))
    .digest("hex")
    .slice(0, 12);
}
