import type { KnownLedger } from "../decide/rejection.ts";
import type { Observation } from "../target/observation.ts";
import { rebootAttempts, type RebootAttempt } from "./attempts.ts";
import type { RebootJob, Step } from "./state.ts";
import { giveUp } from "./end-of-reboot.ts";
import { back } from "./state-machine.ts";
import type { RebootPolicy } from "./window-policy.ts";

/** What is known of a host before a run: its policy and the group in whose turn it goes. */
export type RebootContext = {
  readonly policy: RebootPolicy;
  readonly group: string | undefined;
  /** What `uname -r` is to say of that system; undefined where that cannot be told. */
  readonly release: (toplevel: string) => string | undefined;
  /** By the gate's clock. */
  readonly now: Date;
};

/**
 * Takes up what an earlier run began, from the host's own word alone. Undefined: nothing is under way, so the host is due or it is not
 * (rebootDue).
 *
 * The run that began it may still be at it; nothing here does anything that would harm it: while the host has not booted, it is watched
 * until the attempt's time is over.
 */
export function resume(observation: Observation, ledger: KnownLedger, context: RebootContext): Step | undefined {
  if (typeof ledger === "string") return undefined;
  const last = rebootAttempts(ledger).at(-1);
  if (last === undefined || last.end !== undefined) return undefined;
  const { policy, group, now } = context;
  const job: RebootJob = {
    attempt: last.attempt,
    bootId: last.bootId,
    group,
    release: context.release(last.attempt.to),
    policy,
    latest: undefined,
    failedBefore: last.failedBefore,
    begunAt: last.startedAt,
    fireAt: undefined,
  };
  if (observation.bootId !== last.bootId) {
    if (observation.systemState === "starting" && observation.uptimeSeconds < policy.returnSeconds)
      return { state: watching(job, now), effects: [{ effect: "observe", afterSeconds: 5 }] };
    return back(job, observation, tookAbout(observation, last));
  }
  if (last.startedAt > observation.at) return { state: { kind: "armed", job, fireAt: last.startedAt }, effects: [] };
  const drainSeconds = policy.drain === undefined ? 0 : policy.commandSeconds;
  // By the host's clock, which wrote the ledger. Another run may be draining it: its time is left to it.
  const drainLeft = Math.max(0, last.startedAt.getTime() + drainSeconds * 1000 - observation.at.getTime());
  const left = last.startedAt.getTime() + (drainSeconds + policy.returnSeconds) * 1000 - observation.at.getTime();
  if (left >= 0 || observation.systemState === "stopping" || observation.scheduledShutdown !== undefined)
    return { state: watching(job, new Date(now.getTime() + drainLeft)), effects: [{ effect: "observe", afterSeconds: 30 }] };
  return giveUp(job, "order-lost", "An earlier run began its reboot and the order did not arrive.", observation.at, true);
}

/** The time away counts from there: how long the host was away before this run looked cannot be told. */
const watching = (job: RebootJob, since: Date) => ({ kind: "rebooting", job, since, certain: false }) as const;

/**
 * How long it took, where nobody watched: until its kernel began, and two minutes at most of what followed. A run that comes a day later
 * must not make a day of it,
 * or no window would be long enough for the next reboot.
 */
function tookAbout(observation: Observation, last: RebootAttempt): number {
  const booted = observation.at.getTime() / 1000 - observation.uptimeSeconds;
  return Math.max(0, Math.round(booted - last.startedAt.getTime() / 1000 + Math.min(observation.uptimeSeconds, 120)));
}
