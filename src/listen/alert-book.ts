import { createHash } from "node:crypto";
import type { Alert } from "./alert.ts";

/** An alert that no run has been given yet. */
export type Pending = {
  readonly alert: Alert;
  /** When it was first heard, seconds since 1970. */
  readonly since: number;
  /** How often it was heard since. */
  readonly times: number;
};

/** Of an alert that a run was given: when, and whether it is over. */
export type Told = { readonly at: number; readonly resolved: boolean };

/** All that the listener knows. Plain data: what it does next follows from this, the limits and the clock. */
export type AlertBook = {
  readonly pending: ReadonlyMap<string, Pending>;
  readonly told: ReadonlyMap<string, Told>;
  /** When runs were started, oldest first, for as long as the limits look back. */
  readonly starts: readonly number[];
  /** Of starts that failed since one worked. */
  readonly failures: number;
  /** No start before that; 0 where nothing failed. */
  readonly notBefore: number;
};

export const emptyBook: AlertBook = { pending: new Map(), told: new Map(), starts: [], failures: 0, notBefore: 0 };

export type Limits = {
  /** What belongs together arrives together: waits that long after the first of them. */
  readonly settleSeconds: number;
  /** Between two starts. */
  readonly restSeconds: number;
  readonly perHour: number;
  /** The same trouble, still there after that long, is told again. */
  readonly repeatSeconds: number;
  /** Of pending alerts; beyond it a sender is told to come back. */
  readonly mostPending: number;
};

export const defaultLimits: Limits = { settleSeconds: 20, restSeconds: 300, perHour: 6, repeatSeconds: 4 * 3_600, mostPending: 10_000 };

export type Accepted = {
  readonly book: AlertBook;
  readonly fresh: number;
  /** Pending already, or told not long ago. */
  readonly known: number;
  readonly resolved: number;
  /** Not taken for want of room: the sender has to say them again. */
  readonly refused: number;
  /** Fingerprints whose entry among the pending is another now, to be made durable before the sender is answered. */
  readonly changed: readonly string[];
  /** Whether something that a run was told of is over now, to be made durable as well: a listener that has forgotten it would take the next time for the same trouble. */
  readonly toldChanged: boolean;
};

/** Hears alerts. One that is over before a run was started for it is dropped: nothing is wrong any more. */
export function accept(book: AlertBook, alerts: readonly Alert[], now: number, limits: Limits = defaultLimits): Accepted {
  const pending = new Map(book.pending);
  const told = new Map(book.told);
  const changed = new Set<string>();
  let [fresh, known, resolved, refused] = [0, 0, 0, 0];
  let toldChanged = false;
  for (const alert of alerts) {
    const waiting = pending.get(alert.fingerprint);
    const before = told.get(alert.fingerprint);
    if (alert.status === "resolved") {
      resolved++;
      if (pending.delete(alert.fingerprint)) changed.add(alert.fingerprint);
      if (before !== undefined && !before.resolved) {
        told.set(alert.fingerprint, { ...before, resolved: true });
        toldChanged = true;
      }
    } else if (waiting !== undefined) {
      known++;
      pending.set(alert.fingerprint, { alert, since: waiting.since, times: waiting.times + 1 });
      changed.add(alert.fingerprint);
    } else if (before !== undefined && !before.resolved && now - before.at < limits.repeatSeconds) {
      known++;
    } else if (pending.size >= limits.mostPending) {
      refused++;
    } else {
      fresh++;
      pending.set(alert.fingerprint, { alert, since: now, times: 1 });
      changed.add(alert.fingerprint);
    }
  }
  return { book: { ...book, pending, told }, fresh, known, resolved, refused, changed: [...changed], toldChanged };
}

export type Step =
  | { readonly kind: "idle" }
  | { readonly kind: "wait"; readonly until: number }
  | { readonly kind: "start"; readonly alerts: readonly Pending[] };

/** What to do now: nothing, wait until a time, or start a run for all that is pending, oldest first. */
export function nextStep(book: AlertBook, now: number, limits: Limits = defaultLimits): Step {
  const alerts = [...book.pending.values()].toSorted((a, b) => a.since - b.since || (a.alert.fingerprint < b.alert.fingerprint ? -1 : 1));
  const [first] = alerts;
  if (first === undefined) return { kind: "idle" };
  const lately = book.starts.filter((at) => now - at < 3_600);
  const last = lately.at(-1);
  const until = Math.max(
    first.since + limits.settleSeconds,
    last === undefined ? 0 : last + limits.restSeconds,
    lately.length < limits.perHour ? 0 : (lately[lately.length - limits.perHour] ?? 0) + 3_600,
    book.notBefore,
  );
  // A clock that was set back must not keep an alert waiting for what it was set back by.
  const longest = now + Math.max(3_600, limits.settleSeconds, limits.restSeconds);
  return until <= now ? { kind: "start", alerts } : { kind: "wait", until: Math.min(until, longest) };
}

/** A run was started for those alerts. What was heard again in the meantime stays told: the run looks at the host as it is. */
export function started(book: AlertBook, fingerprints: readonly string[], now: number, limits: Limits = defaultLimits): AlertBook {
  const pending = new Map(book.pending);
  const told = new Map([...book.told].filter(([, { at }]) => now - at < limits.repeatSeconds));
  // What was over in the meantime is pending no more: should it come back, nobody has been told of that.
  for (const fingerprint of fingerprints) told.set(fingerprint, { at: now, resolved: !pending.delete(fingerprint) });
  return { pending, told, starts: [...book.starts.filter((at) => now - at < 3_600), now], failures: 0, notBefore: 0 };
}

/** No run could be started. Everything stays pending; the next try is later each time, five minutes at most, or when the forge said. */
export function failed(book: AlertBook, now: number, afterSeconds?: number): AlertBook {
  const wait = Math.max(Math.min(300, 5 * 2 ** Math.min(book.failures, 10)), Math.min(afterSeconds ?? 0, 3_600));
  return { ...book, failures: book.failures + 1, notBefore: now + wait };
}

/** Names a set of alerts, whatever their order: two starts for the same set are the same incident. 64 bits as hex. */
export function incidentId(fingerprints: readonly string[]): string {
  return createHash("sha256").update(fingerprints.toSorted().join("\n")).digest("hex").slice(0, 16);
}
