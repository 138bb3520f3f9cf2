import { describe, expect, test } from "vitest";
import { judgement } from "../../src/classify/finding.ts";
import { distinctChanges, type HostChange } from "../../src/classify/session/distinct.ts";
import type { Change } from "../../src/classify/session/document.ts";
import { judgeBySession, type SessionJudgeOptions, type SessionLimits } from "../../src/classify/session/session-judge.ts";
import type { AnswerCache, Session, SessionAnswer, SessionProgram, SessionQuestion, Spending } from "../../src/io/ports.ts";
import { finding, webDiff } from "../report/sample.ts";

/** How questions are put: once for each distinct change, within budgets, from memory where the very same was asked before. The CLI is tried in session.test.ts. */
const use = { costUsd: 1, inputTokens: 1_000, outputTokens: 50, seconds: 2 };
const nonceOf = (question: SessionQuestion): string => /nonce (\w+)/.exec(question.prompt)?.[1] ?? "";
const clean = (question: SessionQuestion): SessionAnswer => ({
  kind: "answered",
  value: { nonce: nonceOf(question), verdict: "clean", findings: [], watch: [], explanation: "Routine." },
  use,
});
const silent = (reason: Extract<SessionAnswer, { kind: "none" }>["reason"]) => (): SessionAnswer => ({
  kind: "none",
  reason,
  detail: "d",
  use,
});

class ScriptedSession implements Session {
  readonly asked: SessionQuestion[] = [];
  underWay = 0;
  most = 0;
  readonly answer: (question: SessionQuestion, index: number) => SessionAnswer;
  readonly found: SessionProgram;
  constructor(answer: ScriptedSession["answer"] = clean, found: SessionProgram = { kind: "usable", version: "2.1.330" }) {
    this.answer = answer;
    this.found = found;
  }
  program = (): Promise<SessionProgram> => Promise.resolve(this.found);
  ask = async (question: SessionQuestion): Promise<SessionAnswer> => {
    const index = this.asked.push(question) - 1;
    this.underWay += 1;
    this.most = Math.max(this.most, this.underWay);
    // Long enough for every question that may be under way at once to be so.
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    this.underWay -= 1;
    return this.answer(question, index);
  };
}

class MemoryCache implements AnswerCache {
  readonly kept = new Map<string, unknown>();
  read = (key: string): unknown => this.kept.get(key);
  write = (key: string, answer: unknown): void => void this.kept.set(key, structuredClone(answer));
}

class MemorySpending implements Spending {
  spent: number | undefined;
  constructor(spent: number | undefined) {
    this.spent = spent;
  }
  today = (): number | undefined => this.spent;
  add = (usd: number): void => {
    if (this.spent !== undefined) this.spent += usd;
  };
}

const change = (host: string, over: Partial<Change> = {}): Change => ({
  hosts: [host],
  facts: {},
  diff: webDiff(host),
  judgement: judgement([]),
  ...over,
});
const many = (count: number): Change[] => Array.from({ length: count }, (_, i) => change(`h${i}`));
let nonces = 0;
const options = (session: Session, over: Partial<Omit<SessionJudgeOptions, "limits">> & { limits?: Partial<SessionLimits> } = {}) => ({
  session,
  goal: "goal",
  nonce: () => `n${++nonces}`,
  knowledge: "",
  policyRevision: "rev",
  ...over,
  limits: { model: "m", questionUsd: 1, runUsd: 100, dayUsd: 100, timeoutSeconds: 60, documentCharacters: 12_000, ...over.limits },
});
const outcomes = async (changes: readonly Change[], given: SessionJudgeOptions): Promise<string[]> =>
  (await judgeBySession(changes, given)).map((result) => (result.kind === "none" ? result.reason : result.cached ? "cached" : "answered"));

