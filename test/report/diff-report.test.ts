import { expect, test } from "vitest";
import { judgement } from "../../src/classify/finding.ts";
import { diffReport } from "../../src/report/diff-report.ts";
import { hostile, poisoned } from "./hostile.ts";
import { databaseDiff, databaseFindings, emptyDiff } from "./sample.ts";

const options = { width: 80, color: false, unicode: true } as const;

test("one change, judged and told", async () => {
  await expect(diffReport(databaseDiff("db1"), judgement(databaseFindings), options)).toMatchFileSnapshot("__snapshots__/diff.txt");
});

test("equal toplevels are unchanged, and nothing else is said", () => {
  const same = { ...emptyDiff("x"), from: emptyDiff("x").to };
  expect(diffReport(same, judgement([]), options)).toMatch(/^unchanged: both are \S+\n$/);
});

test.each(hostile)("a diff full of %j moves no cursor", (bad) => {
  const text = diffReport({ ...poisoned(databaseDiff("x"), bad), to: "/nix/store/x" }, judgement(poisoned(databaseFindings, bad)), {
    ...options,
    verbose: true,
  });
  expect(text).not.toMatch(/[^\P{Cc}\n]|[\p{Cf}\p{Cs}\u2028\u2029]/u);
});
