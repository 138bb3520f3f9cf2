import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { callOf } from "../../src/commands/goal-run.ts";

/** What a person typed for a goal, before anything else is looked at. */
const directory = mkdtempSync(join(tmpdir(), "gate-goal-call-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
writeFileSync(join(directory, "wish"), `${"w".repeat(8_000)}\n`);
writeFileSync(join(directory, "long"), "w".repeat(8_001));
const call = (options: Parameters<typeof callOf>[1]) => callOf("intent", options, { directory });

test("a wish comes from the line or from a file, an alert from a file", () => {
  expect(call({ text: "run Synapse" })).toEqual({ name: "intent", text: "run Synapse", alert: undefined, dryRun: false });
  expect(call({ "text-file": "wish", "dry-run": true })).toMatchObject({ text: `${"w".repeat(8_000)}\n`, dryRun: true });
  expect(call({ alert: "wish" })).toMatchObject({ text: undefined, alert: expect.stringMatching(/^w/) as string });
});

test.each([
  [{ text: "a", "text-file": "wish" }, /the same thing/],
  [{ "text-file": "nowhere" }, /--text-file nowhere cannot be read/],
  [{ alert: "nowhere" }, /--alert nowhere cannot be read/],
  // As long as in the Action: cut in silence it would be another wish.
  [{ "text-file": "long" }, /it has 8001 characters, and 8000 are read/],
])("%j is refused", (options, sentence) => expect(() => call(options)).toThrow(sentence));
