import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Plan } from "../../src/report/plan.ts";
import { must, type Result } from "./command.ts";
import { Fleet, type HostSpec } from "./fleet.ts";
import { type Lab, startLab } from "./lab.ts";

/** The gate runs on one of the hosts that it deploys, as on a machine that carries the forge's runner: nothing in the policy says so, the boot id does. */
let lab: Lab;
let fleet: Fleet;
let here: string;
/** What a runner brings along; a lab host has no git of its own. */
const shares: string[] = [];
const runner: HostSpec = { services: { runner: { version: "1.0" } } };

beforeAll(async () => {
  const checkout = resolve(import.meta.dirname, "../..");
  const git = (await must(["sh", "-c", 'readlink -f "$(command -v git)"'])).trim();
  const gitPrograms = (await must(["git", "--exec-path"])).trim();
  shares.push(checkout, git, gitPrograms);
  lab = await startLab({ hosts: ["alpha", "beta"].map((host) => ({ host, ...runner })), shares });
  fleet = new Fleet(lab);
  await fleet.begin();
  here = mkdtempSync(join(tmpdir(), "carrier-"));
});
afterAll(async () => {
  fleet?.remove();
  if (here !== undefined) rmSync(here, { recursive: true });
  await lab?.stop();
});

/** Puts the repository and the key onto alpha, which is where the gate runs. */
async function bring(): Promise<void> {
  const alpha = lab.host("alpha");
  fleet.command("deploy");
  const copy = join(here, "fleet");
  rmSync(copy, { recursive: true, force: true });
  cpSync(fleet.repository, copy, { recursive: true });
  cpSync(lab.key, join(copy, "ssh", "id"));
  await must(["tar", "-C", copy, "-cf", join(here, "fleet.tar"), "."]);
  const unpack =
    "rm -rf /root/fleet && mkdir -p /root/fleet && tar -C /root/fleet -xf - && chown -R root:root /root/fleet && chmod 600 /root/fleet/ssh/id";
  const unpacked = await alpha.exec(["sh", "-euc", unpack], { input: readFileSync(join(here, "fleet.tar")) as never });
  expect(unpacked.exitCode, unpacked.stderr).toBe(0);
}

/** The command line on alpha; where `--json` is not wanted the plan is in a file. */
const words = (...more: string[]): string[] => {
  const checkout = resolve(import.meta.dirname, "../..");
  return [
    join(checkout, "node_modules/node/bin/node"),
    join(checkout, "src/cli.ts"),
    "deploy",
    "/root/fleet",
    "--ssh-key",
    "/root/fleet/ssh/id",
    "--known-hosts",
    "/root/fleet/ssh/known_hosts",
    "--json",
    ...more,
  ];
};
const deploy = async (...more: string[]): Promise<Result> => await lab.host("alpha").exec(words(...more), { seconds: 300 });

function outcomes(stdout: string, why: string): Record<string, string | undefined> {
  if (!stdout.startsWith("{")) throw new Error(why);
  return Object.fromEntries(Plan.parse(JSON.parse(stdout)).hosts.map((host) => [host.host, host.outcome?.outcome]));
}

test("the host that it runs on goes last, and is brought to its end", async () => {
  await fleet.commit({ alpha: runner, beta: runner });
  const next: HostSpec = { services: { ...runner.services, hello: { version: "2.0" } } };
  await fleet.commit({ alpha: next, beta: next });
  await bring();
  const result = await deploy();
  expect([result.exitCode, outcomes(result.stdout, result.stderr)]).toEqual([0, { alpha: "deployed", beta: "deployed" }]);
  const order = result.stderr.split("\n").filter((line) => /^(alpha|beta) (activating|deployed)/.test(line));
  expect(order.map((line) => line.replace(/[: ].*/, ""))).toEqual(["beta", "beta", "alpha", "alpha"]);
  // Nobody confirms from outside what carries the gate: the host did it by itself.
  const attempts = "/var/lib/nixos-deploy-gate/attempts/*/log";
  expect(await lab.host("alpha").sh(`grep -h 'confirmed itself' ${attempts}`)).toContain("the host confirmed itself");
  expect((await lab.host("beta").exec(["sh", "-c", `grep -h 'confirmed itself' ${attempts}`])).exitCode).toBe(1);
});

test("a switch that takes the runner away, and the gate with it, is brought to its end by the host, and the next run finds it", async () => {
  const alpha = lab.host("alpha");
  const next: HostSpec = { services: { runner: { version: "2.0" }, hello: { version: "2.0" } } };
  await fleet.commit({ alpha: next, beta: next });
  await bring();
  const before = await alpha.systems();
  // A job of the runner ends with it: systemd stops the gate first, and the switch waits for that.
  const unit = ["--unit=job", "--property=BindsTo=runner.service", "--property=After=runner.service", "--property=TimeoutStopSec=60"];
  const out = ["--property=StandardOutput=file:/root/job.out", "--property=StandardError=file:/root/job.err"];
  const environment = ["--setenv=PATH=/run/current-system/sw/bin:/usr/bin:/bin", "--setenv=HOME=/root"];
  const job = await alpha.exec(["systemd-run", "--quiet", "--wait", ...unit, ...out, ...environment, ...words()], { seconds: 300 });
  const said = await alpha.sh("cat /root/job.err");
  expect(outcomes(await alpha.sh("cat /root/job.out"), said), said).toEqual({ alpha: "handed-over", beta: "deployed" });
  expect(job.exitCode).toBe(0);
  await alpha.sh(
    'until grep -q "^ended" /run/nixos-deploy-gate/*/phase && ! grep -L "^ended" /run/nixos-deploy-gate/*/phase | grep -q .; do sleep 0.2; done',
  );
  const after = await alpha.systems();
  expect(after.current).not.toBe(before.current);
  expect([after.profile, after.loader]).toEqual([after.current, after.current]);
  expect(await alpha.sh("tail -n 1 /var/lib/nixos-deploy-gate/ledger.jsonl")).toContain('"outcome":"deployed"');
  const again = await deploy();
  expect([again.exitCode, outcomes(again.stdout, again.stderr)]).toEqual([0, { alpha: "unchanged", beta: "unchanged" }]);
});

test("a change that breaks the host's own ssh is taken back by it, and the next run says so and does not try it again", async () => {
  const alpha = lab.host("alpha");
  const good: HostSpec = { services: { runner: { version: "2.0" }, hello: { version: "2.0" } } };
  await fleet.commit({ alpha: { ...good, sshd: "Nonsense yes" }, beta: good }, { apply: { confirmSeconds: 20 } });
  await bring();
  const before = await alpha.systems();
  const result = await deploy();
  expect(outcomes(result.stdout, result.stderr)).toMatchObject({ alpha: "rolled-back", beta: "unchanged" });
  expect((await alpha.systems()).current).toBe(before.current);
  const again = await deploy();
  expect([again.exitCode, outcomes(again.stdout, again.stderr)]).toEqual([3, { alpha: "held", beta: "unchanged" }]);
  expect(again.stdout).toMatch(/tried and taken back/);
  expect(again.stdout).toContain("nixos-deploy-gate deploy --hosts alpha --despite attempts");
});
