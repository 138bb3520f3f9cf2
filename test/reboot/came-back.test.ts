import { expect, test } from "vitest";
import type { HostName } from "../../src/discover/host.ts";
import { failure } from "../../src/failure.ts";
import { rebootAttempts } from "../../src/reboot/attempts.ts";
import { rebootDuration } from "../../src/reboot/duration.ts";
import { rebootOutcome, type Known } from "../../src/reboot/reboot-outcome.ts";
import { resume } from "../../src/reboot/resume.ts";
import type { Step } from "../../src/reboot/state.ts";
import { step } from "../../src/reboot/state-machine.ts";
import type { LedgerEntry } from "../../src/target/ledger.ts";
import { observed, policyOf, system } from "./sample.ts";

/** A host whose reboot was ordered and that was not seen again by the run that ordered it: only its ledger tells, once it is back. */
const host = "web1" as HostName;
const now = new Date("2026-11-29T12:00:00Z");
const begun = new Date("2026-11-29T02:00:00Z");
const policy = policyOf({ returnSeconds: 1_200, expectedSeconds: 300, marginSeconds: 0 });
const attempt = { id: "reboot-0123456789abcdef0123456789abcdef-1", host, operation: "reboot", from: {}, to: system("b") } as const;
const started: LedgerEntry = { v: 1, event: "started", at: begun.getTime() / 1000, bootId: "boot-before", attempt, failedUnits: [] };

/** Somebody pressed the button three hours later. */
const found = (booted: string): ReturnType<typeof observed> =>
  observed({ at: now, bootId: "boot-after", booted, profile: system("b"), current: booted, uptimeSeconds: 7 * 3_600 });
function takenUp(booted: string): Step {
  const first = resume(found(booted), [started], { policy, group: "web", release: () => undefined, now });
  if (first === undefined) throw new Error("nothing was taken up");
  return first.state.kind === "verifying" ? step(first.state, { event: "verified", problems: [] }) : first;
}
const noted = ({ effects }: Step): LedgerEntry[] => effects.flatMap((one) => (one.effect === "note" ? [one.entry] : []));
const known = (more: Partial<Known>): Known => ({
  host,
  policy,
  state: undefined,
  due: undefined,
  wait: undefined,
  silence: undefined,
  observation: undefined,
  notes: [],
  dryRun: false,
  now,
  ...more,
});

test("back by itself with the new system: verified, said with when it was begun, and written down", () => {
  const ended = takenUp(system("b"));
  expect(ended.state.kind).toBe("released");
  const [entry] = noted(ended);
  expect(entry).toMatchObject({ event: "rebooted", ok: true, id: attempt.id });
  const { outcome } = rebootOutcome(known({ state: ended.state, observation: found(system("b")) }));
  expect(outcome.outcome).toBe("rebooted");
  expect(outcome.reasons[0]).toMatch(
    /^An earlier run began its reboot .* and did not see its end\. It came back after 3 hours, longer than the .*20 min.* that its policy waits, with what it was to boot, and is verified\.$/,
  );
  const ledger = [started, ...noted(ended)];
  expect(rebootAttempts(ledger).at(-1)?.end).toMatchObject({ kind: "rebooted", ok: true });
  // Three hours for want of a finger on a button are no measure of how long its reboots take.
  expect(rebootDuration(policy, ledger)).toMatchObject({ seconds: 300, measured: 0 });
});

test("back by itself with the old system: failed, said with when it was begun, written down, and its group stopped", () => {
  const ended = takenUp(system("a"));
  expect(ended.state).toMatchObject({ kind: "failed", why: "other-generation" });
  expect(noted(ended)).toMatchObject([{ event: "rebooted", ok: false, id: attempt.id }]);
  expect(ended.effects.map(({ effect }) => effect)).toEqual(["note", "stop-group", "escalate"]);
  const { outcome } = rebootOutcome(known({ state: ended.state, observation: found(system("a")) }));
  expect(outcome.outcome).toBe("reboot-failed");
  expect(outcome.reasons[0]).toMatch(/^An earlier run began its reboot .* and did not see its end\. It came back with .*a-nixos-system/);
  // The run after that finds the end in the ledger and begins nothing.
  expect(resume(found(system("a")), [started, ...noted(ended)], { policy, group: "web", release: () => undefined, now })).toBeUndefined();
});

test("what was last seen of a host that is gone is not told as what it runs", () => {
  const job = { ...takenUp(system("b")).state.job };
  const state = { kind: "failed", job, why: "never-came-back", sentence: "It does not answer any more." } as const;
  expect(rebootOutcome(known({ state, observation: found(system("a")) })).outcome.now).toBeUndefined();
});

test("a host that may be off is no failure where it does not answer, and is one where something else answers", () => {
  const at = "root@192.0.2.1";
  const asleep = failure("target-unreachable", { host, at, next: "" });
  const other = failure("target-host-key-changed", { host, at, next: "" });
  const laptop = policyOf({ mayBeOffline: true });
  expect(rebootOutcome(known({ silence: asleep })).outcome.outcome).toBe("unreachable");
  const { outcome } = rebootOutcome(known({ policy: laptop, silence: asleep }));
  expect(outcome.outcome).toBe("offline");
  expect(outcome.reasons.join(" ")).toContain("only it can tell");
  expect(rebootOutcome(known({ policy: laptop, silence: other })).outcome.outcome).toBe("unreachable");
});
