import { describe, expect, test } from "vitest";
import { changedLines, signed } from "../../src/classify/changed-lines.ts";
import { deployPorts, overOverlay } from "../../src/classify/deploy-path.ts";
import { disguise, instruction } from "../../src/classify/suspicious-text.ts";
import { values } from "../../src/classify/unit-view.ts";
import { atLeast, step } from "../../src/classify/version-step.ts";
import { unit } from "./literals.ts";

describe("lines of a unified diff", () => {
  test("are told from file names, hunks and context", () => {
    const lines = changedLines("--- a\n+++ b\n@@ -1,3 +1,3 @@\n same\n-old\n+new\n--- three dashes\n+++ three signs\n");
    expect(lines).toEqual({ removed: ["old", "-- three dashes"], added: ["new", "++ three signs"] });
    expect(signed(lines, (line) => line.length < 4)).toEqual(["- old", "+ new"]);
  });

  test("know which member of a JSON object they stand in", () => {
    expect(changedLines('@@ @@\n "a": {\n   "keys": [\n-    "/old"\n+    "/new"\n   ],\n+  "other": 1\n').added).toEqual([
      '    "/new" (in a.keys)',
      '  "other": 1 (in a)',
    ]);
  });

  test.each(["", "\n", "@@", "-", "+", "\\ 3 more lines"])("may be anything: %j", (text) => {
    expect(() => changedLines(text)).not.toThrow();
  });
});

test.each([
  ["16.10", "17.6", "major", false],
  ["1.15.4", "1.16.0", "minor", false],
  ["1.33.6+k3s1", "1.34.3+k3s1", "minor", false],
  ["10.0.3", "10.0.4", "patch", false],
  ["1.17.0", "1.16.9", "minor", true],
  ["2024-01-01", "2025-01-01", "major", false],
  ["unstable", "unstable", "none", false],
])("from %s to %s is a %s step, down: %s", (from, to, level, down) => {
  expect(step(from, to)).toMatchObject({ level, down });
});

test("a jump over majors is counted", () => {
  expect(step("28.0.1", "31.0.0").skipped).toBe(2);
  expect(atLeast("minor", "major")).toBe(false);
});

test("an empty assignment drops the values before it", () => {
  expect(values(unit("a.service", "[Service]\nExecStart=/a\nExecStart=\nExecStart=/b\n"), "Service", "ExecStart")).toEqual(["/b"]);
});

test.each([
  [{ deployVia: "tailscale" }, true],
  [{ deployVia: "WireGuard wg0" }, true],
  [{ deployVia: "public ssh" }, false],
  [{ deployVia: "ssh", deployAddress: "100.64.3.4" }, true],
  [{ deployVia: "ssh", deployAddress: "100.128.3.4" }, false],
  [{}, undefined],
])("the deploy over %j goes over an overlay: %s", (facts, answer) => {
  expect(overOverlay(facts)).toBe(answer);
});

test("the port of the deploy is the one that is named, else 22", () => {
  expect(deployPorts({})).toEqual([22]);
  expect(deployPorts({ deployVia: "public ssh on port 2222" })).toEqual([2222]);
  expect(deployPorts({ deployAddress: "203.0.113.5:2022" })).toEqual([2022]);
  expect(deployPorts({ deployAddress: "2001:db8::5" })).toEqual([22]);
});

test("texts of any size are read in a moment", () => {
  const long = `${"a ".repeat(60_000)}${"ignore ".repeat(5_000)}${"classify ".repeat(5_000)}`;
  expect(instruction(long)).toBeUndefined();
  expect(disguise(long)).toBeUndefined();
});
