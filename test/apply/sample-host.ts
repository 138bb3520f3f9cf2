import { HostName } from "../../src/discover/host.ts";
import type { Address } from "../../src/target/address.ts";
import type { CheckResult } from "../../src/target/check-result.ts";
import type { ActivationOutcome, Attempt, LedgerEntry } from "../../src/target/ledger.ts";
import type { Observation, RunningUnit } from "../../src/target/observation.ts";

export const host = (name: string): HostName => HostName.parse(name);
export const system = (letter: string): string => `/nix/store/${letter.repeat(32)}-nixos-system-web1-26.05`;
export const revision = (letter: string): string => letter.repeat(40);
export const digest = (letter: string): string => letter.repeat(32);
export const gibibyte = 1024 ** 3;

export const address: Address = {
  host: host("web1"),
  hostname: "web1.example",
  port: 22,
  user: "root",
  sudo: false,
  jump: [],
  identity: { name: "web1", machineId: "0".repeat(32) },
  hostKeys: [],
};

/** A host that is well: it runs and boots the system `a`. */
export const observation = (over: Partial<Observation> = {}): Observation => ({
  identity: { name: "web1", machineId: "0".repeat(32) },
  bootId: "boot-1",
  at: new Date("2026-03-01T10:00:00Z"),
  uptimeSeconds: 4000,
  isNixos: true,
  current: system("a"),
  specialisation: undefined,
  profile: system("a"),
  generation: 7,
  booted: system("a"),
  generations: [],
  systems: { current: undefined, profile: undefined, booted: undefined },
  switchLock: "free",
  activations: [],
  scheduledShutdown: undefined,
  systemState: "running",
  failedUnits: [],
  space: {
    store: { sizeBytes: 100 * gibibyte, freeBytes: 50 * gibibyte, freeInodes: 5_000_000 },
    boot: { sizeBytes: gibibyte, freeBytes: gibibyte / 2, freeInodes: undefined, mountPoint: "/boot" },
    state: undefined,
  },
  kernel: { release: "6.18.1", commandLine: "", modules: [] },
  mounts: [],
  devices: new Map(),
  swaps: [],
  listening: [],
  units: [],
  sysctl: new Map(),
  sshd: [],
  loggedIn: [],
  ledger: [],
  ledgerState: "read",
  ...over,
});

export const unit = (name: string, over: Partial<RunningUnit> = {}): RunningUnit => ({
  unit: name,
  loadState: "loaded",
  activeState: "active",
  subState: "running",
  result: "success",
  needDaemonReload: false,
  fragmentPath: "",
  mainPid: 1,
  executable: undefined,
  runs: [],
  restarts: 0,
  execMainStatus: 0,
  activeSince: undefined,
  ...over,
});

export const check = (name: string, outcome: CheckResult["outcome"] = "passed"): CheckResult => ({
  key: name,
  name,
  outcome,
  sentence: outcome === "passed" ? "It answers." : "It does not answer.",
  tries: 1,
});

let attempts = 0;
export function attempt(over: Partial<Attempt> = {}): Attempt {
  attempts += 1;
  return {
    id: `attempt-${String(attempts).padStart(4, "0")}`,
    host: host("web1"),
    operation: "switch",
    from: {},
    to: system("b"),
    ...over,
  };
}
export const started = (of: Attempt, bootId = "boot-1"): LedgerEntry => ({
  v: 1,
  event: "started",
  at: 1000 + attempts,
  bootId,
  attempt: of,
});
export const endedAs = (of: Attempt, outcome: ActivationOutcome, reason = "exit-4"): LedgerEntry => ({
  v: 1,
  event: "ended",
  at: 2000 + attempts,
  id: of.id,
  outcome,
  reason,
});
/** Both lines of an attempt that came to an end. */
export const whole = (outcome: ActivationOutcome, over: Partial<Attempt> = {}): LedgerEntry[] => {
  const of = attempt(over);
  return [started(of), endedAs(of, outcome)];
};
