import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { maxVerdict, type Finding } from "../../src/classify/finding.ts";
import { families, judge } from "../../src/classify/rule.ts";
import { rulesMarkdown } from "../../src/classify/rules-page.ts";
import { rules } from "../../src/classify/rules.ts";
import { accessExamples } from "./examples/access.ts";
import { bootExamples } from "./examples/boot.ts";
import { diskExamples } from "./examples/disks.ts";
import type { Examples } from "./examples/example.ts";
import { networkExamples } from "./examples/network.ts";
import { otherExamples } from "./examples/others.ts";
import { stateExamples } from "./examples/state.ts";
import { context } from "./literals.ts";

const examples: Examples = { ...accessExamples, ...networkExamples, ...bootExamples, ...diskExamples, ...stateExamples, ...otherExamples };
const byId = new Map(rules.map((rule) => [rule.id, rule]));
const worst = (findings: readonly Finding[]): Finding["verdict"] =>
  findings.reduce<Finding["verdict"]>((verdict, finding) => maxVerdict(verdict, finding.verdict), "clean");

describe("the table", () => {
  test("every rule has an id of its own in kebab-case, and is known to a family", () => {
    expect(byId.size).toBe(rules.length);
    for (const rule of rules) {
      expect(rule.id).toMatch(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
      expect(families).toContain(rule.family);
    }
  });

  test.for(rules.map((rule) => [rule.id, rule] as const))("%s says its hazard in one sentence and what to check", ([, rule]) => {
    expect(rule.hazard).toMatch(/^[A-Z0-9/][^\n]*\.$|^[a-z][\w-]* [^\n]*\.$/);
    // One sentence: no full stop, question or exclamation mark before the end, other than in a name or a number.
    expect(rule.hazard.slice(0, -1)).not.toMatch(/[.!?]\s+[A-Z]/);
    expect(rule.hazard.length).toBeLessThan(260);
    expect(rule.check).toMatch(/[.?]$|`$/);
    expect(rule.title).not.toMatch(/\.$/);
  });

  test("every rule has examples, and every example a rule", () => {
    expect(Object.keys(examples).toSorted()).toEqual([...byId.keys()].toSorted());
  });

  test("docs/rules.md is what the table says", () => {
    expect(readFileSync(join(import.meta.dirname, "../../docs/rules.md"), "utf8")).toBe(rulesMarkdown());
  });
});

describe.for(Object.entries(examples))("%s", ([id, example]) => {
  const rule = byId.get(id);
  if (rule === undefined) throw new Error(`There is no rule ${id}.`);

  test.for(example.fires.map((over, index) => [index, over] as const))("fires on hazard %i", ([, over]) => {
    const findings = judge(rule, context(over));
    expect(findings.length).toBeGreaterThan(0);
    expect(worst(findings)).toBe(example.verdict ?? rule.verdict);
    for (const finding of findings) expect(finding).toMatchObject({ rule: id, hazard: rule.hazard, check: rule.check });
  });

  test.for(example.misses.map((over, index) => [index, over] as const))("leaves near miss %i alone", ([, over]) => {
    expect(judge(rule, context(over))).toEqual([]);
  });

  const open = example.unknown;
  // Most rules ask for no fact.
  if (open === undefined) return;
  test("names the fact that it does not know, and takes the careful value on a push", () => {
    if (open === undefined) return;
    const asked = judge(rule, context({ ...open, phase: "pull-request" }));
    expect(asked.map((finding) => finding.verdict)).toContain(open.plain);
    expect(asked.find((finding) => finding.settledBy !== undefined)?.settledBy).toMatchObject({ fact: open.fact, otherwise: open.careful });
    const careful = judge(rule, context({ ...open, phase: "push" }));
    expect(worst(careful)).toBe(open.careful);
    expect(careful.every((finding) => finding.settledBy === undefined)).toBe(true);
  });
});

test("nothing that is only alike fires any rule on an unchanged host", () => {
  expect(rules.flatMap((rule) => judge(rule, context()))).toEqual([]);
});
