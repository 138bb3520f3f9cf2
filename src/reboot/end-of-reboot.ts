import type { Closing, GivenUp, RebootEffect, RebootFailure, RebootJob, Step } from "./state.ts";

/** What `resume` and every dead end before the reboot come to. */
export function giveUp(job: RebootJob, why: GivenUp, sentence: string, at: Date, maybeDrained: boolean): Step {
  return undrainOr(job, { kind: "given-up", why, sentence, at }, maybeDrained);
}

export function undrainOr(job: RebootJob, closing: Closing, maybeDrained: boolean): Step {
  const { undrain, commandSeconds } = job.policy;
  if (undrain === undefined || !maybeDrained) return close(job, closing);
  return {
    state: { kind: "undraining", job, closing },
    effects: [{ effect: "undrain", command: undrain, timeoutSeconds: commandSeconds }],
  };
}

export function close(job: RebootJob, closing: Closing): Step {
  if (closing.kind === "released")
    return {
      state: { kind: "released", job, seconds: closing.seconds },
      effects: [{ effect: "settle" }, noted(job, closing.at, closing.seconds, true)],
    };
  const { why, sentence, at } = closing;
  return {
    state: { kind: "postponed", job, why, sentence },
    effects: [
      {
        effect: "give-up",
        bootId: job.bootId,
        entry: { v: 1, event: "ended", at: secondsOf(at), id: job.attempt.id, outcome: "refused", reason: why },
      },
    ],
  };
}

export const noted = (job: RebootJob, at: Date, took: number, ok: boolean): RebootEffect => ({
  effect: "note",
  entry: { v: 1, event: "rebooted", at: secondsOf(at), id: job.attempt.id, seconds: Math.max(0, Math.round(took)), ok },
});

export function failed(job: RebootJob, why: RebootFailure, sentence: string, before: readonly RebootEffect[]): Step {
  const stop: RebootEffect[] = job.group === undefined ? [] : [{ effect: "stop-group", group: job.group, sentence }];
  return { state: { kind: "failed", job, why, sentence }, effects: [...before, ...stop, { effect: "escalate", why, sentence }] };
}

const secondsOf = (at: Date): number => Math.floor(at.getTime() / 1000);
