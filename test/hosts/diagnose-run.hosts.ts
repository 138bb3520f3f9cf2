import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Plan, type PlanHost, planJson } from "../../src/report/plan.ts";
import { Fleet, type HostSpec } from "./fleet.ts";
import { type Lab, startLab } from "./lab.ts";

/** The whole gate on hosts that a change breaks: what its report says of why, and what it leaves to a person. */
let lab: Lab;
let fleet: Fleet;
const base: HostSpec = { services: { hello: { version: "1.0" } }, inhibitors: { dbus: "dbus" } };

beforeAll(async () => {
  lab = await startLab({ hosts: [{ host: "alpha", ...base }] });
  fleet = new Fleet(lab);
  await fleet.begin();
});
afterAll(async () => {
  fleet?.remove();
  await lab?.stop();
});

/** Commits and deploys a change, from a system that was deployed before. */
async function deployed(spec: HostSpec, policy: object = {}): Promise<{ host: PlanHost; plan: Plan; exitCode: number }> {
  await fleet.commit({ alpha: spec }, policy);
  const { plan, exitCode } = await fleet.deploy();
  const [host] = plan.hosts;
  if (host === undefined) throw new Error("the plan has no host");
  return { host, plan, exitCode };
}

test("a program that is not there: the host is taken back, and the report says which unit and why", async () => {
  await deployed(base);
  const { host, plan, exitCode } = await deployed({
    ...base,
    units: { "gone.service": "[Service]\nExecStart=/nix/store/00000000000000000000000000000000-gone/bin/gone\n" },
    wants: ["multi-user.target.wants/gone.service"],
  });
  expect([exitCode, host.outcome?.outcome]).toEqual([1, "rolled-back"]);
  expect(host.diagnosis).toMatchObject({ by: "known-cause", confidence: "certain" });
  expect(host.diagnosis?.cause).toMatch(/program|not there|missing/i);
  const [escalation] = plan.escalations ?? [];
  expect(escalation).toMatchObject({ key: "activation/rolled-back/alpha", hosts: ["alpha"], stage: "activation" });
  expect(escalation?.states[0]?.sentence).toMatch(/It runs the former system .* The next boot brings the same\./);
  expect(escalation?.folds.map((fold) => fold.title).join()).toContain("gone.service");

  // By hand, from the plan alone: the host still knows it in its journal.
  const file = join(fleet.repository, "ssh", "plan.json");
  writeFileSync(file, planJson(plan));
  const text = await fleet.gate("diagnose", file, "--host", "alpha", "--verbose");
  expect([text.exitCode, text.stdout], text.stderr).toEqual([0, expect.stringMatching(/^alpha\n/)]);
  expect(text.stdout).toMatch(/It runs the former system/);
  expect(text.stdout).toContain("gone.service");
  const json = await fleet.gate("diagnose", file, "--json");
  expect(JSON.parse(json.stdout)).toMatchObject({ schema: 1, failures: [{ hosts: ["alpha"], escalation: { stage: "activation" } }] });
  expect((await fleet.gate("diagnose", file, "--host", "beta")).exitCode).toBe(2);
});

test("an inhibitor that no rule saw: a boot brings it in, and the report offers an entry for the edge-cases file", async () => {
  await deployed(base);
  const blind = { rules: { "switch-inhibitor": { verdict: "off", reason: "the host itself refuses" } } };
  const { host, plan } = await deployed({ ...base, inhibitors: { dbus: "broker" } }, blind);
  expect(host.outcome?.attempts.map((one) => one.strategy)).toEqual(["switch", "boot"]);
  expect(host.outcome?.outcome).toBe("staged");
  expect(host.edgeCase).toMatch(/^## The new system must not be switched to while this one runs/);
  expect(host.edgeCase).toContain("- Strategy: bring it in by a boot, never by a switch");
  expect([host.diagnosis, plan.escalations]).toEqual([undefined, undefined]);
});

test("a boot partition without room: the cause comes before what it broke, and the host's state and the next command are told", async () => {
  await lab.host("alpha").fillDisk("boot", 0);
  try {
    const told = { notify: { command: ["/bin/sh", "-c", `cat > "$1"`, "sh", join(fleet.repository, "ssh", "told.json")] } };
    const { host, plan, exitCode } = await deployed({ ...base, services: { hello: { version: "3.0" } } }, told);
    expect([exitCode, host.outcome?.outcome]).toEqual([1, "live-but-old-boots"]);
    expect(host.diagnosis).toMatchObject({ confidence: "certain", culprit: "/boot" });
    const [escalation] = plan.escalations ?? [];
    expect(escalation?.causes.map((cause) => cause.cause).join()).toMatch(/no room .* boot loader could not be installed/);
    expect(escalation?.states[0]).toMatchObject({
      urgent: true,
      sentence: expect.stringMatching(/^It runs the new system .* The next boot brings /),
    });
    expect(escalation?.next[0]).toMatch(/^nixos-deploy-gate status --hosts alpha/);
    const sent = JSON.parse(readFileSync(join(fleet.repository, "ssh", "told.json"), "utf8"));
    expect(sent).toMatchObject({ schema: 1, urgent: true, hosts: [{ host: "alpha", standing: "live, old boots" }] });
    expect(sent.escalations[0].next).toEqual(escalation?.next);
  } finally {
    await lab.host("alpha").freeDisk("boot");
  }
});
