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
  const verify = await fleet.gate("verify");
  expect(verify.exitCode).toBe(0);
  const before = await lab.host("alpha").systems();
  const back = await run(fleet.command("rollback", "alpha"), { seconds: 200, env: fleet.environment });
  expect(back.exitCode).toBe(0);
  const after = await lab.host("alpha").systems();
  expect(after.current).not.toBe(before.current);
  expect([after.profile, after.loader]).toEqual([after.current, after.current]);
  const drifted = await fleet.gate("verify", "--hosts", "alpha");
  expect(drifted.exitCode).toBe(1);
  // What a person went back from is not brought in again by itself.
  const again = await fleet.deploy();
  expect([again.exitCode, outcomes(again.plan)]).toEqual([3, { alpha: "held", beta: "unchanged", gamma: "unchanged" }]);
});