describe("distinct changes", () => {
  const host = (name: string, over: Partial<HostChange> = {}): HostChange => ({
    host: name,
    facts: { rootFs: "ext4" },
    diff: webDiff(name),
    judgement: judgement([]),
    ...over,
  });

  test("a hundred hosts with the same change cost one question, which names them", async () => {
    const session = new ScriptedSession();
    const changes = distinctChanges(Array.from({ length: 100 }, (_, i) => host(`web${i}`)));
    expect(await outcomes(changes, options(session))).toEqual(["answered"]);
    expect(session.asked).toHaveLength(1);
    expect(changes[0]?.hosts).toHaveLength(100);
    expect(session.asked[0]?.prompt).toContain("web0, web1,");
    expect(session.asked[0]?.prompt).toContain("and 80 more");
  });

  test("another fact, another finding and another diff are other questions", () => {
    const hosts = [
      host("a"),
      host("b", { facts: { rootFs: "zfs" } }),
      host("c", { judgement: judgement([finding("r", "risky", "s", "h")]) }),
      host("d", { diff: { ...webDiff("d"), unknown: ["the kernel"] } }),
      host("e", { facts: { rootFs: "ext4" } }),
    ];
    expect(distinctChanges(hosts).map((one) => one.hosts)).toEqual([["a", "e"], ["b"], ["c"], ["d"]]);
  });
});

describe("questions under way", () => {
  test("the first alone, then at most three at once, and answers in the order of the changes", async () => {
    const session = new ScriptedSession();
    const results = await judgeBySession(many(9), options(session));
    expect(session.most).toBe(3);
    expect(results).toHaveLength(9);
    for (const [index, question] of session.asked.entries()) expect(question.prompt).toContain(`h${index}\n`);
    const slow = new ScriptedSession((question, index) => (index < 4 ? { ...silent("refused")() } : clean(question)));
    expect(await outcomes(many(6), options(slow))).toEqual(["refused", "refused", "refused", "refused", "answered", "answered"]);
    // Nothing goes out in parallel before something has come back.
    expect(slow.most).toBe(1);
  });

  test("what the next question would meet as well is asked once", async () => {
    for (const reason of ["credential-refused", "usage-limit", "no-credential", "cancelled"] as const) {
      const session = new ScriptedSession(silent(reason));
      expect(await outcomes(many(5), options(session))).toEqual(Array(5).fill(reason));
      expect(session.asked).toHaveLength(1);
    }
  });

  test("a service that is down is asked three times, not once for every change of a fleet", async () => {
    const session = new ScriptedSession(silent("unavailable"));
    expect(await outcomes(many(40), options(session))).toEqual(Array(40).fill("unavailable"));
    expect(session.asked).toHaveLength(3);
  });

  test.each(["too-old", "not-installed"] as const)("a program that is %s is not asked at all", async (kind) => {
    const session = new ScriptedSession(clean, { kind, detail: "npm install --global …" });
    const results = await judgeBySession(many(2), options(session));
    expect(results.map((result) => result.kind === "none" && [result.reason, result.detail])).toEqual([
      [kind, "npm install --global …"],
      [kind, "npm install --global …"],
    ]);
    expect(session.asked).toEqual([]);
  });
});

describe("budgets", () => {
  test("a run's budget is passed by at most the questions that were under way", async () => {
    for (const runUsd of [1, 2, 3.5, 5]) {
      const session = new ScriptedSession();
      const asked = (await outcomes(many(20), options(session, { limits: { runUsd } }))).filter((one) => one === "answered").length;
      expect(asked).toBe(session.asked.length);
      expect(asked * use.costUsd).toBeGreaterThanOrEqual(runUsd);
      expect(asked * use.costUsd).toBeLessThan(runUsd + 3 * use.costUsd);
    }
  });

  test("what no question has cost yet stops nobody, what others spent today does", async () => {
    expect(await outcomes(many(1), options(new ScriptedSession(), { spending: new MemorySpending(99.99) }))).toEqual(["answered"]);
    const session = new ScriptedSession();
    const spending = new MemorySpending(98.5);
    // 98.50, then 99.50 when three more are let go at once.
    expect(await outcomes(many(6), options(session, { spending }))).toEqual([
      ...Array(4).fill("answered"),
      ...Array(2).fill("over-day-budget"),
    ]);
    expect(spending.spent).toBe(102.5);
    expect(await outcomes(many(2), options(session, { spending }))).toEqual(["over-day-budget", "over-day-budget"]);
    expect(session.asked).toHaveLength(4);
  });

  test("a day whose spending cannot be read is spent", async () => {
    const session = new ScriptedSession();
    expect(await outcomes(many(2), options(session, { spending: new MemorySpending(undefined) }))).toEqual([
      "over-day-budget",
      "over-day-budget",
    ]);
    expect(session.asked).toEqual([]);
  });

  test("what a question may cost and how long it may take is told to the CLI", async () => {
    const session = new ScriptedSession();
    await judgeBySession(many(1), options(session, { limits: { questionUsd: 0.25, timeoutSeconds: 33, model: "opus" } }));
    expect(session.asked[0]).toMatchObject({ budgetUsd: 0.25, timeoutSeconds: 33, model: "opus" });
  });
});

