import { describe, expect, test } from "vitest";
import type { GoalReport } from "../../src/goal/goal-report.ts";
import { goalMarkdown } from "../../src/report/goal-markdown.ts";
import { goalNotification } from "../../src/report/goal-notification.ts";
import { goalDecision, goalExit, goalReason, moreLeave } from "../../src/report/goal-standing.ts";
import { goalJson, goalText } from "../../src/report/goal-text.ts";
import { fullDisk, now, sampleContext } from "../goal/sample-context.ts";

const said = {
  headline: "web1 is full @everyone",
  findings: [
    { host: "web1", severity: "urgent" as const, what: "The log <script>alert(1)</script> takes 70 GiB.", quote: "70 `/var/log" },
    { host: "", severity: "note" as const, what: "\u001b[2Jgone \u202e", quote: "" },
  ],
  actions: [],
  proposal: { title: "", why: "", alternatives: [], questions: [] },
  opinion: "I believe it.",
  edgeCase: { symptom: "", cause: "", strategy: "" },
};
const report = (over: Partial<GoalReport> = {}): GoalReport => ({
  schema: 1,
  goal: { name: "health-check", output: "report", autonomy: "act", actions: ["restart-unit"] },
  id: "health-check",
  leave: { autonomy: "observe", actions: [], usd: 2, minutes: 20, hosts: ["*"], tools: ["hosts"] },
  told: undefined,
  startedAt: now,
  finishedAt: new Date(now.getTime() + 90_000),
  context: sampleContext({ web1: { failed: ["nginx.service"], records: { space: fullDisk } }, db1: {} }),
  answer: { kind: "answered", answer: said },
  calls: [{ tool: "journal", asked: '{"host":"web1"}', ended: "answered", note: "20 bytes" }],
  actions: [],
  proposal: { kind: "none" },
  costUsd: 0.21,
  notes: [],
  ...over,
});
const answered = (over: Partial<typeof said>): Partial<GoalReport> => ({ answer: { kind: "answered", answer: { ...said, ...over } } });
const terminal = { width: 80, color: false, unicode: true };

describe("what a run came to", () => {
  const action = { kind: "restart-unit" as const, host: "web1", unit: "a.service", reason: "r" };
  test.each<[Partial<GoalReport>, string, string, number]>([
    [{}, "held", "urgent-finding", 3],
    [answered({ findings: [] }), "nothing", "all-well", 0],
    [answered({ findings: [{ host: "", severity: "note", what: "w", quote: "" }] }), "nothing", "findings", 0],
    [answered({ findings: [], proposal: { ...said.proposal, questions: ["Which?"] } } as never), "held", "questions", 3],
    [{ answer: { kind: "none", reason: "over-budget", detail: "" } }, "failed", "over-budget", 4],
    [{ ...answered({ findings: [] }), actions: [{ action, end: "failed", reasons: [] }] }, "failed", "action-failed", 1],
    [{ ...answered({ findings: [] }), actions: [{ action, end: "refused", reasons: [] }] }, "held", "action-not-done", 3],
    [{ ...answered({ findings: [] }), actions: [{ action, end: "done", reasons: [] }] }, "nothing", "all-well", 0],
    [{ ...answered({ findings: [] }), proposal: { kind: "refused", problems: ["p"] } }, "held", "proposal-refused", 3],
  ])("%#", (over, decision, reason, exit) => {
    const made = report(over);
    expect([goalDecision(made), goalReason(made), goalExit(made)]).toEqual([decision, reason, exit]);
    expect(goalNotification(made, { repository: "me/fleet", flake: ".", url: undefined }) === undefined).toBe(decision === "nothing");
  });
  test("the line that would allow more is said where something was found and policy is what stood in the way", () => {
    expect(moreLeave(report())?.line).toBe(`deployGate.goals.by.health-check.autonomy = "act";`);
    expect(moreLeave(report(answered({ findings: [] })))).toBeUndefined();
    expect(moreLeave(report({ leave: { ...report().leave, autonomy: "act" } }))).toBeUndefined();
  });
});

describe("its forms", () => {
  test("what a session wrote is shown and does nothing, in Markdown, on a terminal and as JSON", () => {
    const markdown = goalMarkdown(report(), { detail: "full", limit: 60_000 });
    for (const live of ["<script>", "@everyone", "\u001b", "\u202e"]) expect(markdown).not.toContain(live);
    expect(markdown).toContain("<summary>What it asked");
    const text = goalText(report(), { ...terminal, verbose: true });
    for (const live of ["\u001b", "\u202e"]) expect(text).not.toContain(live);
    expect(text.indexOf("Found, with what shows it")).toBeLessThan(text.indexOf("Opinion: nothing it was shown says so"));
    const json = goalJson(report());
    for (const live of ["\u001b", "\u202e"]) expect(json).not.toContain(live);
    expect(JSON.parse(json)).toMatchObject({ schema: 1, answer: { answer: { findings: [{}, { what: "\u001b[2Jgone \u202e" }] } } });
  });
  test("strangers read no word of a session or of a host", () => {
    const names = goalMarkdown(report({ told: "a wish" }), { detail: "names", limit: 60_000 });
    expect(names).not.toMatch(/is full|70 GiB|I believe|a wish|nginx/);
    expect(names).toContain("1 urgent: `web1`");
  });
  test("what does not fit is left out and said so, the folds first", () => {
    const short = goalMarkdown(report({ told: "x".repeat(3_000) }), { detail: "full", limit: 2_500 });
    expect(short.length).toBeLessThanOrEqual(2_500);
    expect(short).toContain("left out here for length");
    expect(short).toContain("70 GiB");
    expect(short).not.toContain("xxxx");
  });
});
