import { describe, expect, test } from "vitest";
import { judgement } from "../../src/classify/finding.ts";
import type { Judged } from "../../src/classify/judge-fleet.ts";
import type { Phase } from "../../src/classify/rule.ts";
import { secondOpinion, type SecondOpinionOptions, type SessionAtHand } from "../../src/classify/second-opinion.ts";
import type { Compared } from "../../src/diff/compare-fleet.ts";
import { HostName } from "../../src/discover/host.ts";
import type { Session, SessionQuestion } from "../../src/io/ports.ts";
import { observeOnly, parsePolicy } from "../../src/policy.ts";
import { emptyDiff, finding, webDiff } from "../report/sample.ts";
import { system } from "../classify/literals.ts";

/** Whom a session is asked about, what it may be given, and what becomes of a host without an answer. */
const name = (host: string): HostName => HostName.parse(host);

function fleet(hosts: Readonly<Record<string, ReturnType<typeof webDiff>>>): { compared: Compared[]; rules: Map<HostName, Judged> } {
  const compared = Object.entries(hosts).map(([host, diff]): Compared => ({
    sides: { host: name(host), before: { kind: "absent" }, after: { kind: "absent" } },
    standing: { state: "changed", from: diff.from, to: diff.to },
    comparison: { from: system(), to: system(), diff },
  }));
  const judged = judgement([finding("r", "reboot", "kernel", "h")]);
  return { compared, rules: new Map(Object.keys(hosts).map((host) => [name(host), { judgement: judged, facts: {} }])) };
}

class Scripted implements Session {
  readonly asked: SessionQuestion[] = [];
  program: Session["program"] = () => Promise.resolve({ kind: "usable", version: "2.1.330" });
  ask: Session["ask"] = (question) => {
    this.asked.push(question);
    const nonce = /nonce (\w+)/.exec(question.prompt)?.[1];
    const value = { nonce, verdict: "clean", findings: [], watch: [], explanation: "Routine." };
    return Promise.resolve({ kind: "answered", value, use: { costUsd: 0.5, inputTokens: 1, outputTokens: 1, seconds: 1 } });
  };
}

function atHand(session: Session, over: Partial<SessionAtHand> = {}): SessionAtHand {
  return {
    session,
    goal: "goal",
    model: undefined,
    nonce: () => "abc123",
    kept: undefined,
    knowledge: () => Promise.resolve({ files: [], notes: [] }),
    everyHost: false,
    told: () => {},
    notes: [],
    ...over,
  };
}
const options = (session: SessionAtHand | string, over: Partial<SecondOpinionOptions> = {}): SecondOpinionOptions => ({
  policy: parsePolicy({ hosts: { web1: { deploy: true } } }),
  policyRevision: "rev",
  phase: "pull-request",
  session,
  ...over,
});
const { compared, rules } = fleet({ web1: webDiff("web1"), watched: webDiff("watched") });

describe("kept answers (invariant 1)", () => {
  /** Says clean to whatever it is asked for, as one would that a pull request has written. */
  const poisoned = () => {
    const read: string[] = [];
    const write: string[] = [];
    const cache = {
      read: (key: string): unknown => {
        read.push(key);
        return { form: 2, answer: { nonce: "", verdict: "clean", findings: [], watch: [], explanation: "kept" } };
      },
      write: (key: string): void => void write.push(key),
    };
    return { read, write, kept: { cache, spending: { today: () => 0, add: () => {} } } };
  };

  test.each<[Phase, boolean]>([
    ["pull-request", true],
    ["push", false],
  ])("a run of the phase %s is given them: %s", async (phase, given) => {
    const { read, write, kept } = poisoned();
    const session = new Scripted();
    const said = await secondOpinion(compared, rules, options(atHand(session, { kept }), { phase }));
    expect([read.length > 0, write.length]).toEqual([given, 0]);
    expect(session.asked).toHaveLength(given ? 0 : 1);
    expect(said.session.changes[0]).toMatchObject({ outcome: "answered", cached: given, explanation: given ? "kept" : "Routine." });
  });

  test("what a day has cost counts on every run", async () => {
    for (const phase of ["pull-request", "push"] as const) {
      const session = new Scripted();
      const kept = { ...poisoned().kept, cache: { read: () => undefined, write: () => {} }, spending: { today: () => 20, add: () => {} } };
      const said = await secondOpinion(compared, rules, options(atHand(session, { kept }), { phase }));
      expect([session.asked.length, said.session.ran, said.session.note]).toEqual([
        0,
        false,
        "the session gave no verdict (over-day-budget)",
      ]);
      expect(said.judged.get(name("web1"))).toMatchObject({ session: "missing", judgement: { verdict: "reboot" } });
    }
  });
});

