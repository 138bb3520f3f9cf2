import { structuredPatch } from "diff";
import { expect, test } from "vitest";
import { oneLineChange } from "../../src/diff/one-line-change.ts";
import { unifiedDiff } from "../../src/diff/text-diff.ts";
import { Random } from "./random.ts";

/** The same by the library alone. */
const general = (from: string, to: string): string[] =>
  structuredPatch("", "", from, to, undefined, undefined, { context: 3 }).hunks.flatMap((hunk) => [
    `@@ -${hunk.oldStart},${hunk.oldLines} +${hunk.newStart},${hunk.newLines} @@`,
    ...hunk.lines,
  ]);

test("one line among others, with what stands around it", () => {
  expect(oneLineChange(["a", "b", "c", "d", "e", "f"], ["a", "b", "c", "d", "X", "f"], 3)).toEqual([
    "@@ -2,5 +2,5 @@",
    " b",
    " c",
    " d",
    "-e",
    "+X",
    " f",
  ]);
  expect(unifiedDiff("[Service]\nNice=0\n", "[Service]\nNice=1\n")).toBe("@@ -1,2 +1,2 @@\n [Service]\n-Nice=0\n+Nice=1\n");
});

test("says what the general comparison says, or nothing", () => {
  const random = new Random(7);
  let said = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const words = random.pick([["a", "b"], ["a", "b", "c", "", "d e"], Array.from({ length: 40 }, (_, n) => `line ${n}`)]);
    const from = random.times(1, 12, () => random.pick(words));
    const to = [...from];
    for (const _ of random.times(1, 2, () => 0)) to[random.below(to.length)] = random.pick([...words, "new"]);
    if (random.below(10) === 0) to.splice(random.below(to.length), 1);
    const simple = oneLineChange(from, to, 3);
    if (simple === undefined) continue;
    said += 1;
    const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");
    expect(simple, JSON.stringify([from, to])).toEqual(general(text(from), text(to)));
  }
  expect(said).toBeGreaterThan(3000);
});

test.each([
  ["no newline at the end", "a\nb", "a\nc"],
  ["a newline at the end of one", "a\nb", "a\nc\n"],
  ["lines of Windows", "a\r\nb\r\n", "a\r\nc\r\n"],
  ["an empty line", "\n", "a\n"],
  ["nothing but one line", "a\n", "b\n"],
])("%s: as the general comparison says it", (_, from, to) => {
  expect(unifiedDiff(from, to)).toBe(`${general(from, to).join("\n")}\n`);
});
