import type { Observation } from "../target/observation.ts";
import { clockProblem } from "./due.ts";
import { close, failed, giveUp, noted, undrainOr } from "./end-of-reboot.ts";
import type { Postponed, RebootEffect, RebootEvent, RebootFailure, RebootJob, RebootState, Step } from "./state.ts";
import { openingAt } from "./window.ts";

type Of<K extends RebootEvent["event"]> = Extract<RebootEvent, { event: K }>;

/** Between two looks at a host that is away. */
const lookSeconds = 5;

/**
 * One transition of one reboot: due → preflight → begun → (drained) → ordered → back → verified → (undrained) → released. Total: an event
 * that the state does not wait
 * for changes nothing. What is done in the world is the effects; each of them may be done twice, since a killed run is taken up by
 * resume().
 */
export function step(state: RebootState, event: RebootEvent): Step {
  switch (state.kind) {
    case "due":
      return event.event === "go" ? go(state.job, event) : unmoved(state);
    case "preflight":
      return event.event === "preflighted" ? preflighted(state.job, event) : unmoved(state);
    case "beginning":
      return event.event === "begun" ? begun(state, event) : unmoved(state);
    case "surveying":
      return event.event === "surveyed" ? surveyed(state, event) : unmoved(state);
    case "draining":
      return event.event === "drained" ? drained(state, event) : unmoved(state);
    case "ordering":
      return event.event === "ordered" ? ordered(state, event) : unmoved(state);
    case "rebooting":
      return event.event === "observed" || event.event === "silent" ? looked(state, event) : unmoved(state);
    case "verifying":
      return event.event === "verified" ? verified(state, event) : unmoved(state);
    case "undraining":
      return event.event === "undrained" ? undrained(state, event) : unmoved(state);
    case "armed":
    case "released":
    case "postponed":
    case "failed":
      return unmoved(state);
  }
}

const unmoved = (state: RebootState): Step => ({ state, effects: [] });
const seconds = (at: Date): number => Math.floor(at.getTime() / 1000);

function postponed(job: RebootJob, why: Postponed, sentence: string): Step {
  return { state: { kind: "postponed", job, why, sentence }, effects: [] };
}

function timeProblem(job: RebootJob, now: Date): string | undefined {
  // An armed timer is held against its window by the host, when it fires.
  const at = job.fireAt ?? now;
  if (openingAt(job.policy, at) === undefined) return "Its window is not open.";
  return job.latest !== undefined && at > job.latest ? "It could not end any more before its window does." : undefined;
}

function go(job: RebootJob, { now }: Of<"go">): Step {
  if (job.policy.attended) return postponed(job, "attended", "Somebody has to be there when it boots.");
  const late = timeProblem(job, now);
  if (late !== undefined) return postponed(job, "window", late);
  return { state: { kind: "preflight", job }, effects: [{ effect: "preflight" }] };
}

function preflighted(job: RebootJob, { now, observation, checks, inhibited, leave }: Of<"preflighted">): Step {
  const clock = clockProblem(observation, now);
  if (clock !== undefined) return postponed(job, "clock", clock);
  const late = timeProblem(job, now) ?? timeProblem(job, observation.at);
  if (late !== undefined) return postponed(job, "window", late);
  if (observation.bootId !== job.bootId) return postponed(job, "changed", "It has booted since it was planned.");
  if (observation.profile !== job.attempt.to) return postponed(job, "changed", "It boots something else by now than what was planned.");
  const busy = busyWith(observation);
  if (busy !== undefined) return postponed(job, "busy", busy);
  const { loggedIn } = observation;
  if (job.policy.notWhileLoggedIn && (loggedIn === undefined || loggedIn.length > 0))
    return postponed(
      job,
      "logged-in",
      loggedIn === undefined
        ? "Whether somebody is logged in cannot be told."
        : `Somebody is logged in: ${loggedIn.slice(0, 3).join(", ")}.`,
    );
  const red = checks.find(({ outcome }) => outcome !== "passed");
  if (red !== undefined)
    return postponed(job, "checks", `Its check "${red.name}" is ${red.outcome} already before the reboot: ${red.sentence}`);
  if (!leave.allowed) return postponed(job, "group-busy", leave.sentence);
  const inhibitor = inhibited[0];
  if (inhibitor !== undefined) return postponed(job, "inhibited", inhibitor);

  const { bootId } = observation;
  const failedBefore = observation.failedUnits.slice(0, 64).map((unit) => unit.slice(0, 256));
  const at = seconds(job.fireAt ?? observation.at);
  const entry = { v: 1, event: "started", at, bootId, attempt: job.attempt, failedUnits: failedBefore } as const;
  return { state: { kind: "beginning", job: { ...job, failedBefore } }, effects: [{ effect: "begin", bootId, entry }] };
}

function busyWith(observation: Observation): string | undefined {
  if (observation.scheduledShutdown !== undefined) return "A shutdown is scheduled on it already.";
  if (observation.activations.length > 0) return `An activation runs on it: ${observation.activations.slice(0, 3).join(", ")}.`;
  if (observation.switchLock === "held") return "Somebody switches it right now.";
  if (observation.systemState === "stopping") return "It is going down already.";
  if (observation.systemState !== "running" && observation.systemState !== "degraded")
    return `It has not finished booting, or is not itself: its system is ${observation.systemState || "in an unknown state"}.`;
  return undefined;
}

type Begun = Extract<RebootState, { kind: "beginning" | "surveying" | "draining" | "ordering" }>;

