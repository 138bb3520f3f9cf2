import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { HostName } from "../../src/discover/host.ts";
import { storeFiles } from "../../src/io/store-files.ts";
import type { Targets } from "../../src/io/ports.ts";
import type { Address } from "../../src/target/address.ts";
import type { Observation } from "../../src/target/observation.ts";
import { observe } from "../../src/target/observe.ts";
import { observeProgram } from "../../src/target/observe-program.ts";
import { rightHost } from "../../src/target/right-host.ts";
import { rebootNeed } from "../../src/verify/reboot-need.ts";
import { sysctlKeys, verifyHost } from "../../src/verify/verify.ts";
import type { LabHost } from "./host.ts";
import { type Lab, startLab } from "./lab.ts";
import { labTargets } from "./supervised-host.ts";
import { buildToplevel, type ToplevelSpec } from "./toplevels.ts";

/** What a real host says of itself, and what is found on it where a change did not take effect. */
let lab: Lab;
let alpha: LabHost;
let targets: Targets;
let close: () => Promise<void>;
const store = storeFiles();
const program = "[Unit]\nDescription=A service with a name that has to be escaped\n[Service]\nExecStart=/usr/bin/sleep infinity\n";
const base: ToplevelSpec = {
  host: "alpha",
  services: { web: { version: "1.0" }, kept: { version: "1.0", service: { "X-RestartIfChanged": "false" } } },
  units: { "weird@.service": program },
  wants: ["multi-user.target.wants/weird@a\\x20b.service"],
  fstab: ["tmpfs /srv/with\\040space tmpfs size=4M,nosuid 0 0"],
  sysctl: { "net.ipv4.ip_forward": "0" },
  specialisations: { other: { kernelParams: ["quiet"] } },
};

const address = (): Address => ({
  host: HostName.parse("alpha"),
  hostname: alpha.address,
  port: 22,
  user: "root",
  sudo: false,
  jump: [],
  identity: { name: "alpha", machineId: alpha.machineId },
  hostKeys: [alpha.hostKey],
});

async function look(sysctl: readonly string[] = [], at = address()): Promise<Observation> {
  const seen = await observe(targets, at, { sysctl });
  if (!seen.ok) throw new Error(JSON.stringify(seen.failure));
  return seen.observation;
}

/** Copies and switches to another system, has `meddle` done to the host, and returns what is missed. */
async function misses(spec: ToplevelSpec, meddle?: (to: string) => Promise<unknown>): Promise<string[]> {
  const to = await buildToplevel(spec);
  const before = await look();
  const planned = { profile: to, current: to };
  await alpha.copy([to]);
  const switched = await alpha.activate(to, "switch");
  expect([0, 4]).toContain(switched.exitCode);
  await meddle?.(to);
  const after = await look(sysctlKeys(planned, before, store));
  return verifyHost({ planned, before, after, store }).map((miss) => `${miss.family} ${miss.subject} (${miss.needs})`);
}

beforeAll(async () => {
  lab = await startLab({ hosts: [base] });
  alpha = lab.host("alpha");
  ({ targets, close } = await labTargets(lab));
});
afterAll(async () => {
  await close();
  await lab.stop();
});

test("a host tells who it is and what it runs, in one round trip", async () => {
  // The first one logs in as well.
  await look();
  const trips = targets.roundTrips(address());
  const seen = await look(["net.ipv4.ip_forward"]);
  expect(targets.roundTrips(address()) - trips).toBe(1);
  const systems = await alpha.systems();
  expect(seen).toMatchObject({
    identity: { name: "alpha", machineId: alpha.machineId },
    bootId: await alpha.bootId(),
    isNixos: true,
    current: systems.current,
    profile: systems.profile,
    booted: systems.booted,
    generation: 1,
    switchLock: "free",
    activations: [],
    specialisation: undefined,
    ledger: undefined,
    ledgerState: "absent",
    scheduledShutdown: undefined,
  });
  expect(rightHost(address(), seen)).toBe(undefined);
  expect(seen.generations.map((generation) => generation.toplevel)).toEqual([systems.profile]);
  expect(Math.abs(seen.at.getTime() - Date.now())).toBeLessThan(60_000);
  expect(seen.systems.booted).toMatchObject({ kernel: store.resolve(`${systems.booted}/kernel`), kernelParams: "loglevel=4" });
  expect(seen.space.boot).toMatchObject({ mountPoint: "/boot" });
  expect(seen.space.store?.freeBytes).toBeGreaterThan(1 << 20);
  expect(seen.mounts.find((mount) => mount.target === "/srv/with space")).toMatchObject({ type: "tmpfs" });
  expect(seen.sysctl.get("net.ipv4.ip_forward")).toBe("0");
  expect(seen.listening).toContainEqual({ protocol: "tcp", address: "0.0.0.0", port: 22 });
  expect(seen.sshd).toContain("permitrootlogin without-password");
  const web = seen.units.find((unit) => unit.unit === "web.service");
  expect(web).toMatchObject({ activeState: "active", needDaemonReload: false });
  expect(web?.executable).toMatch(/^\/nix\/store\/[0-9a-z]{32}-web-1\.0\/bin\/web$/);
  expect(web?.runs).toEqual([web?.executable]);
  expect(seen.units.find((unit) => unit.unit === "weird@a\\x20b.service")).toMatchObject({ activeState: "active" });
});

