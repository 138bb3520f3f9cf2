import type { HostName } from "../../src/discover/host.ts";
import type { LedgerEntry } from "../../src/target/ledger.ts";
import type { Observation } from "../../src/target/observation.ts";
import { RebootPolicy } from "../../src/reboot/window-policy.ts";

/** A host that is well, an hour up, with nothing going on. */

export const system = (letter: string): string => `/nix/store/${letter.repeat(32)}-nixos-system-web-26.05`;
export const [oldSystem, newSystem] = [system("a"), system("b")];
export const [boot1, boot2] = ["11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"];
export const web1 = "web1" as HostName;
/** A Sunday, in the middle of the window of `nightly`. */
export const night = new Date("2026-11-29T01:30:00Z");

export const policyOf = (value: object = {}): RebootPolicy =>
  RebootPolicy.parse({ windows: [{ days: ["sun"], from: "02:00", to: "04:00", zone: "Europe/Berlin" }], ...value });

export function observed(changes: Partial<Observation> = {}): Observation {
  const parts = {
    kernel: undefined,
    initrd: undefined,
    kernelModules: undefined,
    firmware: undefined,
    systemd: undefined,
    kernelParams: undefined,
    initInterfaceVersion: undefined,
    switchInhibitors: undefined,
    rebootTriggers: undefined,
  };
  return {
    identity: { name: "web1", machineId: undefined },
    bootId: boot1,
    at: night,
    uptimeSeconds: 3_600,
    isNixos: true,
    current: newSystem,
    specialisation: undefined,
    profile: newSystem,
    generation: 7,
    booted: oldSystem,
    generations: [],
    switchLock: "free",
    activations: [],
    scheduledShutdown: undefined,
    systemState: "running",
    failedUnits: [],
    space: { store: undefined, boot: undefined, state: undefined },
    kernel: { release: "6.12.44", commandLine: "", modules: [] },
    mounts: [],
    swaps: [],
    listening: [],
    units: [],
    sysctl: new Map(),
    sshd: [],
    loggedIn: [],
    ledger: [],
    systems: { current: parts, profile: parts, booted: parts },
    ...changes,
  } as Observation;
}

/** What a deploy of `to` leaves in the ledger. */
export function deployed(id: string, to: string, at: Date): LedgerEntry[] {
  const when = Math.floor(at.getTime() / 1000);
  return [
    { v: 1, event: "started", at: when - 60, bootId: boot1, attempt: { id, host: web1, operation: "boot", from: {}, to } },
    { v: 1, event: "ended", at: when, id, outcome: "staged", reason: "as planned" },
  ];
}
