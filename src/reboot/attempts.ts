import type { Attempt, LedgerEntry } from "../target/ledger.ts";
import { planOf } from "./reboot-plan.ts";

/** A reboot that a ledger tells of. */
export type RebootAttempt = {
  readonly attempt: Attempt;
  /** By the host's clock; with a timer the instant for which it is set. */
  readonly startedAt: Date;
  /** Of the boot that it was to end. */
  readonly bootId: string;
  /** Units that had failed before it; undefined where the ledger does not say. */
  readonly failedBefore: readonly string[] | undefined;
  readonly end:
    | undefined
    | { readonly kind: "rebooted"; readonly ok: boolean; readonly seconds: number }
    /** Nothing was rebooted. */
    | { readonly kind: "given-up"; readonly reason: string };
};

/** In the order in which they began. An end belongs to the last beginning of its id. */
export function rebootAttempts(entries: readonly LedgerEntry[]): RebootAttempt[] {
  const attempts: RebootAttempt[] = [];
  const places = new Map<string, number>();
  const close = (id: string, end: RebootAttempt["end"]): void => {
    const place = places.get(id);
    const open = place === undefined ? undefined : attempts[place];
    if (place !== undefined && open !== undefined && open.end === undefined) attempts[place] = { ...open, end };
  };
  for (const entry of entries) {
    if (entry.event === "started" && entry.attempt.operation === "reboot") {
      places.set(entry.attempt.id, attempts.length);
      attempts.push({
        attempt: entry.attempt,
        startedAt: new Date(entry.at * 1000),
        bootId: entry.bootId,
        failedBefore: entry.failedUnits,
        end: undefined,
      });
    } else if (entry.event === "rebooted") close(entry.id, { kind: "rebooted", ok: entry.ok, seconds: entry.seconds });
    else if (entry.event === "ended") close(entry.id, { kind: "given-up", reason: entry.reason });
  }
  return attempts;
}

/**
 * Since when the host waits for this system to boot: when an attempt at it first ended with it as the boot default, by the host's clock.
 */
export function pendingSince(entries: readonly LedgerEntry[], to: string): Date | undefined {
  const begun = new Map<string, Attempt>();
  let since: Date | undefined;
  for (const entry of entries) {
    if (entry.event === "started") begun.set(entry.attempt.id, entry.attempt);
    if (entry.event !== "ended" || (entry.outcome !== "staged" && entry.outcome !== "deployed")) continue;
    const attempt = begun.get(entry.id);
    if (attempt === undefined || attempt.operation === "reboot") continue;
    since = attempt.to === to ? (since ?? new Date(entry.at * 1000)) : undefined;
  }
  return since;
}

/** Given up for these reasons it counts for nothing: somebody else was first, or it was not the time. */
const harmless = new Set(["group-busy", "window", "target-changed", "cancelled"]);

/** How often a plan was begun and given up for a reason that will be the same next time. */
export const givenUp = (attempts: readonly RebootAttempt[], plan: string): number =>
  attempts.filter(({ attempt, end }) => planOf(attempt.id) === plan && end?.kind === "given-up" && !harmless.has(end.reason)).length;

/**
 * Whether a host's group stands still because of it: its last reboot did not end as planned, what it boots is still the system of that
 * attempt, and it is not well.
 * A person who repairs it, or a change that gives it another system, ends that.
 */
export function stopsGroup(
  attempts: readonly RebootAttempt[],
  { profile, booted }: { readonly profile: string | undefined; readonly booted: string | undefined },
  healthy: boolean,
): boolean {
  const last = attempts.at(-1);
  if (last?.end?.kind !== "rebooted" || last.end.ok) return false;
  return last.attempt.to === profile && !(booted === profile && healthy);
}
