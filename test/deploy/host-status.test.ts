import { expect, test } from "vitest";
import { hostStatus } from "../../src/deploy/host-status.ts";
import { failure } from "../../src/failure.ts";
import type { StoreFiles } from "../../src/io/ports.ts";
import { parsePolicy } from "../../src/policy.ts";
import { statusJson, statusText } from "../../src/report/status-text.ts";
import { newSystem, night, observed, oldSystem, web1 } from "../reboot/sample.ts";

/** The runner holds none of the systems: what the host says is all there is. */
const store = { kind: () => undefined, resolve: () => undefined, read: () => undefined } as unknown as StoreFiles;
const sunday = { days: ["sun"], from: "02:00", to: "04:00", zone: "Europe/Berlin" };
const policy = parsePolicy({ hosts: { web1: { deploy: true, reboot: { windows: [sunday], overdueHours: 100 } } } });
const day = 86_400_000;
/** Staged eight days before a Wednesday: one Sunday went by. */
const wednesday = new Date(night.getTime() + 3 * day);
const at = Math.floor(wednesday.getTime() / 1000) - 8 * 86_400;
const attempt = { id: "boot-0123456789abcdef", host: web1, revision: "1".repeat(40), operation: "boot", from: {}, to: newSystem };
const ledger = [
  { v: 1, event: "started", at: at - 9, bootId: "b", attempt },
  { v: 1, event: "ended", at, id: attempt.id, outcome: "staged", reason: "as-planned" },
].map((line) => JSON.stringify(line));
const asked = {
  ok: true,
  observation: observed({ at: wednesday, current: oldSystem, booted: oldSystem, profile: newSystem, ledger }),
} as const;

test("what runs, what boots, what is pending since when, the next window, and by how much it is behind", () => {
  const status = hostStatus({ host: web1, asked, policy, store, now: wednesday, behind: new Map([["1".repeat(40), 3]]) });
  const [told] = (JSON.parse(statusJson([status])) as { hosts: object[] }).hosts;
  expect(told).toMatchObject({
    host: "web1",
    reachable: true,
    current: oldSystem,
    booted: oldSystem,
    profile: newSystem,
    behindBy: 3,
    reboot: {
      needed: true,
      windows: expect.stringContaining("02:00") as string,
      next: "2026-12-06T01:00:00.000Z",
      pendingSince: new Date(at * 1000).toISOString(),
      pendingHours: 192,
      missedWindows: 1,
      overdue: true,
    },
  });
  const text = statusText([status], { unicode: true });
  expect(text).toContain("behind by 3 commits");
  expect(text).toMatch(/reboot: It reboots .* Its reboot (?:is|has been) pending .*8 days/);
});

test("a host that does not answer says nothing of all that", () => {
  const silent = {
    ok: false,
    trouble: "unreachable",
    failure: failure("target-unreachable", { host: "web1", at: "root@192.0.2.1", next: "" }),
  } as const;
  const status = hostStatus({ host: web1, asked: silent, policy, store, now: night, behind: new Map() });
  expect(JSON.parse(statusJson([status]))).toMatchObject({ schema: 1, hosts: [{ host: "web1", reachable: false }] });
});
