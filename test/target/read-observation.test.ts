import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, describe, test } from "vitest";
import type { RemoteRecord } from "../../src/io/ports.ts";
import { pathOfKey, readObservation } from "../../src/target/read-observation.ts";
import { readRunningUnits, runningActivations } from "../../src/target/running-units.ts";

const toplevel = `/nix/store/${"a".repeat(32)}-nixos-system-web-26.05`;
const minimal: Readonly<Record<string, string>> = {
  hostname: "web\n",
  "machine-id": "3d1219c7c4c5404aaa1f6d2a48adfda4\n",
  "boot-id": "baff9136-f5ac-4acb-9b11-684014e6cf12\n",
  clock: "1795500000",
  nixos: "yes",
  current: toplevel,
  done: "yes",
};
const records = (more: Readonly<Record<string, string | undefined>> = {}): RemoteRecord[] =>
  Object.entries({ ...minimal, ...more }).flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]));
const read = (more: Readonly<Record<string, string | undefined>> = {}) => {
  const found = readObservation(records(more));
  if (!found.ok) throw new Error(found.problem);
  return found.value;
};

describe("what could lead to the wrong machine or system is refused", () => {
  test.each([
    ["no end", { done: undefined }, "it did not come to its end"],
    ["no name", { hostname: undefined }, "it does not say its host name"],
    ["a name with a line in it", { hostname: "web\nroot" }, "it does not say its host name"],
    ["a name like an option", { hostname: "-oProxyCommand" }, "it does not say its host name"],
    ["no boot id", { "boot-id": "x" }, "it does not say which boot it is in"],
    ["no clock", { clock: "now" }, "it does not say its time"],
    ["a system outside of the store", { current: "/tmp/system" }, "its current system is not a path of the store"],
    ["a system below a store path", { profile: `${toplevel}/bin` }, "its profile system is not a path of the store"],
    ["a system with a word behind it", { booted: `${toplevel} x` }, "its booted system is not a path of the store"],
    [
      "a hash with a letter that Nix leaves out",
      { current: toplevel.replace("aa", "ee") },
      "its current system is not a path of the store",
    ],
  ])("%s", (_, more, problem) => expect(readObservation(records(more))).toEqual({ ok: false, problem }));
});

test("all else is what it is, or not known", () => {
  const seen = read({ "machine-id": "uninitialized\n", current: undefined });
  expect(seen).toMatchObject({
    identity: { name: "web", machineId: undefined },
    current: undefined,
    systems: { current: undefined },
    switchLock: "unknown",
    systemState: "unknown",
    space: { store: undefined, boot: undefined, state: undefined },
    loggedIn: undefined,
    ledger: undefined,
    ledgerState: "unreadable",
    units: [],
    mounts: [],
  });
});

test("nonsense from a hostile host is passed by", () => {
  const junk = `${"\u0000\u001b[31m=\t\n".repeat(2000)}${"x".repeat(100_000)}`;
  const names = [
    "uptime",
    "generations",
    "specialisations",
    "failed",
    "sessions",
    "space-store",
    "modules",
    "sysctl",
    "mounts",
    "swaps",
    "devices",
  ];
  const more = [
    ...names,
    "listening-tcp",
    "units",
    "executables",
    "command-lines",
    "sshd",
    "shutdown",
    "system-state",
    "profile-link",
    "switch-lock",
  ];
  const seen = read(Object.fromEntries(more.map((name) => [name, junk])));
  expect(seen).toMatchObject({
    uptimeSeconds: 0,
    generations: [],
    mounts: [],
    listening: [],
    units: [],
    sshd: [],
    systemState: "unknown",
    loggedIn: [],
  });
});

test("a host of Debian trixie in the shape of NixOS, as it was recorded", () => {
  const file = join(import.meta.dirname, "../fixtures/hosts/trixie.json");
  const found = readObservation(JSON.parse(readFileSync(file, "utf8")) as RemoteRecord[]);
  if (!found.ok) throw new Error(found.problem);
  const seen = found.value;
  expect(seen).toMatchObject({
    identity: { name: "alpha", machineId: "0f".repeat(16) },
    generation: 4,
    switchLock: "free",
    systemState: "degraded",
    failedUnits: ["broken.service"],
    swaps: [],
    loggedIn: [],
    ledgerState: "absent",
    kernel: { release: "6.12.99" },
  });
  expect(seen.generations.map((generation) => generation.number)).toEqual([4, 3, 2, 1]);
  expect(seen.units.length).toBeGreaterThan(50);
  expect(seen.units.filter((unit) => unit.activeState === "failed").map((unit) => [unit.unit, unit.result, unit.execMainStatus])).toEqual([
    ["broken.service", "exit-code", 3],
  ]);
  expect(seen.units.find((unit) => unit.unit === "kept.service")?.runs).toEqual([
    "/nix/store/5s07kx78r8izq8kky040spsp5kd883ir-kept-2.0/bin/kept",
  ]);
  expect(seen.mounts.map((mount) => mount.target)).toContain("/srv/with space");
  expect(seen.mounts).toHaveLength(41);
});

