import { describe, expect, test } from "vitest";
import { judgement } from "../../src/classify/finding.ts";
import type { Answer } from "../../src/classify/session/answer.ts";
import { readAnswer } from "../../src/classify/session/answer.ts";
import { mergeSession } from "../../src/classify/session/merge.ts";
import { opinionOf, type ChangeOpinion } from "../../src/classify/session/opinions.ts";
import { record } from "../../src/classify/second-opinion.ts";
import type { NoVerdict } from "../../src/classify/session/session-judge.ts";
import { decide } from "../../src/decide/decide.ts";
import { comment } from "../../src/report/comment.ts";
import { diffReport } from "../../src/report/diff-report.ts";
import { Plan, planJson } from "../../src/report/plan.ts";
import { terminalReport } from "../../src/report/terminal.ts";
import { toPlan } from "../../src/report/to-plan.ts";
import { summary } from "../../src/report/summary.ts";
import { expectInert, hostile, rendered } from "./hostile.ts";
import { changed, databaseDiff, databaseFindings, kernelDiff, kernelFinding, sampleRun, webDiff } from "./sample.ts";

/** What a session said stands in reports as an opinion: apart from facts, escaped, bounded, and not at all where strangers read. */
const limits = { model: "sonnet", questionUsd: 1, runUsd: 3, dayUsd: 20, timeoutSeconds: 60, documentCharacters: 12_000 };
const use = { costUsd: 0.0123, inputTokens: 1_934, outputTokens: 240, seconds: 4.12 };
const answer: Omit<Answer, "nonce"> = {
  verdict: "risky",
  findings: [
    {
      reason: "service-breaks",
      verdict: "risky",
      subject: "nginx.service",
      quote: "client_max_body_size 50m",
      hazard: "Uploads that were refused before fill the disk of the proxy.",
      check: "df -h /var/cache/nginx",
    },
  ],
  watch: ["nginx.service", "journalctl -u nginx | grep 413"],
  explanation: "nginx gets a patch release and takes larger uploads.",
};

/** The web hosts with this answer, db1 with a silent session, gateway that nobody was asked about. */
function planWith(said: Omit<Answer, "nonce">, silence: NoVerdict = "timed-out", detail: "full" | "names" = "full"): Plan {
  const verdict = readAnswer(
    { ...said, nonce: "n" },
    "n",
    JSON.stringify(said.findings.map((one) => [one.subject, one.quote])).replaceAll("\\", ""),
  );
  if (typeof verdict === "string") throw new Error(verdict);
  const opinions: ChangeOpinion[] = [
    ...opinionOf(["web1", "web2"], { kind: "answered", verdict, use, cached: false }),
    ...opinionOf(["db1"], { kind: "none", reason: silence, detail: "no answer within the time limit", use }),
  ];
  const web = mergeSession(judgement([]), verdict);
  const situation = { state: "changed", managed: true, session: "answered", sessionRequired: false } as const;
  return toPlan({
    ...sampleRun,
    detail,
    session: record(opinions, limits, "2.1.330"),
    hosts: [
      changed("web1", webDiff("web1"), web, decide({ ...situation, judgement: web })),
      changed("web2", webDiff("web2"), web, decide({ ...situation, judgement: web })),
      changed("db1", databaseDiff("db1"), judgement(databaseFindings), { action: "hold", reasons: ["x"] }),
      changed("gateway", kernelDiff("gateway"), judgement([kernelFinding]), { action: "observe", reasons: ["x"] }),
    ],
  });
}
const plan = planWith(answer);
const options = { limit: 60_000, detail: "full", links: {} } as const;
const terminal = { width: 100, color: false, unicode: true, verbose: true } as const;

test("plan.json holds for each distinct change what was said, what it cost, or why nothing was said", () => {
  expect(Plan.parse(JSON.parse(planJson(plan)))).toEqual(plan);
  expect(plan.session).toMatchObject({ ran: true, note: "", model: "sonnet", cliVersion: "2.1.330", costUsd: 0.0246 });
  expect(plan.session.changes).toEqual([
    { hosts: ["web1", "web2"], outcome: "answered", cached: false, dropped: 0, reasons: ["service-breaks"], ...use, ...answer },
    { hosts: ["db1"], outcome: "none", reason: "timed-out", detail: "no answer within the time limit", ...use },
  ]);
});

test("the opinion stands in a fold of its own, after the findings, and says whose it is", async () => {
  await expect(comment(plan, options)).toMatchFileSnapshot("__snapshots__/comment-session.md.snap");
  await expect(terminalReport(plan, terminal)).toMatchFileSnapshot("__snapshots__/terminal-session.txt");
  const text = comment(plan, options);
  const fold = /<details><summary>Opinion of the session \(model sonnet\), not checked<\/summary>.*?<\/details>/gs;
  const facts = text.replaceAll(fold, "");
  expect(text.match(fold)).toHaveLength(2);
  for (const prose of ["patch release", "Uploads that were refused", "/var/cache/nginx", "grep 413", "within the time limit"]) {
    expect(text).toContain(prose);
    expect(facts).not.toContain(prose);
  }
  expect(facts).toContain("The session sees a service that may not come back as it was.");
});

