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

test("a held host says since when and for what; what the flake has come back to is held no more", () => {
  const since = Math.floor(wednesday.getTime() / 1000) - 3 * 86_400;
  const hold = { v: 1, event: "held", at: since, since, revision: "2".repeat(40), rules: ["kernel-major", "sshd-changed"] };
  const no = { v: 1, event: "rejected", at: since + 3_600, digest: "0".repeat(32), issuedAt: since, by: "ada" };
  const lines = [...ledger, ...[hold, no].map((line) => JSON.stringify(line))];
  const observation = observed({ at: wednesday, current: newSystem, booted: newSystem, profile: newSystem, ledger: lines });
  const of = (wanted: string | undefined) =>
    hostStatus({ host: web1, asked: { ok: true, observation }, policy, store, now: wednesday, wanted, behind: new Map() });
  const [told] = (JSON.parse(statusJson([of(oldSystem)])) as { hosts: object[] }).hosts;
  expect(told).toMatchObject({
    held: { since: new Date(since * 1000).toISOString(), hours: 72, rules: ["kernel-major", "sshd-changed"], revision: "2".repeat(40) },
  });
  const text = statusText([of(undefined)], { unicode: true });
  expect(text).toMatch(/^1 host, 1 held\n/);
  expect(text).toContain("held since 2026-11-29 01:30 UTC (3 days) for kernel-major, sshd-changed, which came with revision 222222222222");
  expect(text).toContain("; rejected by ada 2026-11-29 02:30 UTC");
  expect(statusText([of(newSystem)], { unicode: true })).not.toContain("held");
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