function begun({ job }: Begun, { ok, detail }: Of<"begun">): Step {
  // A line that was written all the same makes the next run give it up.
  if (!ok) return postponed(job, "changed", `The attempt could not be written into its ledger, so nothing was begun: ${detail}`);
  return { state: { kind: "surveying", job }, effects: [{ effect: "survey" }] };
}

function surveyed({ job }: Begun, { now, leave }: Of<"surveyed">): Step {
  if (!leave.allowed) return giveUp(job, "group-busy", `Another run was at its group at the same time: ${leave.sentence}`, now, false);
  const { drain, commandSeconds } = job.policy;
  if (drain !== undefined)
    return { state: { kind: "draining", job }, effects: [{ effect: "drain", command: drain, timeoutSeconds: commandSeconds }] };
  return order(job, now);
}

function drained({ job }: Begun, { now, ok, detail }: Of<"drained">): Step {
  return ok ? order(job, now) : giveUp(job, "drain-failed", `It could not be drained: ${detail}`, now, true);
}

/** The window is looked at again: draining takes the time that it takes. */
function order(job: RebootJob, now: Date): Step {
  const late = timeProblem(job, now);
  if (late !== undefined) return giveUp(job, "window", late, now, true);
  const { latest, fireAt, bootId } = job;
  const effect: RebootEffect = fireAt === undefined ? { effect: "reboot", bootId, latest } : { effect: "arm", bootId, fireAt, latest };
  return { state: { kind: "ordering", job }, effects: [effect] };
}

function ordered({ job }: Begun, { now, result, reason }: Of<"ordered">): Step {
  // Somebody else rebooted it, or it lost power: it comes back all the same, drained perhaps, and is looked at like after an order of ours.
  if (result === "refused" && reason !== "boot-changed") {
    const why = reason.startsWith("boot-entry")
      ? "boot-entry"
      : reason === "window" || reason === "target-changed"
        ? reason
        : "order-refused";
    return giveUp(job, why, `The host refused to reboot: ${reason}.`, now, true);
  }
  if (job.fireAt !== undefined) return { state: { kind: "armed", job, fireAt: job.fireAt }, effects: [] };
  const state = { kind: "rebooting", job, since: now, certain: result === "ordered" } as const;
  return { state, effects: [{ effect: "observe", afterSeconds: lookSeconds }] };
}

function looked(state: Extract<RebootState, { kind: "rebooting" }>, event: Of<"observed"> | Of<"silent">): Step {
  const { job, since, certain } = state;
  const { now } = event;
  const away = (now.getTime() - since.getTime()) / 1000;
  const patient = away <= job.policy.returnSeconds;
  const again: Step = { state, effects: [{ effect: "observe", afterSeconds: lookSeconds }] };
  const minutes = Math.floor(away / 60);
  if (event.event === "silent") {
    if (patient) return again;
    return failed(job, "never-came-back", `It does not answer any more, ${minutes} min after the order to reboot.`, []);
  }
  const { observation } = event;
  if (observation.bootId === job.bootId) {
    if (patient) return again;
    if (!certain && observation.systemState !== "stopping" && observation.scheduledShutdown === undefined)
      return giveUp(job, "order-lost", "The order to reboot did not arrive, or its run was ended before.", now, true);
    return failed(job, "did-not-go-down", `It still runs, ${minutes} min after the order to reboot: its shutdown hangs.`, [
      noted(job, now, away, false),
    ]);
  }
  if (observation.systemState === "starting" && patient) return again;
  return back(job, observation, Math.max(0, Math.round(away)));
}

/** It has booted. What it booted is told by itself; what it is worth by checks. */
export function back(job: RebootJob, observation: Observation, took: number): Step {
  const bad = (why: RebootFailure, sentence: string): Step => failed(job, why, sentence, [noted(job, observation.at, took, false)]);
  if (observation.booted !== job.attempt.to)
    return bad(
      "other-generation",
      `It came back with ${observation.booted ?? "something that cannot be told"}, not with ${job.attempt.to}: it is left as it is.`,
    );
  if (job.release !== undefined && observation.kernel.release !== job.release)
    return bad("other-kernel", `It came back with the kernel ${observation.kernel.release}, not with ${job.release}.`);
  const before = new Set(job.failedBefore);
  const failing = observation.failedUnits.filter((unit) => !before.has(unit));
  if (failing.length > 0)
    return bad(
      "unhealthy",
      `It came back, but ${failing.slice(0, 5).join(", ")} failed${failing.length > 5 ? ` and ${failing.length - 5} more` : ""}.`,
    );
  return { state: { kind: "verifying", job, seconds: took, at: observation.at }, effects: [{ effect: "verify" }] };
}

function verified({ job, seconds: took, at }: Extract<RebootState, { kind: "verifying" }>, { problems }: Of<"verified">): Step {
  const first = problems[0];
  if (first !== undefined) {
    const more = problems.length === 1 ? "" : ` (and ${problems.length - 1} more)`;
    return failed(job, "unhealthy", `It came back, but is not as it should be: ${first}${more}`, [noted(job, at, took, false)]);
  }
  return undrainOr(job, { kind: "released", seconds: took, at }, true);
}

function undrained({ job, closing }: Extract<RebootState, { kind: "undraining" }>, { ok, detail }: Of<"undrained">): Step {
  if (ok) return close(job, closing);
  // Nothing is written: the attempt stays open, and the next run undrains it.
  return failed(job, "undrain-failed", `It is still drained, since its undrain command failed: ${detail}`, []);
}
