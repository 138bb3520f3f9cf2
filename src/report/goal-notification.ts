import { createHash } from "node:crypto";
import type { GoalReport } from "../goal/goal-report.ts";
import { goalHeadline } from "./goal-sections.ts";
import { goalDecision, goalReason } from "./goal-standing.ts";
import type { Notification } from "./notification.ts";
import { visibleText } from "./visible.ts";

const limits = { title: 200, text: 6_000, hosts: 100 } as const;

/** What a person is told of a run of a goal; undefined where nobody is needed. The same occasion has the same key. Bounded. Pure. */
export function goalNotification(
  report: GoalReport,
  { repository, flake, url }: { readonly repository: string | undefined; readonly flake: string; readonly url: string | undefined },
): Notification | undefined {
  const decision = goalDecision(report);
  if (decision === "nothing") return undefined;
  const { answer, actions, proposal } = report;
  const found = answer.kind === "answered" ? answer.answer.findings : [];
  const lines = [
    ...(answer.kind === "none" ? [`No session answered: ${answer.detail || answer.reason}`] : []),
    ...found.slice(0, 8).map(({ host, severity, what }) => `- ${severity}${host === "" ? "" : `, ${host}`}: ${what}`),
    ...actions.map(({ action, end }) => `- ${action.kind} ${action.unit} on ${action.host}: ${end}`),
    ...("url" in proposal && proposal.url !== undefined ? [`- proposed: ${proposal.url}`] : []),
    ...(answer.kind === "answered" ? answer.answer.proposal.questions.map((question) => `- question: ${question}`) : []),
    ...(url === undefined ? [] : ["", url]),
  ];
  const what = repository ?? flake;
  return {
    schema: 1,
    key: createHash("sha256")
      .update(JSON.stringify([what, "goal", report.goal.name, report.id, goalReason(report)]))
      .digest("hex")
      .slice(0, 16),
    title: visibleText(`${what}: ${goalHeadline(report)}`)
      .replace(/\s+/g, " ")
      .slice(0, limits.title),
    text: visibleText(lines.join("\n")).slice(0, limits.text),
    urgent: decision === "failed" || found.some(({ severity }) => severity === "urgent"),
    ...(repository === undefined ? {} : { repository }),
    flake,
    ...(url === undefined ? {} : { url }),
    hosts: found
      .flatMap(({ host, severity, what: happened }) => (host === "" ? [] : [{ host, standing: severity, happened }]))
      .slice(0, limits.hosts),
    escalations: [],
  };
}
