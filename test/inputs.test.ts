import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { GateError } from "../src/failure.ts";
import { inputNames, maskSecrets, readInputs, unknownInputs } from "../src/inputs.ts";

const given = (inputs: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]));
const refusal = (inputs: Record<string, string>): string => {
  try {
    readInputs(given(inputs));
    return "accepted";
  } catch (error) {
    return error instanceof GateError ? `${error.exit} ${error.failure.message}` : String(error);
  }
};

test("action.yml and the program know the same inputs and outputs", () => {
  const manifest = parse(readFileSync(join(import.meta.dirname, "../action.yml"), "utf8")) as {
    inputs: Record<string, { description: string }>;
    outputs: Record<string, { description: string }>;
    runs: unknown;
  };
  expect(Object.keys(manifest.inputs).toSorted()).toEqual([...inputNames].toSorted());
  expect(Object.keys(manifest.outputs).toSorted()).toEqual([
    "cost-usd",
    "decision",
    "hosts",
    "html",
    "pending-hours",
    "plan",
    "reason-code",
    "report",
    "verdict",
  ]);
  expect(manifest.runs).toEqual({ using: "node24", main: "dist/main.js" });
  for (const { description } of [...Object.values(manifest.inputs), ...Object.values(manifest.outputs)])
    expect(description.length).toBeGreaterThan(20);
});

test("empty and blank mean absent, as an unset secret arrives", () => {
  expect(readInputs(given({ token: "", base: "  ", "dry-run": "", hosts: " \n ", flake: "" }))).toEqual(readInputs({}));
  expect(readInputs({})).toMatchObject({ flake: ".", hosts: [], token: undefined, dryRun: false, approve: [], command: undefined });
});

test("values are trimmed, lists split, branches shortened", () => {
  expect(
    readInputs(
      given({
        flake: " ./nix ",
        hosts: "web*, db1\nmail",
        "dry-run": "true",
        "deploy-branch": "refs/heads/main",
        command: "plan",
        base: "HEAD~1",
      }),
    ),
  ).toMatchObject({
    flake: "./nix",
    hosts: ["web*", "db1", "mail"],
    dryRun: true,
    deployBranch: "main",
    command: "plan",
    base: "HEAD~1",
  });
});

test.each([
  ["dry-run", "yes"],
  ["dry-run", "True"],
  ["command", "destroy"],
  ["flake", "--impure"],
  ["flake", "a\nb"],
  ["base", "--upload-pack=x"],
  ["base", "main other"],
  ["hosts", "-rf"],
  ["hosts", "a;b"],
  ["hosts", "x".repeat(300)],
  ["hosts", "a ".repeat(300)],
  ["approve", "$(id)"],
  ["model", "-p"],
  ["deploy-branch", "../main"],
  ["deploy-branch", "main^"],
  ["ssh-private-key", "hunter2"],
  ["claude-path", "-c"],
  ["text", "w".repeat(8_001)],
  ["alert", "w".repeat(50_001)],
])("%s = %j is refused with the input's name and without the value", (name, value) => {
  const text = refusal({ [name]: value });
  expect(text).toMatch(new RegExp(`^2 The input "${name}" is not usable: `));
  if (value.length > 4) expect(text).not.toContain(value);
});

test("approve and reject exclude each other", () => {
  expect(refusal({ approve: "a:1", reject: "b:2" })).toContain('"reject" is not usable');
});

test("secrets are masked: inputs, and what runners put into every step's environment", () => {
  const masked: string[] = [];
  maskSecrets(
    {
      ...given({ token: " t0ken ", "anthropic-api-key": "sk-1", "ssh-private-key": "-----BEGIN X\nabc" }),
      FORGEJO_TOKEN: "f0rgejo",
      ACTIONS_RUNTIME_TOKEN: "runtime",
      INPUT_MODEL: "m",
      GITHUB_TOKEN: "",
    },
    { mask: (value) => masked.push(value) },
  );
  expect(masked.toSorted()).toEqual(["-----BEGIN X\nabc", "f0rgejo", "runtime", "sk-1", "t0ken"]);
});

test("a misspelt input is named", () => {
  expect(unknownInputs({ ...given({ flake: ".", "dry-run": "true", dryrun: "true", Host: "a" }), HOME: "/" })).toEqual(["dryrun", "host"]);
});

test("a goal is told as much as the listener sends, and no more", () => {
  const { alert, text } = readInputs(given({ command: "goal", goal: "incident", alert: "a".repeat(50_000), text: "t".repeat(8_000) }));
  expect([alert?.length, text?.length]).toEqual([50_000, 8_000]);
});
