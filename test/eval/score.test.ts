import { describe, expect, test } from "vitest";
import type { Verdict } from "../../src/classify/finding.ts";
import { below, better, floorOf, score, wilson, type Outcome } from "./score.ts";

const outcome = (label: Verdict, verdict: Verdict, over: Partial<Outcome["answer"]> = {}): Outcome => ({
  answer: {
    id: "x",
    label,
    hazard: label === "clean" ? "none" : "lockout",
    reason: "",
    llm_only: false,
    tricky: false,
    outside: false,
    ...over,
  },
  verdict,
  rules: [],
});

describe("the score", () => {
  test("counts what is false clean only among what a rule can see", () => {
    const result = score([
      outcome("risky", "clean"),
      outcome("risky", "clean", { llm_only: true }),
      outcome("risky", "clean", { outside: true }),
      outcome("reboot", "reboot"),
    ]);
    expect(result.falseClean).toMatchObject({ count: 1, of: 2 });
    expect(result.confusion.risky).toEqual({ clean: 3, reboot: 0, risky: 0 });
  });

  test("tells held from raised among the clean ones", () => {
    const result = score([outcome("clean", "risky"), outcome("clean", "reboot"), outcome("clean", "clean")]);
    expect(result.overHold).toMatchObject({ count: 1, of: 3 });
    expect(result.raised).toMatchObject({ count: 2, of: 3 });
  });

  test("a pair is right where both are", () => {
    const pair = (verdict: Verdict): Outcome[] => [outcome("risky", "risky", { pair: "p" }), outcome("clean", verdict, { pair: "p" })];
    expect(score(pair("clean")).pairs).toMatchObject({ count: 1, of: 1 });
    expect(score(pair("risky")).pairs).toMatchObject({ count: 0, of: 1 });
  });
});

test("Wilson's interval is the known one", () => {
  expect(wilson(0, 10).high).toBeCloseTo(0.2775, 3);
  expect(wilson(5, 10).low).toBeCloseTo(0.2366, 3);
  expect(wilson(10, 10).high).toBe(1);
  expect(wilson(0, 0)).toMatchObject({ low: 0, high: 1 });
});

test("the floor only goes up", () => {
  const good = floorOf(score([outcome("clean", "clean"), outcome("risky", "risky")]));
  const bad = floorOf(score([outcome("clean", "clean"), outcome("risky", "clean")]));
  const smaller = floorOf(score([outcome("risky", "risky")]));
  expect(below(bad, good)).toContain("falseClean is 1 and was 0");
  expect(below(smaller, good)).toContain("cases is 1 and was 2");
  expect(below(good, good)).toEqual([]);
  expect(better(good, bad)).toBe(true);
  expect(better(good, good)).toBe(false);
});
