import { describe, expect, test } from "vitest";
import type { Mode } from "../../src/classify/finding.ts";
import { nextStrategy, noEvidence, strategyFacts, type Ended, type Evidence, type Next } from "../../src/apply/strategy.ts";
import { troubleOfEnd, type Trouble } from "../../src/apply/trouble.ts";
import { ActivationOutcome } from "../../src/target/ledger.ts";
import { Random } from "../diff/random.ts";

const ended = (over: Partial<Ended>): Ended => ({ strategy: "switch", trouble: undefined, standing: "new", evidence: noEvidence, ...over });
const after = (attempts: Ended[], over: { mode?: Mode; reversible?: boolean } = {}): Next =>
  nextStrategy({ attempts, mode: "switch", reversible: true, ...over });
const said = (next: Next): string => (next.kind === "try" ? next.strategy : next.kind === "end" ? next.how : next.kind);
const failedUnits: Evidence = { ...noEvidence, failedUnits: ["nginx.service"] };

test("begins as the mode says", () => {
  expect(said(after([]))).toBe("switch");
  expect(said(after([], { mode: "switch-then-reboot" }))).toBe("switch");
  expect(said(after([], { mode: "boot-only" }))).toBe("boot");
});

describe("each ending has its next step", () => {
  const cases: [string, Ended, string][] = [
    ["well", ended({}), "done"],
    ["an inhibitor", ended({ trouble: "inhibitor", standing: "old" }), "boot"],
    ["exit 100", ended({ trouble: "init-interface", standing: "old" }), "boot"],
    ["units failed", ended({ trouble: "units-failed", evidence: failedUnits }), "restart-units"],
    [
      "units failed for want of the new kernel",
      ended({ trouble: "units-failed", evidence: { ...failedUnits, needNewKernel: ["nginx.service"] } }),
      "boot",
    ],
    [
      "some of them only",
      ended({
        trouble: "units-failed",
        evidence: { ...noEvidence, failedUnits: ["a.service", "b.service"], needNewKernel: ["a.service"] },
      }),
      "restart-units",
    ],
    [
      "a busy mount",
      ended({ trouble: "units-failed", evidence: { ...noEvidence, failedUnits: ["data.mount"], holders: ["db.service"] } }),
      "stop-then-switch",
    ],
    [
      "a busy mount, taken back",
      ended({ trouble: "units-failed", standing: "old", evidence: { ...noEvidence, holders: ["db.service"] } }),
      "stop-then-switch",
    ],
    ["the activation script", ended({ trouble: "script-failed" }), "rollback"],
    ["the time limit", ended({ trouble: "timed-out" }), "rollback"],
    ["a check", ended({ trouble: "not-confirmed" }), "rollback"],
    ["a check, taken back by the host", ended({ trouble: "not-confirmed", standing: "old" }), "back"],
    ["a pre-switch check", ended({ trouble: "pre-switch-check", standing: "old" }), "back"],
    ["the lock", ended({ trouble: "lock-held", standing: "old" }), "later"],
    ["somebody else", ended({ trouble: "not-confirmed", standing: "other" }), "later"],
    ["no answer", ended({ trouble: "unreachable", standing: "unknown" }), "escalate"],
    ["nothing known", ended({ trouble: "unknown", standing: "unknown" }), "escalate"],
  ];
  test.each(cases)("%s", (_, attempt, next) => {
    expect(said(after([attempt]))).toBe(next);
  });

  test("a new system that is well and does not boot yet is left to a person, not taken down", () => {
    for (const reversible of [true, false])
      expect(after([ended({ trouble: "loader-failed" })], { reversible })).toMatchObject({
        kind: "escalate",
        reasons: [expect.stringMatching(/next boot brings the old one back/), expect.anything()],
      });
  });

  test("what cannot be undone is not staged over itself", () => {
    const wants = ended({ trouble: "units-failed", evidence: { ...failedUnits, needNewKernel: ["nginx.service"] } });
    expect(said(after([wants, { ...wants, strategy: "restart-units" }], { reversible: false }))).toBe("escalate");
  });

  test("what was tried is not tried again", () => {
    const units = ended({ trouble: "units-failed", evidence: failedUnits });
    expect(said(after([units, { ...units, strategy: "restart-units" }]))).toBe("rollback");
    const back = ended({ strategy: "rollback", trouble: undefined, standing: "old" });
    expect(said(after([units, { ...units, strategy: "restart-units" }, back]))).toBe("back");
    expect(said(after([units, ended({ strategy: "rollback", trouble: "return-failed" })]))).toBe("escalate");
  });

  test("what cannot be undone stays with a person while the host answers", () => {
    expect(said(after([ended({ trouble: "not-confirmed" })], { reversible: false }))).toBe("escalate");
    expect(said(after([ended({ trouble: "units-failed", evidence: failedUnits })], { reversible: false }))).toBe("restart-units");
  });

  test("units come along, and the host goes back before it is switched anew", () => {
    const busy = ended({ trouble: "units-failed", evidence: { ...noEvidence, holders: ["db.service"] } });
    expect(after([busy])).toMatchObject({ units: ["db.service"], returnFirst: true });
    expect(after([{ ...busy, standing: "old" }])).toMatchObject({ units: ["db.service"], returnFirst: false });
    expect(after([ended({ trouble: "units-failed", evidence: failedUnits })])).toMatchObject({
      units: ["nginx.service"],
      returnFirst: false,
    });
  });

  test("going back asks no calendar and no order", () => {
    expect(strategyFacts.rollback).toMatchObject({ bypassesWindows: true, bypassesOrder: true });
    expect(strategyFacts.switch).toMatchObject({ bypassesWindows: false, bypassesOrder: false });
  });
});

