import { expect, test } from "vitest";
import type { Group } from "../../src/apply/group-health.ts";
import type { HostName } from "../../src/discover/host.ts";
import { RebootPolicy } from "../../src/reboot/window-policy.ts";
import { Random } from "../diff/random.ts";
import { system } from "./sample.ts";
import { deploy, Fleet, machine, Run, type Machine } from "./simulation.ts";

const hour = 3_600_000;
const day = 24 * hour;
const start = Date.parse("2026-01-05T00:00:00Z");

const zones = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Santiago"];

/** 20 groups of 15: consensus clusters, web farms by shares, laptops with timers, one that is attended, one that is never rebooted. */
function machines(): Machine[] {
  return Array.from({ length: 20 }, (_, n) => {
    const members = Array.from({ length: 15 }, (_, i) => `g${n}-${i}` as HostName);
    const kind = ["quorum", "quorum", "share", "timer", "quorum-drained"][n % 5];
    const quorum = kind === "quorum" || kind === "quorum-drained";
    const group: Group = { name: `g${n}`, members, quorum, maxUnavailable: kind === "quorum" ? 20 : kind === "share" ? 4 : 2, order: n };
    const zone = zones[n % zones.length];
    const sleepy = {
      windows:
        n === 8
          ? "any"
          : [
              { from: "22:00", to: "05:00", zone },
              { days: ["sun"], from: "12:00", to: "15:00", zone },
            ],
    };
    const weekly = {
      windows: [{ days: ["sat", "sun"], from: "01:30", to: "05:00", zone }],
      blackout: ["2026-12-26", { from: "2026-08-01", to: "2026-08-14" }],
    };
    const policy = RebootPolicy.parse({
      ...(kind === "timer" ? { ...sleepy, trigger: "timer" } : weekly),
      ...(kind === "quorum-drained" ? { drain: ["drain"], undrain: ["undrain"] } : {}),
      ...(n === 12 ? { attended: true } : {}),
      ...(n === 17 ? { windows: "never" } : {}),
    });
    return members.map((host) => machine(host, group, policy, start));
  }).flat();
}

test("a year of 300 hosts in 20 groups: no majority is lost, no plan reboots twice, everybody is done or told of, and never outside of a window", () => {
  const random = new Random(2026);
  const fleet = new Fleet(machines(), start, random, { slow: 20, dead: 5, old: 15, unit: 15, lost: 10 });
  const all = [...fleet.machines.values()];
  // Deploys: a group at a time, some eight times a year.
  for (const { members } of fleet.groups.values())
    for (let at = random.below(20) * day; at < 355 * day; at += (30 + random.below(30)) * day) {
      const to = system("bcdfghijklmnpqrsvwxyz"[random.below(21)] ?? "b");
      for (const host of members)
        fleet.in(at / 1000 + random.below(3600), () => {
          const target = fleet.machines.get(host) as Machine;
          if (target.up && !fleet.isOpen(target)) deploy(fleet, target, to);
        });
    }
  // Outages that nobody ordered, and the people who repair what we told them of.
  for (let n = 0; n < 500; n += 1)
    fleet.in(random.below(355 * 86_400), () => {
      const target = random.pick(all);
      if (!target.up || fleet.isOpen(target)) return;
      target.up = false;
      fleet.in(600 + random.below(20_000), () => (target.up ||= target.repairAt === undefined));
    });
  for (let at = 6 * hour; at < 365 * day; at += 6 * hour)
    fleet.in(at / 1000, () => {
      for (const target of all)
        if (target.repairAt !== undefined && target.repairAt <= fleet.now) {
          target.repairAt = undefined;
          target.up = target.well = true;
          target.drained = false;
          target.failedUnits = [];
          target.booted = target.profile;
          target.bootId += "+";
          target.bootedAt = fleet.now;
        }
    });
  // Runs every two hours: some lost, some late, some twice at once, some killed, some with a clock that is wrong.
  for (let at = 0; at < 364 * day; at += 2 * hour) {
    if (random.below(100) < 5) continue;
    const times = random.below(100) < 15 ? 2 : 1;
    for (let n = 0; n < times; n += 1)
      fleet.in((at + n * random.below(8_000)) / 1000 + (random.below(100) < 10 ? random.below(3_000) : 0), () => {
        const skew = random.below(100) < 3 ? (random.below(48) - 24) * hour : (random.below(121) - 60) * 1000;
        const run = new Run(fleet, skew, undefined, n === 0 ? undefined : (host) => host.endsWith("3") || host.endsWith("8"));
        fleet.count("runs");
        if (random.below(100) < 6) fleet.in(random.below(600), () => run.kill());
        run.begin();
      });
  }
  fleet.until(start + 363 * day);
  // The last runs hold together, so that everybody is heard.
  fleet.until(start + 365 * day);
  expect(fleet.faults).toEqual([]);
  const counts = Object.fromEntries(fleet.counts);
  // All of it happened, or the year has shown nothing.
  for (const what of [
    "released",
    "dead",
    "slow",
    "old generation",
    "failed unit",
    "failed: other-generation",
    "failed: unhealthy",
    "failed: never-came-back",
    "resumed verifying",
    "resumed rebooting",
    "resumed undraining",
    "resumed armed",
    "postponed: group-busy",
  ])
    expect(counts[what] ?? 0, `${what}: ${JSON.stringify(counts)}`).toBeGreaterThan(0);
  expect(counts["reboots"]).toBeGreaterThan(1000);
  const silent = all.filter((one) => one.booted !== one.profile && (fleet.told.get(one.host)?.at ?? 0) < fleet.now - 2 * day);
  expect(silent.map(({ host }) => host)).toEqual([]);
  // Who is still pending is waiting for a person, a repair, or a window.
  const stuck = all.filter((one) => one.booted !== one.profile && !one.policy.attended && one.policy.windows !== "never");
  expect(stuck.length, JSON.stringify(stuck.map(({ host }) => [host, fleet.told.get(host)]))).toBeLessThan(60);
  const asked = all.filter((one) => one.policy.attended && one.booted !== one.profile).map(({ host }) => fleet.told.get(host)?.why);
  expect(new Set(asked)).toEqual(new Set(["attended"]));
}, 300_000);
