import { describe, expect, test, vi } from "vitest";
import type { Group } from "../../src/apply/group-health.ts";
import type { HostName } from "../../src/discover/host.ts";
import { Random } from "../diff/random.ts";
import { night, policyOf, system } from "./sample.ts";
import { deploy, Fleet, machine, Run, type Machine } from "./simulation.ts";

// Months of simulated time, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const hour = 3_600_000;
/** Three hours before the window of a Sunday opens. */
const start = Date.parse("2026-11-28T22:00:00Z");
const calm = { slow: 0, dead: 0, old: 0, unit: 0, lost: 0 };

function fleetOf(
  hosts: readonly string[],
  {
    policy = {},
    odds = {},
    seed = 1,
    grouped = true,
  }: { policy?: object; odds?: Partial<Fleet["odds"]>; seed?: number; grouped?: boolean } = {},
): Fleet {
  const group: Group = { name: "db", members: hosts as HostName[], quorum: true, maxUnavailable: 1, order: 1 };
  const machines = hosts.map((host) => machine(host, grouped ? group : undefined, policyOf(policy), start));
  const fleet = new Fleet(machines, start, new Random(seed), { ...calm, ...odds });
  for (const target of machines) deploy(fleet, target, system("b"));
  return fleet;
}
const only = (fleet: Fleet): Machine => fleet.machines.values().next().value as Machine;

/** A run at these times, in ten minutes from each other. */
function runs(fleet: Fleet, from: number, until: number, make = () => new Run(fleet, 0)): void {
  for (let at = from; at < until; at += 600_000) fleet.in((at - fleet.now) / 1000, () => make().begin());
}

describe("a gate that is killed after any of its steps, and the runs that follow", () => {
  test.each(["preflight", "begin", "survey", "drain", "reboot", "observe", "verify", "undrain", "settle", "note"])("%s", (effect) => {
    const fleet = fleetOf(["db1"], { policy: { drain: ["d"], undrain: ["u"], commandSeconds: 120 }, grouped: false });
    const run = new Run(fleet, 0, effect);
    fleet.in((night.getTime() - 20 * 60_000 - start) / 1000, () => run.begin());
    fleet.until(night.getTime() - 15 * 60_000);
    expect(run.steps.length).toBeGreaterThan(0);
    runs(fleet, night.getTime() - 14 * 60_000, night.getTime() + 90 * 60_000);
    fleet.until(night.getTime() + 100 * 60_000);
    const host = only(fleet);
    expect(fleet.faults).toEqual([]);
    expect([...fleet.reboots.values()]).toEqual([1]);
    expect(host).toMatchObject({ booted: system("b"), drained: false });
    expect(fleet.isOpen(host)).toBe(false);
  });
});

test("two people and a schedule at the same moment take one of three, whatever the order in which they are heard", () => {
  let together = 0;
  for (let seed = 0; seed < 150; seed += 1) {
    const fleet = fleetOf(["db1", "db2", "db3"], { seed });
    for (const host of ["db1", "db2", "db3"])
      fleet.in((night.getTime() - start) / 1000 + fleet.random.below(12), () =>
        new Run(fleet, 0, undefined, (name) => name === host).begin(),
      );
    fleet.until(night.getTime() + hour);
    expect(fleet.faults, `seed ${seed}`).toEqual([]);
    together += fleet.counts.get("postponed: group-busy") ?? 0;
  }
  expect(together).toBeGreaterThan(50);
});

test("a host that returns with the old system is not rebooted for that plan again, and nobody of its group follows", () => {
  const alone = fleetOf(["web"], { odds: { old: 1000 }, policy: { windows: "any" }, grouped: false });
  runs(alone, start, start + 200 * hour);
  alone.until(start + 201 * hour);
  expect(alone.counts.get("reboots")).toBe(1);
  expect(alone.told.get("web" as HostName)).toMatchObject({ kind: "person", why: "tried" });

  const three = fleetOf(["db1", "db2", "db3"], { odds: { old: 1000 }, policy: { windows: "any" } });
  runs(three, start, start + 24 * hour);
  three.until(start + 25 * hour);
  expect(three.counts.get("reboots")).toBe(1);
  expect([...three.told.values()].map(({ why }) => why).sort()).toEqual(["group-stopped", "group-stopped", "tried"]);
  // Somebody pushes a correction: another system, another plan.
  three.odds.old = 0;
  for (const target of three.machines.values()) deploy(three, target, system("c"));
  runs(three, three.now, three.now + 24 * hour);
  three.until(three.now + 25 * hour);
  expect([...three.machines.values()].map(({ booted }) => booted)).toEqual([system("c"), system("c"), system("c")]);
});

test("a host that returns with a failed unit stops its group until somebody has repaired it", () => {
  const fleet = fleetOf(["db1", "db2", "db3"], { odds: { unit: 1000 }, policy: { windows: "any" } });
  runs(fleet, start, start + 24 * hour);
  fleet.until(start + 25 * hour);
  expect(fleet.counts.get("failed: unhealthy")).toBe(1);
  expect(fleet.counts.get("reboots")).toBe(1);
  fleet.odds.unit = 0;
  for (const target of fleet.machines.values()) {
    target.well = true;
    target.failedUnits = [];
  }
  runs(fleet, fleet.now, fleet.now + 3 * hour);
  fleet.until(fleet.now + 4 * hour);
  expect(fleet.counts.get("reboots")).toBe(3);
  expect(fleet.faults).toEqual([]);
});

test("a host that is slow to return is told of as lost, and taken up when it is back", () => {
  const fleet = fleetOf(["db1", "db2", "db3"], { odds: { slow: 1000 }, policy: { windows: "any" } });
  fleet.in(0, () => new Run(fleet, 0).begin());
  fleet.until(start + 30 * 60_000);
  expect(fleet.counts.get("failed: never-came-back")).toBe(1);
  fleet.odds.slow = 0;
  runs(fleet, fleet.now, fleet.now + 4 * hour);
  fleet.until(start + 6 * hour);
  expect(fleet.faults).toEqual([]);
  expect([...fleet.machines.values()].map(({ booted }) => booted)).toEqual([system("b"), system("b"), system("b")]);
  expect(fleet.counts.get("reboots")).toBe(3);
});

test("a runner with a wrong clock reboots nobody, in the window or out of it", () => {
  for (const skew of [-24 * hour, -hour, -10 * 60_000, 10 * 60_000, 3 * hour, 24 * hour]) {
    const fleet = fleetOf(["db1"], { grouped: false });
    runs(fleet, start, start + 12 * hour, () => new Run(fleet, skew));
    fleet.until(start + 12 * hour);
    expect(fleet.counts.get("reboots"), String(skew)).toBeUndefined();
    expect(fleet.told.get("db1" as HostName)?.why, String(skew)).toBe("clock");
  }
});

test("a timer that is dropped is given up, and another one is set", () => {
  const fleet = fleetOf(["laptop"], { policy: { windows: "any", trigger: "timer" }, grouped: false });
  const host = only(fleet);
  fleet.in(0, () => new Run(fleet, 0).begin());
  // The lid is closed before it fires.
  fleet.in(60, () => (host.up = false));
  fleet.in(3_600, () => (host.up = true));
  runs(fleet, start + 2 * hour, start + 8 * hour);
  fleet.until(start + 9 * hour);
  expect(fleet.counts.get("postponed: order-lost")).toBe(1);
  expect(host.booted).toBe(system("b"));
  expect(fleet.faults).toEqual([]);
});
