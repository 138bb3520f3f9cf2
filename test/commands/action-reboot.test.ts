import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { HostName } from "../../src/discover/host.ts";
import { rebootPlan } from "../../src/reboot/reboot-plan.ts";
import { Plan } from "../../src/report/plan.ts";
import { LoopbackForge } from "../forge/loopback-forge.ts";
import { type ActionEvent, type ActionResult, runAction } from "../forge/run-action.ts";
import { flake, Repository } from "../scenario/flake.ts";
import { StandInHost } from "./stand-in-host.ts";

/** Runs of a schedule against a forge and a host on loopback. What really reboots a machine is tested on real ones. */
describe("reboots by the Action", { timeout: 120_000 }, () => {
  let scratch: string;
  let origin: Repository;
  let host: StandInHost;
  let forge: LoopbackForge;
  let checkouts = 0;
  const system = (letter: string): string => `/nix/store/${letter.repeat(32)}-nixos-system-web1-26.05`;
  const [old, next] = [system("a"), system("b")];

  const commit = (reboot: object, more: object = {}): string => {
    const web1 = { deploy: true, target: host.target, reboot };
    origin.write({ "policy.json": JSON.stringify({ hosts: { web1 }, ...more }) });
    return origin.commit();
  };
  const run = async (
    sha: string,
    event: ActionEvent = { name: "schedule", sha },
    inputs: Record<string, string> = {},
  ): Promise<ActionResult> => {
    const here = new Repository(join(scratch, `checkout-${++checkouts}`));
    here.git("remote", "add", "origin", `file://${origin.directory}`);
    here.git("fetch", "--quiet", "--depth=1", "origin", sha);
    here.git("checkout", "--quiet", "--detach", sha);
    const given = { "ssh-private-key": host.key.privateKey, "ssh-known-hosts": host.knownHost, ...inputs };
    return await runAction({ forge, event, main: "src/main.ts", cwd: here.directory, inputs: given });
  };
  const outcome = (result: ActionResult): string | undefined => {
    if (result.files["plan"] === undefined) throw new Error(`There is no plan.\n${result.log}`);
    return Plan.parse(JSON.parse(result.files["plan"])).hosts[0]?.outcome?.outcome;
  };
  const commitComments = (): string[] => [...forge.commitComments.values()].flat().map(({ body }) => body);
  const hours = (n: number): string => new Date(Date.now() + n * 3_600_000).toISOString().slice(11, 16);

  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), "gate-reboot-"));
    origin = new Repository(join(scratch, "origin"));
    origin.git("config", "uploadpack.allowAnySHA1InWant", "true");
    host = await new StandInHost("web1").start(old);
    origin.write({
      "flake.nix": flake(`
        nixosConfigurations.web1 = system { name = "web1"; more = ""; };
        deployGate = builtins.fromJSON (builtins.readFile ./policy.json);`),
    });
  });
  beforeEach(async () => {
    const at = Math.floor(Date.now() / 1000) - 36 * 3_600;
    const attempt = { id: "boot-0123456789abcdef", host: HostName.parse("web1"), operation: "boot" as const, from: {}, to: next };
    host.forget();
    host.remembers(
      { v: 1, event: "started", at: at - 9, bootId: "baff9136-f5ac-4acb-9b11-684014e6cf12", attempt },
      { v: 1, event: "ended", at, id: attempt.id, outcome: "staged", reason: "as-planned" },
    );
    host.says(old, next);
    forge = await new LoopbackForge("github").start();
    return async () => await forge[Symbol.asyncDispose]();
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    rmSync(scratch, { recursive: true, force: true });
  });

  test("a reboot that waits for its window is no news, and its age is an output", async () => {
    const result = await run(commit({ windows: [{ from: hours(3), to: hours(5), zone: "UTC" }] }));
    expect(result.exitCode, result.log).toBe(0);
    expect([outcome(result), result.outputs["decision"], result.outputs["pending-hours"]]).toEqual(["reboot-pending", "nothing", "36.0"]);
    expect([commitComments(), forge.statuses]).toEqual([[], []]);
    expect(result.summary).toContain("It reboots in 3 hours");
    expect(host.asked).not.toContain("other");
  });

  test("one that waits for a person is told, once, beside the report of what was deployed", async () => {
    const sha = commit({ windows: "any", attended: true });
    const result = await run(sha);
    expect([result.exitCode, outcome(result), result.outputs["decision"]], result.log).toEqual([0, "reboot-held", "held"]);
    const again = await run(sha);
    expect(again.exitCode, again.log).toBe(0);
    expect(commitComments()).toHaveLength(1);
    expect(commitComments()[0]).toContain("nixos-deploy-gate reboot --now --hosts web1");
    expect(forge.statuses).toEqual([]);
    expect(host.asked).not.toContain("other");
  });

  test("a host that has booted what it boots is left alone", async () => {
    host.says(next);
    const result = await run(commit({ windows: "any" }));
    expect([result.exitCode, outcome(result), result.outputs["pending-hours"]], result.log).toEqual([0, "unchanged", ""]);
    expect(commitComments()).toEqual([]);
  });

  test("one that came back with the old system is told of everywhere: why, how the host is now, and what to type", async () => {
    const file = join(scratch, "told.json");
    const at = Math.floor(Date.now() / 1000);
    const before = { booted: old, profile: next, current: old, generation: undefined };
    const planned = rebootPlan(HostName.parse("web1"), before, undefined, []);
    if ("missing" in planned) throw new Error(planned.missing);
    const { attempt } = planned;
    // An earlier run ordered it; since then the host has booted, and not what it was to.
    const bootId = "11111111-f5ac-4acb-9b11-684014e6cf12";
    host.remembers({ v: 1, event: "started", at: at - 3_600, bootId, attempt, failedUnits: [] });
    const [unit, missing] = ["app.service", `/nix/store/${"0".repeat(32)}-app/bin/app`];
    host.tells({ failed: unit, "unit.0": unit, "unit.0.executable": `missing ${missing}\n` });
    const notify = { command: ["/bin/sh", "-c", 'cat > "$1"', "sh", file] };
    const sha = commit({ windows: "any" }, { notify });
    const result = await run(sha);
    expect([result.exitCode, outcome(result), result.outputs["decision"]], result.log).toEqual([1, "reboot-failed", "failed"]);
    expect([host.asked.includes("why"), host.asked.includes("other")]).toEqual([true, false]);
    expect(host.ledger.slice(-2)).toMatchObject([
      { event: "rebooted", id: attempt.id, ok: false },
      { event: "told", to: next },
    ]);

    const sent = JSON.parse(readFileSync(file, "utf8"));
    expect(sent).toMatchObject({ schema: 1, urgent: true, hosts: [{ host: "web1", standing: "reboot failed" }] });
    expect(sent.escalations[0].happened).toContain(`It came back with ${old}, not with ${next}`);
    expect(sent.hosts[0].cause).toMatch(/program that is not there/);
    expect(sent.escalations).toMatchObject([{ hosts: ["web1"], stage: "reboot" }]);
    expect(sent.escalations[0].states[0].sentence).toContain("It runs the former system");
    expect(sent.escalations[0].next[0]).toMatch(/^nixos-deploy-gate rollback web1 /);
    const look = sent.escalations[0].next.at(-1);
    expect(look).toMatch(/^ssh web1 /);
    for (const text of [commitComments().join("\n"), result.summary]) {
      expect(text).toContain(missing);
      expect(text).toContain(look);
    }

    // The run that comes an hour later does not try it again, and tells nobody; the next day's does, with its age.
    rmSync(file);
    const again = await run(sha);
    expect(outcome(again), again.log).toBe("reboot-held");
    expect(existsSync(file)).toBe(false);
    host.remembers(
      { v: 1, event: "started", at: at - 90_000, bootId, attempt, failedUnits: [] },
      { v: 1, event: "rebooted", at: at - 89_900, id: attempt.id, seconds: 100, ok: false },
      { v: 1, event: "told", at: at - 86_460, to: next },
    );
    await run(sha);
    const later = JSON.parse(readFileSync(file, "utf8"));
    expect([later.urgent, later.escalations]).toEqual([false, []]);
    expect(later.text).toMatch(/web1 since \S+ \S+ UTC, 25 hours\./);
  });

  test("in its window it is begun, by the tip of the deploy branch alone", async () => {
    const sha = commit({ windows: "any" });
    // The host refuses whatever it is asked to do, so that the attempt is not begun.
    const begun = await run(sha, { name: "workflow_dispatch", sha }, { command: "reboot" });
    expect([outcome(begun), host.asked.includes("other")], begun.log).toEqual(["reboot-pending", true]);
    host.forget();
    commit({ windows: "never" });
    const behind = await run(sha);
    expect([behind.exitCode, behind.outputs["reason-code"]], behind.log).toEqual([4, "reboot-overtaken"]);
    const elsewhere = await run(sha, { name: "workflow_dispatch", sha, branch: "feature" }, { command: "reboot" });
    expect([elsewhere.exitCode, elsewhere.outputs["reason-code"]], elsewhere.log).toEqual([2, "not-deploy-branch"]);
    expect(host.asked).toEqual([]);
  });
});
