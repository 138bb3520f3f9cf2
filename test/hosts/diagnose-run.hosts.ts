import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Plan, type PlanHost, planJson } from "../../src/report/plan.ts";
import { loopbackModel } from "../session/loopback-model.ts";
import { run } from "./command.ts";
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

test("a session reads a journal by a tool and asks for the same once more: that is done, once, and comes through", async () => {
  await deployed(base);
  const script =
    "n=$(cat /run/flaky-starts 2>/dev/null || echo 0); echo $((n + 1)) >/run/flaky-starts; [ \"$n\" -ge 2 ] && exec sleep infinity; echo 'the moon is in the wrong phase'; exit 7";
  await fleet.commit({ alpha: { ...base, services: { ...base.services, flaky: { version: "1.0", script } } } }, {});
  const model = await loopbackModel((request) => {
    const nonce = /One failure to explain, nonce (\w+)/.exec(request)?.[1];
    if (nonce === undefined) return { status: 400, message: "only failures are explained here" };
    if (!request.includes("tool_result"))
      return { calls: [{ name: "mcp__gate__journal", input: { host: "alpha", unit: "flaky.service" } }] };
    const answer = { nonce, cause: "The moon.", culprit: "flaky.service", quote: "the moon is in the wrong phase", confidence: "high" };
    return { answer: { ...answer, remedy: "retry", units: [], condition: "none", waitSeconds: 0, patch: "" } };
  });
  try {
    const claude = execFileSync(join(import.meta.dirname, "../../.ci/claude"), { encoding: "utf8" }).trim();
    const result = await run(fleet.command("deploy", "--json", "--session"), {
      seconds: 400,
      env: {
        ...fleet.environment,
        PATH: `${dirname(claude)}:${process.env["PATH"]}`,
        ANTHROPIC_API_KEY: "sk-ant-api03-dummy",
        ANTHROPIC_BASE_URL: model.url,
      },
    });
    const [host] = Plan.parse(JSON.parse(result.stdout)).hosts;
    expect(
      host?.outcome?.attempts.map((one) => one.strategy),
      JSON.stringify(host?.outcome),
    ).toEqual(["switch", "retry"]);
    expect(host?.outcome?.outcome).toBe("deployed");
    expect(host?.diagnosis).toMatchObject({ by: "session", remedy: { kind: "retry" } });
    expect(model.seen.some(({ body }) => body.includes("the moon is in the wrong phase") && body.includes("tool_result"))).toBe(true);
  } finally {
    await model.close();
  }
});

test("a unit that falls when the host has been confirmed is started once more, and the proof after that counts", async () => {
  await deployed(base);
  // The profile is set when the gate has confirmed, so that no look before the proof sees it fall.
  const waits = 'while [ "$(readlink -f /nix/var/nix/profiles/system)" != "$(readlink -f /run/current-system)" ]; do sleep 0.05; done';
  const once = `[ ! -e /run/late-fell ] || exec sleep infinity; ${waits}; : >/run/late-fell; echo 'fell late'; exit 7`;
  const { host, plan, exitCode } = await deployed({ ...base, services: { ...base.services, late: { version: "1.0", script: once } } });
  expect(
    host.outcome?.attempts.map((one) => one.strategy),
    JSON.stringify(host.outcome),
  ).toEqual(["switch", "restart-units"]);
  expect([exitCode, host.outcome?.outcome, host.outcome?.misses]).toEqual([0, "deployed", []]);
  expect(host.outcome?.attempts[1]?.ended).toMatch(/late\.service took effect\.$/);
  expect(await lab.host("alpha").sh("systemctl is-active late.service")).toBe("active");
  expect(host.edgeCase).toContain("late.service");
  expect(plan.escalations).toBeUndefined();

  // One that no start brings up stays what it is: deployed, and not all of it in effect.
  const always = `${waits}; exit 7`;
  const still = await deployed({ ...base, services: { ...base.services, never: { version: "1.0", script: always } } });
  expect(still.host.outcome, JSON.stringify(still.host.outcome)).toMatchObject({ outcome: "deployed-with-misses" });
  expect(still.host.outcome?.attempts.map((one) => one.strategy)).toEqual(["switch", "restart-units"]);
  expect(still.host.outcome?.misses.map(({ subject }) => subject)).toContain("never.service");
  expect(still.plan.escalations).toMatchObject([{ stage: "verification", hosts: ["alpha"] }]);
  expect(still.plan.escalations?.[0]?.folds.map((fold) => fold.title).join()).toContain("never.service");
});