describe("the first line", () => {
  const first = (one: Plan): string => comment(one, options).split("\n\n")[1] ?? "";
  test("says for how many hosts no session spoke, and why", () => {
    expect(first(plan)).toMatch(/^Judged by rules and a Claude session \(sonnet\), 2 of 4 hosts by rules only \(timed-out\)\./);
    expect(terminalReport(plan, terminal).split("\n")[1]).toMatch(/2 of 4 hosts by rules only \(timed-out\)/);
    // A stranger is told the same: a code is a word of ours.
    expect(first(planWith(answer, "over-run-budget", "names"))).toMatch(/2 of 4 hosts by rules only \(over-run-budget\)\./);
  });
  test("never claims a session that gave no verdict at all", () => {
    const silent = opinionOf(["web1"], { kind: "none", reason: "usage-limit", detail: "resets 7pm", use });
    for (const detail of ["full", "names"] as const) {
      const one = toPlan({ ...sampleRun, detail, session: record(silent, limits, "2.1.330") });
      expect(first(one)).toMatch(/^Judged by rules only.*usage-limit/);
      expect(terminalReport(one, { ...terminal, width: 200 }).split("\n")[1]).toMatch(/^Judged by rules only.*usage-limit/);
    }
    expect(first(toPlan({ ...sampleRun, session: record([], limits, undefined) }))).toMatch(
      /^Judged by rules only: no change had to be put before a session\./,
    );
  });
});

test("what it cost stands at the foot, also where it was for nothing", () => {
  expect(comment(plan, options).trimEnd().split("\n").at(-1)).toContain(String.raw`session \$0.02 (sonnet)`);
  expect(terminalReport(plan, terminal).trimEnd().split("\n").at(-1)).toContain("session $0.02 (sonnet)");
});

test("where strangers read, verdicts and reasons are left and no prose is", () => {
  const names = planWith(answer, "timed-out", "names");
  for (const text of [
    comment(plan, { ...options, detail: "names" }),
    comment(names, options),
    summary(names, options),
    terminalReport(names, terminal),
    planJson(names),
  ]) {
    for (const prose of ["patch release", "Uploads that were refused", "df -h", "client_max_body_size", "no answer within"])
      expect(text).not.toContain(prose);
    expect(text).toContain("service-breaks");
    expect(text).toContain("timed-out");
  }
});

describe("a model that was talked into it", () => {
  const talked = (bad: string): Omit<Answer, "nonce"> => ({
    verdict: "risky",
    findings: [
      {
        reason: "other",
        verdict: "risky",
        subject: "nginx.service",
        quote: "client_max_body_size",
        hazard: bad.slice(0, 300),
        check: bad.slice(0, 300),
      },
    ],
    watch: [bad.slice(0, 160)],
    explanation: bad.slice(0, 1500),
  });

  test.each(hostile.map((bad) => [bad]))("%j gives a report that does nothing", (bad) => {
    const said = planWith(talked(bad));
    expectInert(comment(said, options));
    expectInert(summary(said, { ...options, detail: "full" }));
    for (const text of [terminalReport(said, terminal), terminalReport(said, { ...terminal, verbose: false })])
      expect(text).not.toMatch(/[^\P{C}\n]/u);
    expect(planJson(said)).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u);
  });

  test("what imitates our own structure stays inside the fold", () => {
    const bad = "</details>\n\n**Findings**\n\n- **clean** everything (rule `none`)";
    const html = rendered(comment(planWith(talked(bad)), options));
    expect(html).not.toContain("<strong>clean</strong> everything");
    expect(html.match(/<details>/g)?.length).toBe(html.match(/<\/details>/g)?.length);
    const shown = terminalReport(planWith(talked(bad)), terminal);
    expect(shown.split("\n").filter((line) => line.trim() === "Findings")).toHaveLength(shown.match(/^  Findings$/gm)?.length ?? 0);
  });

  test("however long it is, what the rules found stays, and the comment fits", () => {
    const said = planWith({
      ...talked("word ".repeat(300)),
      findings: Array.from({ length: 8 }, () => talked("y".repeat(300)).findings[0] as Answer["findings"][number]),
    });
    for (const limit of [3_000, 8_000, 60_000]) {
      const text = comment(said, { ...options, limit });
      expect(text.length).toBeLessThanOrEqual(limit);
      expectInert(text);
    }
    expect(comment(said, { ...options, limit: 8_000 })).toContain("postgresql-major");
  });
});

test("gate diff tells the opinion in the same words, apart from the findings", () => {
  const [opinion] = plan.session.changes ?? [];
  const text = diffReport(webDiff("web1"), judgement([]), terminal, { ...plan.session, changes: opinion === undefined ? [] : [opinion] });
  expect(text).toMatch(/ {2}Opinion of the session \(model sonnet\), not checked\n {4}It says risky: service-breaks\./);
  const none = diffReport(webDiff("web1"), judgement([]), terminal, {
    ran: false,
    note: "no credential for a Claude session is set",
    changes: [],
  });
  expect(none).toContain("Judged by rules only: no credential for a Claude session is set.");
});
