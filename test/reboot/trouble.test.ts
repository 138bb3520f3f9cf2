import { expect, test } from "vitest";
import { troubleOf } from "../../src/reboot/trouble.ts";
import { LedgerEntry } from "../../src/target/ledger.ts";
import { newSystem, night, oldSystem, web1 } from "./sample.ts";

const hour = 3_600;
const begun = Math.floor(night.getTime() / 1000);
const id = `reboot-${"0".repeat(32)}-1`;
const read = (...entries: object[]): LedgerEntry[] => entries.map((entry) => LedgerEntry.parse({ v: 1, ...entry }));
const failedReboot = read(
  { event: "started", at: begun, bootId: "b", attempt: { id, host: web1, operation: "reboot", from: {}, to: newSystem } },
  { event: "rebooted", at: begun + 60, id, seconds: 60, ok: false },
);
const told = (hours: number, to = newSystem): LedgerEntry[] => read({ event: "told", at: begun + hours * hour, to });
const at = (hours: number): Date => new Date((begun + hours * hour) * 1000);
const held = (hours: number, ...entries: LedgerEntry[]) =>
  troubleOf("reboot-held", undefined, newSystem, [...failedReboot, ...entries], at(hours));

test("a failed reboot is told when it happens, then daily with its age, whatever the schedule", () => {
  expect(troubleOf("reboot-failed", undefined, newSystem, failedReboot, at(0.1))).toEqual({ since: at(0), tell: true, to: newSystem });
  const tells = new Array<number>();
  let ledger = failedReboot;
  for (let hours = 0.1; hours < 24 * 4; hours += 1) {
    const trouble = troubleOf(hours < 1 ? "reboot-failed" : "reboot-held", undefined, newSystem, ledger, at(hours));
    expect(trouble?.since).toEqual(at(0));
    if (trouble?.tell !== true) continue;
    tells.push(Math.round(hours));
    ledger = [...ledger, ...told(hours)];
  }
  expect(tells).toEqual([0, 24, 48, 72]);
});

test("what changes is told at once: another system, or another attempt at this one", () => {
  expect(held(2, ...told(1))?.tell).toBe(false);
  expect(held(2, ...told(1, oldSystem))?.tell).toBe(true);
  const again = read({
    event: "started",
    at: begun + 2 * hour,
    bootId: "c",
    attempt: { id: `reboot-${"1".repeat(32)}-1`, host: web1, operation: "reboot", from: {}, to: newSystem },
  });
  expect(held(2.1, ...told(1), ...again)).toMatchObject({ since: at(2), tell: true });
  // A timer that was given up is no new trouble.
  const given = read({ event: "ended", at: begun + 2 * hour, id: `reboot-${"1".repeat(32)}-1`, outcome: "refused", reason: "window" });
  expect(held(2.1, ...told(1), ...again, ...given)).toMatchObject({ since: at(0), tell: false });
});

test("a clock that was wrong silences nobody for longer", () => {
  expect(held(2, ...told(1_000))?.tell).toBe(true);
});

test("what waits for too long is told once a day; what is well, or waits for its window, is nobody's trouble", () => {
  const pending = (overdue: boolean) => ({ since: at(-400), overdue });
  expect(troubleOf("reboot-pending", pending(true), newSystem, [], at(0))).toEqual({ since: at(-400), tell: true, to: newSystem });
  expect(troubleOf("reboot-pending", pending(true), newSystem, told(-1), at(0))?.tell).toBe(false);
  expect(troubleOf("reboot-pending", pending(false), newSystem, [], at(0))).toBeUndefined();
  expect(troubleOf("unchanged", undefined, newSystem, failedReboot, at(0))).toBeUndefined();
});

test("where there is no ledger nothing is remembered, and nothing may be written", () => {
  for (const ledger of ["none", "unreadable"] as const)
    expect(troubleOf("reboot-held", undefined, newSystem, ledger, at(0))).toEqual({ since: undefined, tell: true, to: undefined });
});