test("another user with sudo sees the same", async () => {
  const seen = await look([], { ...address(), user: "deploy", sudo: true });
  expect(seen.sshd).toContain("permitrootlogin without-password");
  expect(seen.units.find((unit) => unit.unit === "web.service")?.executable).toContain("/bin/web");
});

test("a switch in progress and a lock that is held are seen", async () => {
  await alpha.sh(
    "mkdir -p /run/nixos; systemd-run --quiet --unit=nixos-rebuild-switch-to-configuration flock /run/nixos/switch-to-configuration.lock sleep infinity; sleep 1",
  );
  expect(await look()).toMatchObject({ switchLock: "held", activations: ["nixos-rebuild-switch-to-configuration.service"] });
  await alpha.sh("systemctl stop nixos-rebuild-switch-to-configuration");
  expect(await look()).toMatchObject({ switchLock: "free", activations: [] });
});

test("a scheduled shutdown and failed units are seen", async () => {
  await alpha.sh("shutdown -r +60; systemd-run --quiet --unit=fails false || true; sleep 1");
  const seen = await look();
  expect(seen.scheduledShutdown?.getTime()).toBeGreaterThan(Date.now() + 3_000_000);
  expect(seen.failedUnits).toContain("fails.service");
  expect(seen.systemState).toBe("degraded");
  await alpha.sh("shutdown -c; systemctl reset-failed");
  expect((await look()).scheduledShutdown).toBe(undefined);
});

test("a specialisation is known by its name", async () => {
  const { current } = await alpha.systems();
  const other = await alpha.sh(`readlink -f ${current}/specialisation/other`);
  await alpha.activate(other, "test");
  expect(await look()).toMatchObject({ current: other, specialisation: "other" });
  await alpha.activate(current, "test");
});

test("the ledger is read, and root's alone", async () => {
  await alpha.sh('mkdir -m 700 -p /var/lib/nixos-deploy-gate; printf "%s\\n" one two >/var/lib/nixos-deploy-gate/ledger.jsonl');
  expect(await look()).toMatchObject({ ledger: ["one", "two"], ledgerState: "read" });
  expect(await look([], { ...address(), user: "deploy" })).toMatchObject({ ledger: undefined, ledgerState: "unreadable" });
  await alpha.sh("rm -r /var/lib/nixos-deploy-gate");
});

test("a switch that took effect has no miss but what waits by design", async () => {
  expect(
    await misses({
      ...base,
      services: { web: { version: "2.0" }, kept: base.services?.["kept"] ?? {} },
      sysctl: { "net.ipv4.ip_forward": "1" },
    }),
  ).toEqual([]);
  const kept = { version: "2.0", service: { "X-RestartIfChanged": "false" } };
  expect(await misses({ ...base, services: { web: { version: "2.0" }, kept } })).toEqual(["process kept.service (reboot)"]);
});

test("what did not take effect is found", async () => {
  const spec: ToplevelSpec = {
    ...base,
    services: {
      web: { version: "3.0" },
      kept: { version: "2.0", service: { "X-RestartIfChanged": "false" } },
      broken: { script: "exit 3" },
    },
    fstab: ["tmpfs /srv/with\\040space tmpfs size=8M,nosuid,noexec 0 0"],
    sysctl: { "net.ipv4.ip_forward": "1" },
    sshd: "MaxAuthTries 3",
    kernel: "6.12.99",
  };
  const found = await misses(spec, async () => {
    await alpha.sh("echo 0 >/proc/sys/net/ipv4/ip_forward; mount -o remount,exec,size=4M '/srv/with space'; systemctl stop web.service");
  });
  expect(found).toEqual([
    "unit broken.service (restart)",
    "unit web.service (restart)",
    "mount /srv/with space (remount)",
    "mount /srv/with space (remount)",
    "kernel kernel (reboot)",
    "kernel kernel-modules (reboot)",
    "sysctl net.ipv4.ip_forward (restart)",
  ]);
  const need = rebootNeed(await look(), store);
  expect(need).toMatchObject({ needed: true, staged: false, release: { running: "6.12.40", wanted: "6.12.99" }, unknown: [] });
});

test("after the reboot nothing waits any more", async () => {
  const before = await look();
  const since = alpha.boots;
  await alpha.sh("systemctl reboot");
  await alpha.rebooted(since);
  const after = await look();
  expect(rebootNeed(after, store)).toMatchObject({ needed: false, reasons: [] });
  const { profile } = await alpha.systems();
  const planned = { profile, current: profile, booted: profile };
  expect(verifyHost({ planned, before, after, store }).map((miss) => `${miss.family} ${miss.subject}`)).toEqual([]);
});

test("a host that was recorded can be read again", async () => {
  const result = await targets.run({
    address: address(),
    program: observeProgram,
    arguments: [""],
    connection: "shared",
    timeoutSeconds: 60,
  });
  expect(result.ok).toBe(true);
  const path = process.env["NDG_RECORD"];
  if (path !== undefined) writeFileSync(path, `${JSON.stringify(result.records, undefined, 1)}\n`);
});
