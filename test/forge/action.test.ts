import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type DescriptionName } from "./description.ts";
import { jobToken, LoopbackForge, readToken } from "./loopback-forge.ts";
import { runAction, type ActionOptions, type ActionResult } from "./run-action.ts";

const head = "1".repeat(40);
const base = "2".repeat(40);
const merged = "3".repeat(40);

describe.each<DescriptionName>(["github", "forgejo-15", "forgejo-16"])("the Action on %s", { timeout: 60_000 }, (name) => {
  let forge: LoopbackForge;
  const run = (sample: string, options: Partial<ActionOptions> = {}): Promise<ActionResult> =>
    runAction({
      forge,
      event: { name: "pull_request", number: 7, head, base },
      main: "test/forge/sample-main.ts",
      ...options,
      env: { SAMPLE: sample, ...options.env },
    });

  beforeEach(async () => {
    forge = await new LoopbackForge(name).start();
    forge.pulls.set(7, { head });
  });
  afterEach(async () => {
    await forge[Symbol.asyncDispose]();
    expect(forge.violations).toEqual([]);
  });

  test("a pull request: one comment, the same one on the second run, a status each time, outputs, summary and files", async () => {
    const first = await run("held");
    expect(first.log).not.toContain("::error");
    expect(first.exitCode).toBe(0);
    expect(forge.comments.get(7)?.length).toBe(1);
    expect(forge.comments.get(7)?.[0]?.body).toContain("### Deploy gate:");
    expect(forge.statuses.map(({ sha, state, context }) => ({ sha, state, context }))).toEqual([
      { sha: head, state: "success", context: "deploy-gate" },
    ]);
    expect(forge.statuses[0]?.target_url).toBe(`${forge.serverUrl}/fleet/machines/actions/runs/${forge.kind === "github" ? 50 : 10}`);
    expect(first.outputs).toMatchObject({ decision: "held", verdict: "risky" });
    expect(first.summary).toContain("### Deploy gate:");
    expect(JSON.parse(first.files["plan"] ?? "")).toMatchObject({ schema: 1, event: "pull_request" });
    expect(first.files["report"]).toContain("### Deploy gate:");

    forge.pulls.set(7, { head: base });
    const second = await run("all", { event: { name: "pull_request", number: 7, head: base, base }, runId: 51 });
    expect(second.exitCode).toBe(1);
    expect(forge.comments.get(7)?.map((comment) => comment.edits)).toEqual([1]);
    expect(forge.statuses.map(({ state }) => state)).toEqual(["success", "failure"]);
  });

  test("nothing changes: a status, no comment; one that stands is corrected", async () => {
    expect((await run("unchanged")).exitCode).toBe(0);
    expect(forge.comments.get(7) ?? []).toEqual([]);
    expect(forge.statuses.length).toBe(1);
    await run("held", { runId: 51 });
    await run("unchanged", { runId: 52 });
    expect(forge.comments.get(7)?.map((comment) => comment.edits)).toEqual([1]);
  });

  test("a push: the report of the commit, the status pending while something is held, exit code 0", async () => {
    const result = await run("held", { event: { name: "push", before: base, after: merged } });
    expect(result.exitCode).toBe(0);
    expect(result.log).not.toContain("nixos-deploy-gate deploy --approve");
    expect(forge.statuses).toMatchObject([{ sha: merged, state: "pending" }]);
    expect(forge.kind === "github" ? forge.commitComments.get(merged)?.length : forge.issues.length).toBe(1);
  });

  test("a dispatch and a schedule are understood, each with what its forge sends", async () => {
    expect(
      (
        await run("unchanged", {
          event: { name: "workflow_dispatch", sha: merged, inputs: { approve: "x" } },
          inputs: { approve: "web1:abc" },
        })
      ).exitCode,
    ).toBe(0);
    forge.requests.splice(0);
    expect((await run("unchanged", { event: { name: "schedule", sha: merged } })).exitCode).toBe(0);
    expect(forge.writes).toEqual([]);
  });

  test("a fork's token that may only read: the report stays in log, summary and outputs, and the run says so", async () => {
    const result = await run("held", { event: { name: "pull_request", number: 7, head, base, fork: true }, inputs: { token: readToken } });
    expect(result.exitCode).toBe(0);
    expect(forge.statuses).toEqual([]);
    expect(result.log).toContain("The commit status was not written, since the token of a fork's pull request may only read.");
    expect(result.summary).toContain("may only read");
    expect(result.outputs["decision"]).toBe("held");
    expect(forge.comments.get(7)?.length ?? 0).toBe(forge.kind === "github" ? 0 : 1);
  });

  test("the gate could not run: error, status, comment, outputs", async () => {
    const result = await run("broken");
    expect(result.exitCode).toBe(2);
    expect(result.log).toMatch(/^::error title=nixos-deploy-gate::.*no nixosConfigurations/m);
    expect(forge.statuses).toMatchObject([{ state: "failure", sha: head }]);
    expect(forge.comments.get(7)?.[0]?.body).toContain("could not run");
    expect(result.outputs).toMatchObject({ decision: "failed", "reason-code": "no-hosts" });
  });

  test("a secret appears nowhere, a bug's message included", async () => {
    for (const sample of ["held", "bug"]) {
      const result = await run(sample, {
        inputs: { "ssh-private-key": "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0LWtleS1tYXRlcmlhbA\n-----END OPENSSH PRIVATE KEY-----" },
      });
      const shown = [
        result.log.replaceAll(/^::add-mask::.*$/gm, ""),
        result.summary,
        ...Object.values(result.files),
        ...(forge.comments.get(7) ?? []).map((comment) => comment.body),
      ].join("\n");
      expect(shown).not.toContain(jobToken);
      expect(shown).not.toContain("c2VjcmV0LWtleS1tYXRlcmlhbA");
    }
  });

  test("bad input, a broken event, an event that is refused: one clear error with exit code and outputs", async () => {
    const cases: [Partial<ActionOptions>, number, string][] = [
      [{ inputs: { "dry-run": "yes" } }, 2, 'The input "dry-run" is not usable'],
      [{ inputs: { command: "deploy" } }, 2, "a pull request is only ever planned"],
      [{ inputs: { approve: "web1:abc" } }, 2, "workflow_dispatch only"],
      [{ env: { GITHUB_EVENT_NAME: "pull_request_target" } }, 2, "refuses pull_request_target"],
      [{ env: { GITHUB_EVENT_NAME: "release" } }, 2, "does not run on release"],
      [{ env: { GITHUB_EVENT_PATH: "/dev/zero" } }, 4, "not a file"],
      [{ env: { GITHUB_EVENT_PATH: "/nonexistent" } }, 4, "ENOENT"],
      [{ env: { GITHUB_EVENT_PATH: "/etc/passwd" } }, 4, "not JSON"],
      [{ env: { GITHUB_RUN_ID: "" } }, 4, "GITHUB_RUN_ID: it is not set"],
    ];
    for (const [options, exit, text] of cases) {
      const result = await run("held", options);
      expect([result.exitCode, result.log.includes(text), result.outputs["decision"]], `${text}\n${result.log}`).toEqual([
        exit,
        true,
        "failed",
      ]);
    }
    // Where it is known by then which commit the run is about, its check does not hang.
    expect(forge.statuses.map(({ state }) => state)).toEqual(["failure", "failure"]);
  });

  test("a forge that is down costs the comment, not the report", async () => {
    forge.faults.push({ does: { answer: 401, body: { message: "Bad credentials" } }, times: 99 });
    const result = await run("held");
    expect(result.exitCode).toBe(0);
    expect(result.log).toContain("The comment was not written");
    expect(result.summary).toContain("### Deploy gate:");
  });
});
