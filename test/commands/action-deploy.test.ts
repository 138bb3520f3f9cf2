import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { courseOf } from "../../src/commands/course.ts";
import { HostName } from "../../src/discover/host.ts";
import { Plan } from "../../src/report/plan.ts";
import { jobToken, LoopbackForge } from "../forge/loopback-forge.ts";
import { type ActionEvent, type ActionOptions, type ActionResult, runAction } from "../forge/run-action.ts";
import type { LedgerEntry } from "../../src/target/ledger.ts";
import { freePort, makeKey } from "../io/ssh-server.ts";
import { flake, Repository } from "../scenario/flake.ts";
import { StandInHost } from "./stand-in-host.ts";

/** Of a run on a branch, by the event that started it. */
describe("where hosts are changed", () => {
  const course = (kind: "push" | "dispatch" | "schedule", branch: string, command: "plan" | "deploy" = "deploy", named?: string) => {
    const event = { kind, branch, before: undefined, after: "", pusher: undefined, inputs: {}, actor: "alice" };
    const request = { event, command, inputs: { deployBranch: named }, run: { defaultBranch: branch === "?" ? undefined : "main" } };
    return courseOf(request as unknown as Parameters<typeof courseOf>[0]);
  };

  test.each(["push", "dispatch", "schedule"] as const)("a %s on the deploy branch, and on no other", (kind) => {
    expect(course(kind, "main")).toEqual({ kind: "deploy", branch: "main" });
    expect(course(kind, "main", "plan")).toEqual({ kind: "plan", note: undefined });
    expect(course(kind, "live", "deploy", "live")).toEqual({ kind: "deploy", branch: "live" });
    for (const [branch, named] of [
      ["main", "live"],
      ["feature", undefined],
      ["Main", undefined],
      ["?", undefined],
    ] as const)
      if (kind === "push")
        expect(course(kind, branch, "deploy", named)).toMatchObject({
          kind: "plan",
          note: expect.stringContaining("no host was contacted"),
        });
      else expect(() => course(kind, branch, "deploy", named)).toThrow(/no host was contacted|only (main|live) is deployed/);
  });
});

