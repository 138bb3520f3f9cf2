import type { HostName } from "../discover/host.ts";
import type { KnownLedger } from "../decide/rejection.ts";
import type { BriefObservation } from "../target/observation.ts";
import type { RebootNeed } from "../verify/reboot-need.ts";
import { givenUp, pendingSince, rebootAttempts } from "./attempts.ts";
import { rebootDuration, type Duration } from "./duration.ts";
import { planOf, rebootPlan, type RebootPlan } from "./reboot-plan.ts";
import { nextOpening, openingsMissed, type Opening } from "./window.ts";
import type { RebootPolicy } from "./window-policy.ts";
import { hoursText, instantText, nextText, zoneOf } from "./window-text.ts";

/** How long a host waits for its reboot; hours since the new system became its boot default, undefined where the ledger does not say. */
export type Pending = {
  readonly since: Date | undefined;
  readonly hours: number | undefined;
  /** Windows that were long enough and went by in that time. */
  readonly missed: number;
  /** Longer than policy takes for normal: somebody is told. */
  readonly overdue: boolean;
};

/** Why it will not happen by itself. */
export type NeedsPerson =
  | "never"
  | "attended"
  | "clock"
  | "no-window"
  | "window-too-short"
  | "no-ledger"
  | "ledger-unreadable"
  | "unknown-system"
  | "tried"
  | "given-up";

export type Due =
  | { readonly kind: "nothing"; readonly sentence: string }
  /** `latest`: when it has to be ordered at the latest; undefined where there is time enough. */
  | ({ readonly kind: "now"; readonly latest: Date | undefined } & Wanted)
  | ({ readonly kind: "later"; readonly opening: Opening } & Wanted)
  | ({ readonly kind: "person"; readonly why: NeedsPerson } & Omit<Wanted, "plan"> & { readonly plan: RebootPlan | undefined });

type Wanted = {
  readonly plan: RebootPlan;
  readonly duration: Duration;
  readonly pending: Pending;
  readonly sentence: string;
};

export type DueQuestion = {
  readonly host: HostName;
  readonly observation: BriefObservation;
  readonly need: Pick<RebootNeed, "needed" | "reasons" | "release">;
  readonly ledger: KnownLedger;
  readonly policy: RebootPolicy;
  /** By the gate's clock, when the observation was made. */
  readonly now: Date;
};

/** Clocks further apart than this are no grounds to decide on: windows are kept by both. */
export const clockTolerance = 180_000;

export function clockProblem(observation: Pick<BriefObservation, "at">, now: Date): string | undefined {
  const apart = observation.at.getTime() - now.getTime();
  if (Math.abs(apart) <= clockTolerance) return undefined;
  if (Number.isNaN(apart)) return "The host's clock cannot be read.";
  const minute = (at: Date): string => at.toISOString().slice(0, 16);
  const clocks = `${minute(observation.at)} there, ${minute(now)} here, UTC`;
  return `The host's clock and the gate's are ${hoursText(Math.abs(apart) / 3_600_000)} apart (${clocks}), so no window can be kept.`;
}

/** Whether a host waits for a reboot and when that may begin. An attempt that is under way is another matter: resume() comes first. */
export function rebootDue({ host, observation, need, ledger, policy, now }: DueQuestion): Due {
  if (!need.needed) return { kind: "nothing", sentence: "It runs what it boots." };
  const entries = typeof ledger === "string" ? [] : ledger;
  const attempts = rebootAttempts(entries);
  const plan = rebootPlan(host, observation, need.release.wanted, attempts);
  const duration = rebootDuration(policy, entries);
  const wanted = { duration, pending: pendingOf(entries, observation, policy, now, duration) };
  const reasons = need.reasons.length === 0 ? "" : ` (${need.reasons.map(({ part }) => part).join(", ")})`;
  const person = (why: NeedsPerson, sentence: string, made: RebootPlan | undefined): Due => ({
    kind: "person",
    why,
    plan: made,
    ...wanted,
    sentence,
  });
  if ("missing" in plan)
    return person("unknown-system", `A reboot is pending${reasons}, but it cannot be planned. ${plan.missing}`, undefined);
  if (ledger === "unreadable")
    return person(
      "ledger-unreadable",
      "A reboot is pending; whether it was tried before cannot be told, the host's ledger is unreadable.",
      plan,
    );
  if (ledger === "none")
    return person(
      "no-ledger",
      "A reboot is pending; the host has no ledger, so nothing would keep it from being tried again and again.",
      plan,
    );
  const id = planOf(plan.attempt.id);
  const tried = attempts.findLast(
    ({ attempt, bootId, end }) =>
      planOf(attempt.id) === id && end?.kind !== "given-up" && (end !== undefined || bootId !== observation.bootId),
  );
  if (tried !== undefined)
    return person(
      "tried",
      `It was rebooted for this once, ${instantText(tried.startedAt, zoneOf(policy), now)}, and still needs it${reasons}; it is not rebooted for it again.`,
      plan,
    );
  const times = givenUp(attempts, id);
  if (times >= 3) return person("given-up", `A reboot was begun ${times} times and given up; it is not begun again by itself.`, plan);
  if (policy.attended) return person("attended", "Somebody has to be there when it boots, so it is never rebooted by itself.", plan);
  if (policy.windows === "never") return person("never", "Its policy leaves reboots to a person (reboot.windows is never).", plan);
  const clock = clockProblem(observation, now);
  if (clock !== undefined) return person("clock", clock, plan);

  const opening = nextOpening(policy, now, duration.neededWithDrain);
  const sooner = nextOpening(policy, now);
  if (
    opening === undefined ||
    (sooner !== undefined && opening.opens.getTime() - Math.max(sooner.opens.getTime(), now.getTime()) > 30 * 86_400_000)
  ) {
    if (sooner === undefined) return person("no-window", "None of its windows opens within the next 400 days.", plan);
    return person(
      "window-too-short",
      `Its windows are too short: a reboot of it takes ${minutesText(duration.neededWithDrain)} with what is kept in reserve.`,
      plan,
    );
  }
  if (opening.opens > now) return { kind: "later", plan, ...wanted, opening, sentence: `It reboots ${nextText(policy, opening, now)}.` };
  const latest = opening.closes === undefined ? undefined : new Date(opening.closes.getTime() - duration.needed * 1000);
  return { kind: "now", plan, ...wanted, latest, sentence: "Its window is open." };
}

function pendingOf(
  entries: Parameters<typeof pendingSince>[0],
  observation: BriefObservation,
  policy: RebootPolicy,
  now: Date,
  duration: Duration,
): Pending {
  const since = observation.profile === undefined ? undefined : pendingSince(entries, observation.profile);
  if (since === undefined) return { since, hours: undefined, missed: 0, overdue: false };
  const hours = Math.max(0, (now.getTime() - since.getTime()) / 3_600_000);
  return { since, hours, missed: openingsMissed(policy, since, now, duration.neededWithDrain), overdue: hours > policy.overdueHours };
}

const minutesText = (seconds: number): string => `${Math.ceil(seconds / 60)} min`;