const troubles: (Trouble | undefined)[] = [
  undefined,
  "inhibitor",
  "init-interface",
  "pre-switch-check",
  "lock-held",
  "moved",
  "not-begun",
  "units-failed",
  "script-failed",
  "timed-out",
  "not-confirmed",
  "killed",
  "loader-failed",
  "return-failed",
  "unreachable",
  "unknown",
];
const standings = ["old", "new", "other", "unknown"] as const;
const evidences: Evidence[] = [
  noEvidence,
  failedUnits,
  { ...failedUnits, needNewKernel: ["nginx.service"] },
  { ...failedUnits, holders: ["db.service"] },
  { failedUnits: ["a", "b"], needNewKernel: ["b"], holders: ["c"] },
];

/** Follows what is said to its end; `check` sees every step. The answers of the host come from `answer`. */
function follow(
  mode: Mode,
  reversible: boolean,
  answer: (strategy: Ended["strategy"]) => Ended,
  check: (attempts: Ended[], next: Next) => void,
): void {
  const attempts: Ended[] = [];
  for (let steps = 0; ; steps++) {
    const next = nextStrategy({ attempts, mode, reversible });
    check(attempts, next);
    if (next.kind !== "try") return;
    if (steps > 6) throw new Error(`it goes on after ${attempts.map((one) => one.strategy).join(", ")}`);
    attempts.push(answer(next.strategy));
  }
}

function lawful(mode: Mode, reversible: boolean, attempts: readonly Ended[], next: Next): void {
  const last = attempts.at(-1);
  const where = `${mode} ${String(reversible)} ${JSON.stringify(attempts)} → ${JSON.stringify(next)}`;
  expect(
    next.reasons.every((reason) => /^[^ ].*\.$/.test(reason)),
    where,
  ).toBe(true);
  if (next.kind !== "try") return;
  expect(
    attempts.some((one) => one.strategy === next.strategy),
    where,
  ).toBe(false);
  if (mode === "boot-only") expect(next.strategy, where).toBe("boot");
  const boot = attempts.some((one) => one.strategy === "boot" || one.trouble === "inhibitor" || one.trouble === "init-interface");
  if (boot) expect(strategyFacts[next.strategy].tests, where).toBe(false);
  if (!reversible) expect([next.strategy, next.returnFirst], where).toEqual([expect.not.stringMatching(/^rollback$/), false]);
  if (last !== undefined) expect(last.trouble, where).not.toBeUndefined();
  if (last !== undefined) expect(["old", "new"], where).toContain(last.standing);
  // The supervisor begins only from the system that the attempt was decided for.
  if (last?.standing === "new" && strategyFacts[next.strategy].tests) expect(next.returnFirst, where).toBe(true);
  if (next.strategy === "stop-then-switch" || next.strategy === "restart-units") expect(next.units.length, where).toBeGreaterThan(0);
}

const modes: Mode[] = ["switch", "switch-then-reboot", "boot-only"];

test("every sequence of endings ends, repeats nothing and keeps the law", () => {
  const random = new Random(7);
  for (let round = 0; round < 8_000; round++) {
    const mode = random.pick(modes);
    const reversible = random.below(2) === 0;
    follow(
      mode,
      reversible,
      (strategy) => ({ strategy, trouble: random.pick(troubles), standing: random.pick(standings), evidence: random.pick(evidences) }),
      (attempts, next) => lawful(mode, reversible, attempts, next),
    );
  }
});

test("and so does every pair of endings, one after the other", () => {
  for (const mode of modes)
    for (const reversible of [true, false])
      for (const one of troubles)
        for (const standing of standings)
          for (const evidence of evidences) {
            let first = true;
            const answer = (strategy: Ended["strategy"]): Ended => {
              const made = first
                ? { strategy, trouble: one, standing, evidence }
                : { strategy, trouble: "units-failed" as const, standing: "new" as const, evidence };
              first = false;
              return made;
            };
            follow(mode, reversible, answer, (attempts, next) => lawful(mode, reversible, attempts, next));
          }
});

describe("the supervisor's words", () => {
  test.each([
    ["deployed", "confirmed", 0, undefined],
    ["staged", "boot-default-set", 0, undefined],
    ["refused", "inhibitor", 1, "inhibitor"],
    ["refused", "init-interface-version", 100, "init-interface"],
    ["refused", "lock-held", 11, "lock-held"],
    ["refused", "moved-on", undefined, "moved"],
    ["refused", "no-flock", undefined, "not-begun"],
    ["refused", "constructor", undefined, "not-begun"],
    ["rolled-back", "not-confirmed", 0, "not-confirmed"],
    ["rolled-back", "returned", 4, "units-failed"],
    ["rolled-back", "returned-and-the-return-ended-with-4", 2, "script-failed"],
    ["rolled-back", "activation-limit", undefined, "timed-out"],
    ["rolled-back", "exit-1", 1, "unknown"],
    ["rolled-back", "loader-failed", 1, "loader-failed"],
    ["rollback-failed", "not-confirmed", 0, "return-failed"],
    ["left-unconfirmed", "not-confirmed", 0, "not-confirmed"],
    ["live-but-old-boots", "loader-failed", 1, "loader-failed"],
    ["superseded", "switched-meanwhile", 0, "moved"],
  ] as const)("%s %s %s", (outcome, reason, exit, trouble) => {
    expect(troubleOfEnd({ outcome, reason, exit })).toBe(trouble);
  });
  test("no outcome but a good one is without trouble", () => {
    for (const outcome of ActivationOutcome.options)
      expect(troubleOfEnd({ outcome, reason: "what nobody knows", exit: undefined }) === undefined).toBe(
        outcome === "deployed" || outcome === "staged",
      );
  });
});
