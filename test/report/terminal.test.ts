import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { columns, wrap } from "../../src/report/terminal-escape.ts";
import { terminalReport } from "../../src/report/terminal.ts";
import { toPlan } from "../../src/report/to-plan.ts";
import { hostile, poisoned } from "./hostile.ts";
import { sampleHosts, sampleRun } from "./sample.ts";

const plan = toPlan({ ...sampleRun, event: "shell" });
const plain = { width: 80, color: false, unicode: true } as const;

test("80 columns, no colour", async () => {
  await expect(terminalReport(plan, plain)).toMatchFileSnapshot("__snapshots__/terminal.txt");
});

test("everything", async () => {
  await expect(terminalReport(plan, { ...plain, width: 100, verbose: true })).toMatchFileSnapshot("__snapshots__/terminal-verbose.txt");
});

test("colour adds nothing but colour", () => {
  const colored = terminalReport(plan, { ...plain, color: true });
  expect(colored).not.toBe(terminalReport(plan, plain));
  expect(stripVTControlCharacters(colored)).toBe(terminalReport(plan, plain));
});

test.each([40, 60, 80, 132])("no line but a command is wider than %i columns", (width) => {
  for (const line of terminalReport(plan, { ...plain, width, verbose: true }).split("\n"))
    if (!/^ {4,6}(nix|nixos-deploy-gate) /.test(line)) expect(columns(line), line).toBeLessThanOrEqual(width);
});

test("a command is whole, so that it can be copied", () => {
  expect(terminalReport(plan, { ...plain, width: 40 })).toMatch(/^ {4}nixos-deploy-gate diff \/nix\/store\/\S+ \/nix\/store\/\S+$/m);
});

test.each(hostile)("a plan full of %j moves no cursor and hides nothing", (bad) => {
  const made = toPlan({ ...sampleRun, hosts: poisoned(sampleHosts, bad) });
  expect(terminalReport(made, { ...plain, verbose: true })).not.toMatch(/[^\P{Cc}\n]|[\p{Cf}\p{Cs}\u2028\u2029]/u);
  expect(terminalReport(made, { ...plain, unicode: false, verbose: true })).toMatch(/^[\x20-\x7e\n]*$/);
});

test("wrapping loses no character and respects wide ones", () => {
  for (const text of ["", "one", "a b c", "x".repeat(100), "漢字".repeat(30), "word ".repeat(40).trim()]) {
    const lines = wrap(text, 20);
    expect(lines.join("").replaceAll(" ", "")).toBe(text.replaceAll(" ", ""));
    for (const line of lines) expect(columns(line)).toBeLessThanOrEqual(20);
  }
});