test("a record that comes twice counts as it came first", () => {
  const twice = readObservation([...records(), { name: "hostname", value: "other\n" }]);
  expect(twice.ok && twice.value.identity.name).toBe("web");
});

test("a mount table that was cut ends with its last whole line", () => {
  const whole = "22 1 253:1 / / rw shared:1 - ext4 /dev/vda1 rw";
  expect(read({ mounts: `${whole}\n23 22 253:2 / /srv rw,nosuid shared:2 - ex` }).mounts.map((mount) => mount.target)).toEqual(["/"]);
});

test("a scheduled shutdown, and the warning of one that is not meant", () => {
  expect(read({ shutdown: "USEC=1795539600000000\nWARN_WALL=1\nMODE=reboot\n" }).scheduledShutdown).toEqual(new Date(1_795_539_600_000));
  expect(read({ shutdown: "USEC=1795539600000000\nMODE=dry-reboot\n" }).scheduledShutdown).toBe(undefined);
});

test("room on the file system that kernels go to", () => {
  const space = { "space-boot": "4096 100 50 0 0", "space-boot-efi": "512 100 25 0 0", "space-store": "4096 1000 10 99 7" };
  const table = (target: string): string => `22 1 253:1 / ${target} rw - vfat /dev/vda1 rw`;
  expect(read({ ...space, mounts: table("/boot") }).space.boot).toEqual({
    mountPoint: "/boot",
    sizeBytes: 409_600,
    freeBytes: 204_800,
    freeInodes: undefined,
  });
  expect(read({ ...space, mounts: table("/boot/efi") }).space.boot).toMatchObject({ mountPoint: "/boot/efi", freeBytes: 12_800 });
  expect(read({ ...space, mounts: table("/") }).space.boot).toMatchObject({ mountPoint: "/boot" });
  expect(read(space).space.store).toMatchObject({ freeInodes: 7 });
});

test("times of systemctl, with and without --timestamp=unix", () => {
  const since = (written: string) =>
    readRunningUnits(`Id=a.service\nActiveState=active\nActiveEnterTimestamp=${written}`, "", "")[0]?.activeSince;
  expect(since("@1795500000")).toEqual(new Date(1_795_500_000_000));
  expect(since("Sun 2026-11-22 22:53:39 UTC")).toEqual(new Date("2026-11-22T22:53:39Z"));
  expect([since(""), since("n/a"), since("Sun 2026-11-22 22:53:39 CET"), since("Sun 2026-99-22 22:53:39 UTC")]).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

test("units of deploy tools that are at work", () => {
  const units = [
    "nixos-deploy-gate-activation.service active exited",
    "nixos-deploy-gate-switch.service active running",
    "nixos-deploy-gate-listener.service active running",
    "nixos-deploy-gate-failed@nginx.service.service active running",
    "nixos-deploy-gate-timer-reboots.service activating start",
    "nixos-rebuild-switch-to-configuration.service active running",
    "clan-switch-web-1a2b3c4d.service activating start",
    "clan-vault.service active running",
    "comin.service active running",
    "nixos-upgrade.service inactive dead",
    "nixos-cli-activation-supervisor.service deactivating stop",
  ].map((line) => line.split(" "));
  const shown = units.map(([id, active, sub]) => `Id=${id}\nActiveState=${active}\nSubState=${sub}`).join("\n\n");
  expect(runningActivations(readRunningUnits(shown, "", ""))).toEqual([
    "nixos-deploy-gate-switch.service",
    "nixos-rebuild-switch-to-configuration.service",
    "clan-switch-web-1a2b3c4d.service",
    "nixos-cli-activation-supervisor.service",
  ]);
});

test("only what can be a kernel setting is asked for", () => {
  expect(pathOfKey("net.ipv4.conf.eth0/1.forwarding")).toBe("net/ipv4/conf/eth0.1/forwarding");
  for (const key of ["../x", "net..ipv4", "/etc/passwd", "a.", "net.ipv4.*", "", "a\nb", "net.//.//.x"])
    expect([key, pathOfKey(key)]).toEqual([key, undefined]);
});