/** The whole Action against a forge and a host on loopback: real Nix, git and ssh. What really changes a machine is tested on real ones. */
describe("a deploy by the Action", { timeout: 120_000 }, () => {
  let scratch: string;
  let origin: Repository;
  let host: StandInHost;
  let forge: LoopbackForge;
  let running: string;
  let before: string;
  let merged: string;

  const hosts = (said: string): string =>
    flake(`
      nixosConfigurations.web1 = system { name = "web1"; more = "echo ${said} > etc/motd"; };
      nixosConfigurations.desk = system { name = "desk"; };
      deployGate = builtins.fromJSON (builtins.readFile ./policy.json);`);
  const policy = (more: object = {}, web1: object = {}): string =>
    JSON.stringify({ hosts: { web1: { deploy: true, target: { ...host.target, ...web1 } } }, ...more });
  let checkouts = 0;
  /** As checkout@v5 leaves it: the last commit alone. */
  const checkout = (sha: string): string => {
    const here = new Repository(join(scratch, `checkout-${++checkouts}`));
    here.git("remote", "add", "origin", `file://${origin.directory}`);
    here.git("fetch", "--quiet", "--depth=1", "origin", sha);
    here.git("checkout", "--quiet", "--detach", sha);
    return here.directory;
  };
  const run = async (event: ActionEvent, more: Partial<ActionOptions> = {}, sha = merged): Promise<ActionResult> => {
    const { inputs, ...rest } = more;
    const given = { "ssh-private-key": host.key.privateKey, "ssh-known-hosts": host.knownHost, ...inputs };
    return await runAction({ forge, event, main: "src/main.ts", cwd: checkout(sha), inputs: given, ...rest });
  };
  const push = (): ActionEvent => ({ name: "push", before, after: merged });
  const dispatch: { name: "workflow_dispatch"; sha: string } = { name: "workflow_dispatch", sha: "" };
  const planOf = (result: ActionResult): Plan => {
    if (result.files["plan"] === undefined) throw new Error(`There is no plan.\n${result.log}`);
    return Plan.parse(JSON.parse(result.files["plan"]));
  };
  const web1 = (result: ActionResult) => {
    const found = planOf(result).hosts.find((one) => one.host === "web1");
    if (found === undefined) throw new Error("There is no web1 in the plan.");
    return found;
  };
  /** The ledger of a host to which the gate brought this revision. */
  const applied = (revision: string): LedgerEntry[] => {
    const systems = { from: { current: running, profile: running }, to: running };
    const attempt = { id: "switch-0123456789abcdef0123", host: HostName.parse("web1"), revision, operation: "switch" as const, ...systems };
    const at = Math.floor(Date.now() / 1000) - 3600;
    return [
      { v: 1, event: "started", at, bootId: "baff9136-f5ac-4acb-9b11-684014e6cf12", attempt },
      { v: 1, event: "ended", at: at + 9, id: attempt.id, outcome: "deployed", reason: "confirmed" },
    ];
  };
  /** Pushes what the hosts say now. */
  const commit = (files: Readonly<Record<string, string>>): string => {
    origin.write(files);
    return origin.commit();
  };

  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), "gate-deploy-"));
    origin = new Repository(join(scratch, "origin"));
    origin.git("config", "uploadpack.allowAnySHA1InWant", "true");
    host = await new StandInHost("web1").start(`/nix/store/${"a".repeat(32)}-nixos-system-web1`);
    commit({ "flake.nix": hosts("one"), "policy.json": policy() });
    const link = join(scratch, "running");
    const attribute = `git+file://${origin.directory}#nixosConfigurations.web1.config.system.build.toplevel`;
    execFileSync("nix", ["--extra-experimental-features", "nix-command flakes", "build", "--out-link", link, attribute]);
    running = realpathSync(link);
    host.says(running);
  });
  beforeEach(async () => {
    host.forget();
    before = commit({ "flake.nix": hosts("one"), "policy.json": policy() });
    merged = commit({ "flake.nix": hosts("two") });
    dispatch.sha = merged;
    forge = await new LoopbackForge("github").start();
    forge.permissions.set("alice", "write");
    return async () => await forge[Symbol.asyncDispose]();
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    rmSync(scratch, { recursive: true, force: true });
  });

  test("a push: the host is asked and held with its token, the key is nowhere to be seen, and the dispatch that approves is judged", async () => {
    const pushed = await run(push());
    expect(pushed.exitCode, pushed.log).toBe(0);
    expect(pushed.outputs["decision"], pushed.log).toBe("held");
    expect(host.asked).not.toContain("other");
    expect(forge.statuses.at(-1)).toMatchObject({ sha: merged, state: "pending" });
    const token = web1(pushed).approval?.token ?? "";
    expect(token).toMatch(new RegExp(`^web1@${merged}\\.`));
    expect(pushed.summary).toContain(token);
    const shownOn = (): (readonly string[])[] =>
      forge.records.deployments.map(({ environment, sha, statuses }) => [environment, sha, ...statuses.map(({ state }) => state)]);
    expect(shownOn()).toEqual([["nixos", merged, "queued", "queued"]]);
    const shown = [pushed.log.replaceAll(/^::add-mask::.*$/gm, ""), pushed.summary, ...Object.values(pushed.files)].join("\n");
    for (const line of host.key.privateKey.split("\n").slice(1, 4)) expect(shown).not.toContain(line);

    const granted = await run(dispatch, { inputs: { approve: token, "dry-run": "true" } });
    expect(web1(granted).decision, granted.log).toMatchObject({
      action: "deploy",
      reasons: [expect.stringContaining("Approved by alice"), expect.anything(), expect.anything()],
    });
    expect(web1(granted).outcome?.outcome).toBe("would-deploy");
    // Nothing was changed, so nothing is shown anew.
    expect(shownOn().length).toBe(1);

    const refusals: [Partial<ActionOptions>, string][] = [
      [{ inputs: { approve: token.replace(/.$/, (last) => (last === "0" ? "1" : "0")) } }, "is for another change"],
      [{ inputs: { approve: token }, attempt: 2 }, "This is attempt 2 of its run"],
      [{ inputs: { approve: token }, env: { GITHUB_TRIGGERING_ACTOR: "mallory" } }, "the run was started by mallory"],
    ];
    for (const [options, why] of refusals) {
      const refused = await run(dispatch, options);
      expect(web1(refused).decision, refused.log).toMatchObject({
        action: "hold",
        reasons: [expect.stringContaining(why), expect.anything()],
      });
    }
    forge.permissions.set("alice", "read");
    expect(web1(await run(dispatch, { inputs: { approve: token } })).decision.reasons[0]).toContain("may not write");
    expect(host.asked).not.toContain("other");
  });

  test("on Forgejo, where a job's token cannot ask what people may do, nobody approves unless the policy names them", async () => {
    await using forgejo = await new LoopbackForge("forgejo-16").start();
    forgejo.permissions.set("alice", "admin");
    const held = web1(await run(push(), { forge: forgejo }));
    const refused = await run(dispatch, { forge: forgejo, inputs: { approve: held.approval?.token ?? "" } });
    expect(web1(refused).decision.reasons[0], refused.log).toContain("the forge does not say whether they may write");

    merged = commit({ "policy.json": policy({ approval: { by: ["alice"] } }) });
    const named = web1(await run(push(), { forge: forgejo }));
    const inputs = { approve: named.approval?.token ?? "", "dry-run": "true" };
    expect(web1(await run({ ...dispatch, sha: merged }, { forge: forgejo, inputs })).outcome?.outcome).toBe("would-deploy");
  });

  test("a job that may not write Deployments says so once and is no failure; a host has a status of its own where the policy says so", async () => {
    forge.records.mayDeploy = false;
    merged = commit({ "policy.json": policy({ report: { hostStatuses: true } }) });
    const pushed = await run(push());
    expect(pushed.exitCode, pushed.log).toBe(0);
    expect(pushed.log.match(/GitHub Deployments were not written/g)?.length).toBe(1);
    expect(forge.statuses.map(({ context, state }) => [context, state])).toEqual([
      ["deploy-gate", "pending"],
      ["nixos-deploy-gate/web1", "pending"],
    ]);
    expect(forge.violations).toEqual([]);
  });

  test.each(["github", "forgejo-16"] as const)(
    "%s: nobody approves their own work, nor what the forge does not know the makers of",
    { timeout: 300_000 },
    async (name) => {
      await using here = await new LoopbackForge(name).start();
      here.permissions.set("alice", "write");
      const approval = { by: ["alice"], exceptAuthor: true };
      before = commit({ "policy.json": policy({ approval: { ...approval, ttlHours: 24 } }) });
      host.remembers(...applied(before));
      // What loosens the policy waits for a person.
      merged = commit({ "flake.nix": hosts("by bob"), "policy.json": policy({ approval }) });
      const held = web1(await run(push(), { forge: here }));
      const inputs = { approve: held.approval?.token ?? "", "dry-run": "true" };
      const approve = async () => web1(await run({ ...dispatch, sha: merged }, { forge: here, inputs }));
      const refusal = async (): Promise<string> => (await approve()).decision.reasons[0] ?? "";

      const bob = { author: "bob", committer: "bob" };
      const ref = "refs/heads/main";
      const knows = (by: string): void => {
        here.records.commits.splice(0, 9, { sha: before, ...bob }, { sha: merged, ...bob });
        here.records.pushes.splice(0, 9, { ref, before, after: merged, by });
      };
      knows("bob");
      const approved = await approve();
      expect(approved.outcome?.outcome, approved.decision.reasons.join("\n")).toBe("would-deploy");
      knows("Alice");
      expect(await refusal()).toContain("alice wrote, committed or pushed part of what web1 would get");
      here.records.pushes.splice(0);
      expect(await refusal()).toContain("does not say who pushed");
      expect(here.violations).toEqual([]);
    },
  );

  test("no program that the gate starts is given the key, in its words or its environment, nor any but git a token", async () => {
    const spies = join(scratch, "spies");
    const seen = join(scratch, "seen");
    mkdirSync(spies);
    for (const name of ["nix", "nix-store", "nix-instantiate", "ssh", "ssh-keygen", "git", "unshare", "npm"]) {
      const real = (process.env["PATH"] ?? "").split(":").find((directory) => existsSync(join(directory, name)));
      if (real === undefined) continue;
      const script = `#!/bin/sh\n{ echo "== ${name}"; printf '%s\\n' "$@"; env; } >>'${seen}'\nexec '${join(real, name)}' "$@"\n`;
      writeFileSync(join(spies, name), script, { mode: 0o755 });
    }
    const result = await run(push(), { env: { PATH: `${spies}:${process.env["PATH"] ?? ""}`, GITHUB_TOKEN: "an-ambient-token" } });
    expect(web1(result).decision.action, result.log).toBe("hold");
    const runs = readFileSync(seen, "utf8").split(/^== /m);
    for (const name of ["nix", "ssh", "ssh-keygen", "git"]) expect(runs.some((one) => one.startsWith(`${name}\n`))).toBe(true);
    for (const one of runs) {
      expect(one).not.toMatch(/^INPUT_|PRIVATE KEY|an-ambient-token|a-runtime-token/m);
      for (const line of host.key.privateKey.split("\n").slice(1, 4)) expect(one).not.toContain(line);
      if (!one.startsWith("git\n")) expect(one).not.toContain(jobToken);
    }
  });

  test("a rejection is written to the host's ledger, and the next push says who it was", async () => {
    const token = web1(await run(push())).approval?.token ?? "";
    const rejected = await run(dispatch, { inputs: { reject: token } });
    expect(host.ledger, rejected.log).toMatchObject([{ event: "rejected", by: "alice", digest: token.slice(-32) }]);
    const again = await run(push());
    expect(web1(again).decision).toMatchObject({ action: "hold", rejectedBy: "alice" });
    expect(web1(again).approval).toBeUndefined();
    expect(web1(await run(dispatch, { inputs: { approve: token } })).decision.reasons[0]).toContain("was rejected by alice");
  });

  test("nothing is managed: no host is asked, no key is needed, and the report says so", async () => {
    merged = commit({ "policy.json": "{}" });
    for (const key of ["", "-----BEGIN nonsense"]) {
      const result = await run(push(), { inputs: { "ssh-private-key": key } });
      expect(result.exitCode, result.log).toBe(0);
      expect(result.files["report"]).toContain("so none was contacted");
      expect(host.asked).toEqual([]);
    }
  });

  test("no key and no agent where hosts are managed: a clear failure before any host is asked", async () => {
    const result = await run(push(), { inputs: { "ssh-private-key": "" } });
    expect([result.exitCode, result.outputs["reason-code"]]).toEqual([2, "ssh-key-missing"]);
    expect(host.asked).toEqual([]);
  });

  test("a host that is away and one that shows another key are failures of their own, and nothing is sent to them", async () => {
    const away = policy({}, { port: await freePort() });
    merged = commit({ "policy.json": away });
    const silent = await run(push());
    expect([silent.exitCode, web1(silent)], silent.log).toMatchObject([
      1,
      { state: "failed", stage: "observe", outcome: { outcome: "unreachable" } },
    ]);

    merged = commit({ "policy.json": policy() });
    const other = host.knownHost.replace(/ ssh-ed25519 .*/, ` ${makeKey().publicKey}`);
    const wrong = await run(push(), { inputs: { "ssh-known-hosts": other } });
    expect([wrong.exitCode, web1(wrong)], wrong.log).toMatchObject([1, { state: "failed", failure: { code: "target-host-key-changed" } }]);
    expect(host.asked).toEqual([]);
  });

  test("a dispatch on another branch is refused, a push to it is only planned", async () => {
    const refused = await run({ ...dispatch, branch: "feature" });
    expect([refused.exitCode, refused.outputs["reason-code"]], refused.log).toEqual([2, "not-deploy-branch"]);
    origin.git("branch", "--force", "feature", merged);
    const planned = await run({ name: "push", before, after: merged, branch: "feature" });
    expect(planned.exitCode, planned.log).toBe(0);
    expect(planned.files["report"]).toContain("This is a push to feature and only main is deployed");
    expect(host.asked).toEqual([]);
  });

  test("what is checked out is not on the deploy branch: nothing is looked at", async () => {
    const tree = origin.git("rev-parse", `${merged}^{tree}`);
    const stray = origin.git("commit-tree", tree, "-m", "Pushed elsewhere", "-p", before);
    const result = await run({ name: "push", before, after: stray }, {}, stray);
    expect([result.exitCode, result.outputs["reason-code"]], result.log).toEqual([2, "not-on-deploy-branch"]);
    expect(host.asked).toEqual([]);
  });

  test("a newer push has come: the older run plans and leaves the hosts to the newer one", async () => {
    const newer = commit({ "flake.nix": hosts("three") });
    const older = await run(push());
    expect(older.exitCode, older.log).toBe(0);
    expect(planOf(older).notes).toContainEqual(expect.stringContaining(`Superseded by a newer push: main is at ${newer.slice(0, 9)}`));
    expect(host.asked).toEqual([]);
  });

  test("a newer push comes while the hosts are asked: nothing is changed any more", async () => {
    host.remembers(...applied(before));
    const identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"];
    host.onLook("git", ...identity, "-C", origin.directory, "commit", "--quiet", "--allow-empty", "--message=Newer");
    const result = await run(push());
    expect(web1(result), result.log).toMatchObject({
      decision: { action: "deploy" },
      outcome: { outcome: "superseded", reasons: [expect.stringMatching(/^Superseded by a newer push/)] },
    });
    expect(host.asked).not.toContain("other");
  });

  test("the history that a shallow checkout lacks is fetched: what was applied before is known to be older, and what is newer or elsewhere holds", async () => {
    const dry = { inputs: { "dry-run": "true" } };
    host.remembers(...applied(before));
    const forward = await run(push(), dry);
    expect(web1(forward).outcome, forward.log).toMatchObject({ outcome: "would-deploy" });

    const stray = origin.git("commit-tree", origin.git("rev-parse", `${merged}^{tree}`), "-m", "Never merged", "-p", before);
    host.remembers(...applied(stray));
    const elsewhere = web1(await run(push(), dry));
    expect([elsewhere.decision.action, elsewhere.outcome?.outcome]).toEqual(["hold", "held"]);
    expect(host.asked).not.toContain("other");
  });

  test("a pull request of a fork never comes near a host, whatever it is given", async () => {
    forge.pulls.set(7, { head: merged });
    origin.git("update-ref", "refs/pull/7/head", merged);
    const event = { name: "pull_request", number: 7, head: merged, base: before, fork: true, merge: merged } as const;
    const asked = await run(event, { inputs: { command: "deploy" } });
    expect([asked.exitCode, asked.outputs["reason-code"]]).toEqual([2, "input-invalid"]);
    await run(event);
    expect(host.asked).toEqual([]);
  });
});
