import { afterAll, beforeAll, expect, test } from "vitest";
import type { Plan } from "../../src/report/plan.ts";
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
