import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { compareVersions, direction, series } from "../../src/diff/version.ts";
import { Random } from "./random.ts";

describe("compareVersions", () => {
  test("agrees with builtins.compareVersions on versions as they come and on nonsense", () => {
    const random = new Random(7);
    const parts = [
      "0",
      "1",
      "2",
      "9",
      "10",
      "007",
      "20251118",
      "2147483647",
      "2147483648",
      "99999999999",
      "pre",
      "rc",
      "a",
      "b",
      "p1",
      "unstable",
      "git",
      "k3s1",
      "+",
      "_",
      "x2",
      "Pre",
    ];
    const version = (): string => random.times(0, 5, () => random.pick(parts) + random.pick([".", "-", "", "..", ".-"])).join("");
    const pairs = random.times(3000, 3000, () => [version(), version()] as const);
    const nix = `map (p: builtins.compareVersions (builtins.elemAt p 0) (builtins.elemAt p 1)) (builtins.fromJSON ${JSON.stringify(JSON.stringify(pairs))})`;
    const expected = JSON.parse(
      execFileSync("nix-instantiate", ["--eval", "--json", "--strict", "-"], { input: nix, encoding: "utf8", maxBuffer: 1 << 24 }),
    ) as number[];
    const ours = pairs.map(([a, b]) => compareVersions(a, b));
    const wrong = pairs.map((pair, index) => ({ pair, ours: ours[index], nix: expected[index] })).filter((row) => row.ours !== row.nix);
    expect(expected).toHaveLength(3000);
    expect(wrong).toEqual([]);
  });

  test.each([
    ["1.0", "2.3", -1],
    ["2.1", "2.3", -1],
    ["2.3", "2.3", 0],
    ["2.3pre1", "2.3", -1],
    ["2.3a", "2.3.1", -1],
    ["10.0p2", "9.9p2", 1],
  ])("%s against %s is %d", (a, b, order) => expect(compareVersions(a, b)).toBe(order));
});

describe("direction", () => {
  test.each([
    [["1.0"], ["1.1"], "up"],
    [["1.1"], ["1.0"], "down"],
    [["1.0", "1.1"], ["1.1", "1.0"], "same"],
    [["14.1", "15.2"], ["14.1", "15.3"], "up"],
    [["14.1", "15.2"], ["15.2"], "up"],
    [["14.1", "15.2"], ["14.1"], "down"],
    [["14.1"], ["14.1", "15.2"], "up"],
    [["15.2"], ["14.1", "15.2"], "down"],
    [["1", "4"], ["2", "3"], "mixed"],
    [["", "1.0"], ["", "1.1"], "up"],
  ] as const)("%j to %j is %s", (from, to, expected) => expect(direction(from, to)).toBe(expected));
});

test("a series is the first two numbers", () => {
  expect(["6.12.58", "6.12", "6.6.31-rt31", "next", "6"].map(series)).toEqual(["6.12", "6.12", "6.6", undefined, undefined]);
});
