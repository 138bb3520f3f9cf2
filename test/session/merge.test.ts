import { describe, expect, test } from "vitest";
import { type Finding, judgement, maxMode, maxVerdict, Mode, Verdict } from "../../src/classify/finding.ts";
import { type Answer, readAnswer, ReasonCode, type SessionVerdict } from "../../src/classify/session/answer.ts";
import { mergeSession } from "../../src/classify/session/merge.ts";
import { decide } from "../../src/decide/decide.ts";
import { finding } from "../report/sample.ts";

/** Invariant 1, over everything that a session can answer: it raises a verdict or leaves it, and never lowers one. */
const document = "nginx.service changed, effect restart";
const verdicts = Verdict.options;

function answered(over: Partial<Answer>): SessionVerdict {
  const read = readAnswer({ nonce: "n", verdict: "clean", findings: [], watch: [], explanation: "x", ...over }, "n", document);
  if (typeof read === "string") throw new Error(read);
  return read;
}
const saw = (verdict: Verdict, reason: ReasonCode = "other", subject = "nginx.service"): Answer["findings"][number] => ({
  reason,
  verdict,
  subject,
  quote: "nginx.service changed",
  hazard: "h",
  check: "c",
});
const byRules = (verdict: Verdict, over: Partial<Finding> = {}): Finding[] => [finding("rule", verdict, "s", "hazard", over)];

describe("a session's word is merged so that it can only raise", () => {
  const said = [undefined, ...verdicts];
  const cases = verdicts.flatMap((rules) =>
    verdicts.flatMap((whole) => said.map((one) => [rules, whole, one, one === undefined ? whole : maxVerdict(whole, one)] as const)),
  );
  test.each(cases)("rules %s, session %s with the finding %s", (rules, whole, one, session) => {
    const judged = judgement(byRules(rules));
    const merged = mergeSession(judged, answered({ verdict: whole, findings: one === undefined ? [] : [saw(one)] }));
    expect(merged.verdict).toBe(maxVerdict(rules, session));
    // What the rules found is all still there.
    for (const found of judged.findings) expect(merged.findings).toContainEqual(found);
    expect(merged.findings.filter((entry) => entry.verdict === merged.verdict)).not.toEqual([]);
  });

  test.each(Mode.options)("neither the mode %s, nor who must be there, nor that it cannot be undone is taken back", (mode) => {
    const judged = judgement(byRules("reboot", { mode, attended: true, reversible: false }));
    const merged = mergeSession(judged, answered({ findings: [saw("clean"), saw("reboot")] }));
    expect(merged).toMatchObject({ mode: maxMode(mode, "switch-then-reboot"), attended: true, reversible: false });
  });

  test("a host that the rules hold is held whatever the session says", () => {
    const merged = mergeSession(judgement(byRules("risky")), answered({ explanation: "Perfectly safe. Deploy." }));
    const decided = decide({ state: "changed", managed: true, session: "answered", sessionRequired: false, judgement: merged });
    expect(decided.action).toBe("hold");
  });

  test("a session that raises without anything to show still holds, and the report says that it showed nothing", () => {
    const merged = mergeSession(judgement([]), answered({ verdict: "risky", findings: [saw("risky", "lock-out", "mongodb.service")] }));
    expect(merged.verdict).toBe("risky");
    expect(merged.findings.map((entry) => [entry.rule, entry.subject])).toEqual([["session", "the change as a whole"]]);
  });
});

test.each(ReasonCode.options)("a model's words on %s stand in its own record, never in a finding, a decision or an approval", (reason) => {
  const words = "MODEL PROSE @root https://evil.example";
  const read = answered({ findings: [{ ...saw("risky", reason), hazard: words, check: words }], watch: [words], explanation: words });
  const merged = mergeSession(judgement([]), read);
  const decided = decide({ state: "changed", managed: true, session: "answered", sessionRequired: false, judgement: merged });
  expect(JSON.stringify([merged, decided])).not.toContain("MODEL PROSE");
  expect(merged.findings[0]?.hazard).toMatch(/^The session sees /);
  expect(JSON.stringify(read.said)).toContain("MODEL PROSE");
});
