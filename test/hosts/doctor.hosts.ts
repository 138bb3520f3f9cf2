import { afterAll, beforeAll, expect, test } from "vitest";
import type { Check } from "../../src/doctor/check.ts";
import { Fleet } from "./fleet.ts";
import { type Lab, startLab } from "./lab.ts";

/** `gate doctor` on a real host: what is well is said to be, and what was broken on purpose is found. */
let lab: Lab;
let fleet: Fleet;

beforeAll(async () => {
  lab = await startLab({ hosts: ["alpha"] });
  fleet = new Fleet(lab);
  await fleet.begin();
});
afterAll(async () => {
  await lab.stop();
});

async function rows(
  policy: object,
  ...words: string[]
): Promise<{ readonly exitCode: number | undefined; readonly checks: readonly Check[] }> {
  await fleet.commit({ alpha: {} }, policy);
  const end = await fleet.gate("doctor", "--json", ...words);
  if (end.stdout === "") throw new Error(end.stderr);
  const { checks } = JSON.parse(end.stdout) as { checks: Check[] };
  return { exitCode: end.exitCode, checks: checks.filter(({ area }) => area === "hosts") };
}
const states = (checks: readonly Check[]): string[] => checks.map(({ code, state }) => `${code} ${state}`);

test("a host that is well", async () => {
  const { exitCode, checks } = await rows({});
  const told = Object.fromEntries(checks.map(({ code, state, sentence }) => [code, { state, sentence }]));
  expect(states(checks).filter((row) => !row.endsWith(" ok") && !/^(?:store-space|boot-space|health) /.test(row))).toEqual([]);
  expect(told).toMatchObject({
    login: { sentence: expect.stringContaining(`root@${lab.host("alpha").address} lets the gate in`) },
    systemd: { state: "ok" },
    nix: { state: "ok", sentence: expect.stringMatching(/^nix \(Nix\) \d/) },
    signatures: { sentence: "It takes unsigned paths from root." },
    "boot-loader": { sentence: "It boots by systemd-boot." },
    clock: { state: "ok" },
  });
  // The lab gives its hosts a boot partition of their own size, which may be too small for one more kernel.
  expect(exitCode).toBe(checks.some(({ state }) => state === "fail") ? 1 : 0);
});

test("a user that the host's Nix does not trust, and one that is", async () => {
  const alpha = lab.host("alpha");
  const policy = { hosts: { alpha: { deploy: true, target: { hostname: alpha.address, machineId: alpha.machineId, user: "deploy" } } } };
  const { checks } = await rows(policy);
  expect(checks.find(({ code }) => code === "login")?.sentence).toContain("sudo asks no password");
  const found = checks.find(({ code }) => code === "signatures");
  const trusted = await alpha.sh("nix --extra-experimental-features nix-command show-config 2>/dev/null | sed -n 's/^trusted-users = //p'");
  expect(found?.state).toBe(/(?:^|\s)(?:\*|deploy|@wheel)(?:\s|$)/.test(trusted) ? "ok" : "fail");
});

test("another machine than the policy names, and units that have failed", async () => {
  const alpha = lab.host("alpha");
  const target = { hostname: alpha.address, machineId: "0".repeat(32) };
  const wrong = await rows({ hosts: { alpha: { deploy: true, target } } });
  expect(states(wrong.checks)).toEqual(["login ok", "wrong-host fail"]);
  expect(wrong.exitCode).toBe(1);
  await alpha.sh("systemd-run --quiet --unit=doomed --property=Type=oneshot false || systemctl is-failed doomed || true");
  const failed = await rows({});
  expect(failed.checks.find(({ code }) => code === "health")).toMatchObject({
    state: "warn",
    sentence: expect.stringContaining("doomed.service"),
  });
  await alpha.sh("systemctl reset-failed doomed.service");
});
