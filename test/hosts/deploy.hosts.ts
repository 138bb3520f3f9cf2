import { afterAll, beforeAll, expect, test } from "vitest";
import type { Plan } from "../../src/report/plan.ts";
import { run } from "./command.ts";
import { Fleet, type HostSpec } from "./fleet.ts";
import { type Lab, startLab } from "./lab.ts";

/** The whole gate, as an operator runs it, on real hosts. */
let lab: Lab;
let fleet: Fleet;
const base: HostSpec = { services: { hello: { version: "1.0" } } };

beforeAll(async () => {
  lab = await startLab({ hosts: ["alpha", "beta", "gamma"].map((host) => ({ host, ...base })) });
  fleet = new Fleet(lab);
  await fleet.begin();
});
afterAll(async () => {
  fleet?.remove();
  await lab?.stop();
});

const outcomes = (plan: Plan): Record<string, string | undefined> =>
  Object.fromEntries(plan.hosts.map((host) => [host.host, host.outcome?.outcome]));

test("a clean change is brought in, proven, and done again by nobody", async () => {
  await fleet.commit({ alpha: base, beta: base, gamma: base });
  const next: HostSpec = { services: { hello: { version: "2.0" } } };
  await fleet.commit({ alpha: next, beta: next, gamma: next });
  const dry = await fleet.deploy("--dry-run");
  expect(outcomes(dry.plan)).toEqual({ alpha: "would-deploy", beta: "would-deploy", gamma: "would-deploy" });
  const first = await fleet.deploy();
  expect([first.exitCode, outcomes(first.plan)]).toEqual([0, { alpha: "deployed", beta: "deployed", gamma: "deployed" }]);
  for (const host of first.plan.hosts) {
    const systems = await lab.host(host.host).systems();
    const to = host.state === "changed" ? host.to : "";
    expect([systems.current, systems.profile, systems.loader]).toEqual([to, to, to]);
  }
  const again = await fleet.deploy();
  expect([again.exitCode, outcomes(again.plan)]).toEqual([0, { alpha: "unchanged", beta: "unchanged", gamma: "unchanged" }]);
});

test("status, verify and rollback say and do what they promise", async () => {
  const status = await fleet.gate("status");
  expect(status.exitCode).toBe(0);
  const verify = await fleet.gate("verify", "--dry-run");
  expect(verify.exitCode).toBe(0);
  const before = await lab.host("alpha").systems();
  const back = await run(fleet.command("rollback", "alpha"), { seconds: 200, env: fleet.environment });
  expect(back.exitCode).toBe(0);
  for (const step of ["asking", "activating", "verifying"]) expect(back.stderr).toContain(`alpha ${step}`);
  const after = await lab.host("alpha").systems();
  expect(after.current).not.toBe(before.current);
  expect([after.profile, after.loader]).toEqual([after.current, after.current]);
  const drifted = await fleet.gate("verify", "--hosts", "alpha");
  expect(drifted.exitCode).toBe(1);
  expect(drifted.stdout).toContain("next: nixos-deploy-gate deploy --dry-run --hosts alpha");
  // What a person went back from is not brought in again by itself.
  const again = await fleet.deploy();
  expect([again.exitCode, outcomes(again.plan)]).toEqual([3, { alpha: "held", beta: "unchanged", gamma: "unchanged" }]);
});

test("as a user who is not root, through a jump host and on another port: asked, rejected, approved, deployed, taken back", async () => {
  const [beta, gamma] = [lab.host("beta"), lab.host("gamma")];
  const spec = (more: HostSpec): HostSpec => ({ services: { hello: { version: "2.0" } }, sshd: "Port 2222", ...more });
  const risky = (line: string): HostSpec => spec({ etc: { "tmpfiles.d/purge.conf": `R ${line} - - - - -\n` } });
  const approved = async () => {
    const dry = await fleet.deploy("--dry-run");
    return await fleet.deploy("--approve", dry.plan.hosts.flatMap((host) => host.approval?.token ?? []).join(","));
  };
  await fleet.commit({ beta: spec({}) });
  expect((await approved()).exitCode).toBe(0);
  // From here on nothing but the jump host reaches it, and on that port alone.
  await beta.sh(
    `nft 'table inet only { chain in { type filter hook input priority 0; tcp dport 22 drop; tcp dport 2222 ip saddr != ${gamma.address} drop; }; }'`,
  );
  const target = {
    hostname: beta.address,
    machineId: beta.machineId,
    user: "deploy",
    port: 2222,
    jump: [`deploy@${gamma.address}`],
    hostKeys: [beta.hostKey],
  };
  const policy = { hosts: { beta: { target } } };
  await fleet.commit({ beta: risky("/var/lib/one") }, policy);
  const held = await fleet.deploy();
  const token = held.plan.hosts[0]?.approval?.token ?? "";
  expect([held.exitCode, outcomes(held.plan)]).toEqual([3, { beta: "held" }]);
  const rejected = await fleet.deploy("--reject", token);
  expect(outcomes(rejected.plan)).toEqual({ beta: "held" });
  const ledger = "/var/lib/nixos-deploy-gate/ledger.jsonl";
  expect(await beta.sh(`tail -n 1 ${ledger}; stat -c '%U %a' ${ledger}`)).toMatch(/"rejected".*\nroot 600$/);
  await fleet.commit({ beta: risky("/var/lib/two") }, policy);
  const done = await approved();
  expect([done.exitCode, outcomes(done.plan)]).toEqual([0, { beta: "deployed" }]);
  // The dry activation went through sudo as well.
  expect(done.stderr).toMatch(/beta activating/);
  expect(await beta.sh("journalctl -b -o cat --grep 'Accepted publickey' | tail -n 1")).toMatch(`for deploy from ${gamma.address} `);
  const back = await run(fleet.command("rollback", "beta"), { seconds: 200, env: fleet.environment });
  expect(back.exitCode, back.stderr).toBe(0);
});
