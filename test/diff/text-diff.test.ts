import { expect, test } from "vitest";
import { orderedChanges, unifiedDiff, unorderedChanges } from "../../src/diff/text-diff.ts";

test("hunks with three lines around what changed", () => {
  const text = (middle: string): string => ["1", "2", "3", "4", middle, "6", "7", "8", "9"].join("\n");
  expect(unifiedDiff(text("5"), text("x"))).toBe("@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n");
  expect(unifiedDiff("a\n", "a\n")).toBe("");
  expect(unifiedDiff("", "a\nb\n")).toBe("@@ -1,0 +1,2 @@\n+a\n+b\n");
  expect(unifiedDiff("a", "a\n")).toContain("No newline");
});

test("only so many lines, and the rest is counted", () => {
  const lines = unifiedDiff("", "x\n".repeat(1000), { maxLines: 10, maxColumns: 100 }).trimEnd().split("\n");
  expect(lines).toHaveLength(11);
  expect(lines.at(-1)).toBe("\\ 991 more lines");
});

test("a long line is cut around what differs in it", () => {
  const line = (value: string): string => `${"a".repeat(5000)}${value}${"b".repeat(5000)}\n`;
  const diff = unifiedDiff(line("old"), line("new"), { maxLines: 10, maxColumns: 100 });
  expect(diff).toContain("old");
  expect(diff).toContain("new");
  expect(diff.length).toBeLessThan(500);
});

test("texts that share nothing are shown from both sides", () => {
  const text = (letter: string): string => Array.from({ length: 30_000 }, (_, index) => `${letter}${index}\n`).join("");
  const diff = unifiedDiff(text("a"), text("b"));
  expect(diff).toContain("-a0\n");
  expect(diff).toContain("+b0\n");
  expect(diff).toMatch(/\\ \d+ more lines\n$/);
});

test("lists with order and without", () => {
  expect(orderedChanges(["a", "b", "c"], ["b", "c", "a"])).toEqual({ removed: ["a"], added: ["a"] });
  expect(unorderedChanges(["a", "b", "c"], ["b", "c", "a", "d"])).toEqual({ removed: [], added: ["d"] });
});