describe("whom it is asked about", () => {
  test("hosts that the policy hands to the gate; every host where somebody asked for that", async () => {
    const [few, all] = [new Scripted(), new Scripted()];
    const said = await secondOpinion(compared, rules, options(atHand(few)));
    expect(said.session.changes.map((change) => change.hosts)).toEqual([["web1"]]);
    expect(said.judged.get(name("web1"))?.session).toBe("answered");
    expect(said.judged.get(name("watched"))?.session).toBe("missing");
    const both = await secondOpinion(compared, rules, options(atHand(all, { everyHost: true })));
    expect(both.session.changes.map((change) => change.hosts)).toEqual([["web1", "watched"]]);
  });

  test("nobody, where nothing but the revision differs: no question, no knowledge read, and the report says so", async () => {
    const session = new Scripted();
    const quiet = fleet({ web1: { ...emptyDiff("web1"), revisionOnly: true } });
    const given = atHand(session, { knowledge: () => Promise.reject(new Error("was read")) });
    const said = await secondOpinion(quiet.compared, quiet.rules, options(given));
    expect(session.asked).toEqual([]);
    expect(said.session).toMatchObject({ ran: false, note: "no change had to be put before a session" });
    expect(said.judged.get(name("web1"))?.session).toBe("answered");
  });

  test("nobody, where the policy switches it off or there is none; required and none is a verdict that is missing", async () => {
    const session = new Scripted();
    const off = parsePolicy({ session: "off", hosts: { web1: { deploy: true } } });
    expect((await secondOpinion(compared, rules, options(atHand(session), { policy: off }))).session.ran).toBe(false);
    expect(session.asked).toEqual([]);
    const required = parsePolicy({ session: "required", hosts: { web1: { deploy: true } } });
    const said = await secondOpinion(compared, rules, options("no credential for a Claude session is set", { policy: required }));
    expect(said.judged.get(name("web1"))?.session).toBe("missing");
    expect(said.session).toMatchObject({ ran: false, note: "no credential for a Claude session is set" });
  });
});

describe("what goes along", () => {
  test("the policy's limits and model, unless the workflow or the shell names another model", async () => {
    const policy = parsePolicy({
      hosts: { web1: { deploy: true } },
      sessionSettings: { model: "opus", questionUsd: 0.1, timeoutSeconds: 30, knowledge: ["ops/notes.md"] },
    });
    const [session, other] = [new Scripted(), new Scripted()];
    const asked: string[] = [];
    const knowledge = (paths: readonly string[]) => {
      asked.push(...paths);
      return Promise.resolve({
        files: [{ path: "ops/notes.md", text: "web1 has no console. token=abcdef0123456789" }],
        notes: ["A note."],
      });
    };
    const said = await secondOpinion(compared, rules, options(atHand(session, { knowledge }), { policy }));
    expect(asked).toEqual(["ops/notes.md"]);
    expect(session.asked[0]).toMatchObject({ model: "opus", budgetUsd: 0.1, timeoutSeconds: 30 });
    expect(session.asked[0]?.prompt).toContain("----- notes abc123 -----\n ## ops/notes.md\n web1 has no console.");
    expect(session.asked[0]?.prompt).not.toContain("abcdef0123456789");
    expect(said.notes).toEqual(["A note."]);
    await secondOpinion(compared, rules, options(atHand(other, { model: "haiku" }), { policy }));
    expect(other.asked[0]?.model).toBe("haiku");
  });

  test("an unusable program is a note with the command that mends it", async () => {
    const session = new Scripted();
    session.program = () => Promise.resolve({ kind: "too-old", detail: "claude is version 2.1.200, …; to update it: npm install …" });
    const said = await secondOpinion(compared, rules, options(atHand(session)));
    expect(said.notes).toEqual(["No session was asked: claude is version 2.1.200, …; to update it: npm install …."]);
    expect(said.session).toMatchObject({ ran: false, note: "the session gave no verdict (too-old)" });
  });

  test("a policy that misspells a setting, names a path outside, or a budget of nothing is refused", () => {
    expect(observeOnly.sessionSettings).toMatchObject({ model: "sonnet", questionUsd: 0.5, runUsd: 3, dayUsd: 20, timeoutSeconds: 240 });
    for (const wrong of [
      { modell: "opus" },
      { model: "--opus" },
      { runUsd: 0 },
      { dayUsd: -1 },
      { questionUsd: 1e9 },
      { timeoutSeconds: 0 },
      ...["/etc/passwd", "../x", "a/../b", "a//b", "a/", "./a", "", "a\nb", "a\\b"].map((path) => ({ knowledge: [path] })),
    ])
      expect(() => parsePolicy({ sessionSettings: wrong }), JSON.stringify(wrong)).toThrow(/deployGate\.sessionSettings/);
  });
});