describe("kept answers", () => {
  test("the very same question is answered from memory and costs nothing", async () => {
    const [session, cache, spending] = [new ScriptedSession(), new MemoryCache(), new MemorySpending(0)];
    const given = options(session, { cache, spending });
    expect(await outcomes(many(2), given)).toEqual(["answered", "answered"]);
    const again = await judgeBySession(many(2), given);
    expect(again.map((result) => result.kind === "answered" && [result.cached, result.use.costUsd])).toEqual([
      [true, 0],
      [true, 0],
    ]);
    expect(session.asked).toHaveLength(2);
    expect(spending.spent).toBe(2);
    // Also where nothing may be spent any more.
    expect(await outcomes(many(3), { ...given, limits: { ...given.limits, dayUsd: 1 } })).toEqual(["cached", "cached", "over-day-budget"]);
  });

  test("another document, goal, knowledge, model, CLI or policy is another question", async () => {
    const cache = new MemoryCache();
    const first = new ScriptedSession();
    await judgeBySession(many(1), options(first, { cache }));
    const others: readonly (readonly [string, Change, ReturnType<typeof options>])[] = [
      ["document", change("other"), options(new ScriptedSession(), { cache })],
      ["goal", change("h0"), options(new ScriptedSession(), { cache, goal: "another goal" })],
      ["knowledge", change("h0"), options(new ScriptedSession(), { cache, knowledge: "db1 has no console" })],
      ["model", change("h0"), options(new ScriptedSession(), { cache, limits: { model: "opus" } })],
      ["policy", change("h0"), options(new ScriptedSession(), { cache, policyRevision: "another" })],
      ["CLI", change("h0"), options(new ScriptedSession(clean, { kind: "usable", version: "2.1.331" }), { cache })],
    ];
    for (const [what, one, given] of others) expect([what, await outcomes([one], given)]).toEqual([what, ["answered"]]);
    expect(await outcomes(many(1), options(new ScriptedSession(), { cache }))).toEqual(["cached"]);
  });

  test("what is kept is checked like an answer: another shape is asked again, and a finding about nothing is dropped", async () => {
    const cache = new MemoryCache();
    const session = new ScriptedSession();
    await judgeBySession(many(1), options(session, { cache }));
    const [key = ""] = cache.kept.keys();
    for (const bad of ["text", null, 7, { form: 1 }, { form: 2 }, { form: 2, answer: { verdict: "clean" } }, { form: 2, answer: [] }]) {
      cache.kept.set(key, bad);
      expect(await outcomes(many(1), options(session, { cache }))).toEqual(["answered"]);
    }
    const about = { reason: "other", verdict: "reboot", subject: "mongodb", quote: "mongodb 4", hazard: "h", check: "c" };
    cache.kept.set(key, { form: 2, answer: { nonce: "", verdict: "clean", findings: [about], watch: [], explanation: "x" } });
    const [result] = await judgeBySession(many(1), options(session, { cache }));
    expect(result?.kind === "answered" && [result.cached, result.verdict.dropped, result.verdict.findings]).toEqual([true, 1, []]);
  });

  test("silence and an answer to another question are not kept", async () => {
    const cache = new MemoryCache();
    await judgeBySession(many(1), options(new ScriptedSession(silent("refused")), { cache }));
    await judgeBySession(
      many(1),
      options(
        new ScriptedSession((question) => ({
          ...clean(question),
          kind: "answered",
          value: { ...(clean(question) as { value: object }).value, nonce: "x" },
        })),
        { cache },
      ),
    );
    expect(cache.kept.size).toBe(0);
  });
});
