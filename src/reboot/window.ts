import { fromEpochMilliseconds, toZonedDateTimeISO } from "temporal-polyfill/fns/Instant";
import { addDays, create as date, dayOfWeek, toPlainDateTime, toString as isoDate } from "temporal-polyfill/fns/PlainDate";
import type { Record as PlainDate } from "temporal-polyfill/fns/PlainDate";
import { addMinutes, toZonedDateTime } from "temporal-polyfill/fns/PlainDateTime";
import { getTimeZoneTransition, toPlainDate } from "temporal-polyfill/fns/ZonedDateTime";
import type { Record as ZonedDateTime } from "temporal-polyfill/fns/ZonedDateTime";
import { weekdays } from "./window-policy.ts";
import type { RebootPolicy, Window } from "./window-policy.ts";

/**
 * When a host may be rebooted, as pure functions of an instant.
 *
 * A window is open while the clock on the wall of its zone reads from ≤ time < to, on the days that it names and on no blackout date. So in the skipped hour it is
 * not open, one that begins there opens when the clock has jumped, and in the doubled hour it is open both times. Whoever looks at the clock can tell.
 */

export type WindowPolicy = Pick<RebootPolicy, "windows" | "blackout" | "blackoutZone">;

/** A span in which it is open without a break. `closes` is undefined where that is more than a week ahead: for no reboot it matters. */
export type Opening = { readonly opens: Date; readonly closes: Date | undefined };

/** A year and some: a window that does not open until then is none, blackout dates or not. */
const horizonDays = 400;
/** Spans that end later than this after the instant that was asked for count as endless. */
const aheadDays = 8;
const day = 86_400_000;

/** Half open, in milliseconds since 1970. */
type Span = { readonly start: number; readonly end: number };

/** The span that is open at this instant. `opens` may be up to a week earlier than it really was where it is open all the time. */
export function openingAt(policy: WindowPolicy, at: Date): Opening | undefined {
  return firstOpening(policy, at, 0, (opening) => opening.opens <= at, aheadDays);
}

/**
 * The next span, the one that is open now included, in which `seconds` are left from the later of its beginning and `at`. Undefined where there is none within 400
 * days: "never", or blacked out, or too short for such a reboot.
 */
export function nextOpening(policy: WindowPolicy, at: Date, seconds = 0): Opening | undefined {
  return firstOpening(policy, at, seconds, () => true, horizonDays);
}

/** How many spans have ended in the time from `since` to `at` that were long enough; of the last 400 days at most. */
export function openingsMissed(policy: WindowPolicy, since: Date, at: Date, seconds = 0): number {
  const from = Math.max(since.getTime(), at.getTime() - horizonDays * day);
  if (policy.windows === "never" || from >= at.getTime()) return 0;
  return spansBetween(policy, from - 2 * day, at.getTime() + 2 * day).filter(
    ({ start, end }) => end <= at.getTime() && end - Math.max(start, from) >= seconds * 1000 && end > from,
  ).length;
}

function firstOpening(
  policy: WindowPolicy,
  at: Date,
  seconds: number,
  wanted: (opening: Opening) => boolean,
  days: number,
): Opening | undefined {
  const now = at.getTime();
  if (policy.windows === "never" || Number.isNaN(now)) return undefined;
  if (policy.windows === "any" && policy.blackout.length === 0) return { opens: at, closes: undefined };
  // A week at a time: most windows open within one, and a year of them would be worked out for nothing.
  for (let offset = 0; offset < days; offset += aheadDays) {
    const until = now + (offset + 2 * aheadDays) * day;
    for (const { start, end } of spansBetween(policy, now - aheadDays * day + offset * day, until)) {
      if (end <= now || end - Math.max(start, now) < seconds * 1000) continue;
      // Cut off by the end of what was worked out.
      const opening = { opens: new Date(start), closes: end > until - 2 * day ? undefined : new Date(end) };
      if (wanted(opening)) return opening;
      if (start > now) break;
    }
  }
  return undefined;
}

const wholeDay = { days: [...weekdays], from: "00:00", to: "24:00" };

/** All spans that touch the time between, in order, those that touch each other as one. At the edges up to two days are missing. */
function spansBetween(policy: WindowPolicy, from: number, until: number): Span[] {
  const windows: readonly Window[] =
    policy.windows === "any" ? [{ ...wholeDay, zone: policy.blackoutZone }] : policy.windows === "never" ? [] : policy.windows;
  const spans = windows.flatMap((window) => spansOf(window, policy.blackout, from, until)).sort((a, b) => a.start - b.start);
  const merged: Span[] = [];
  for (const span of spans) {
    const last = merged.at(-1);
    if (last !== undefined && span.start <= last.end) merged[merged.length - 1] = { start: last.start, end: Math.max(last.end, span.end) };
    else merged.push(span);
  }
  return merged;
}

const inZone = (at: number, zone: string): ZonedDateTime => toZonedDateTimeISO(fromEpochMilliseconds(at), zone);
const minutes = (clock: string): number => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3, 5));

function spansOf(window: Window, blackout: WindowPolicy["blackout"], from: number, until: number): Span[] {
  const spans: Span[] = [];
  const last = inZone(until, window.zone);
  const lastDate = isoDate(toPlainDate(last));
  for (let begins = toPlainDate(inZone(from, window.zone)); isoDate(begins) <= lastDate; begins = addDays(begins, 1)) {
    if (window.days.includes(weekdays[dayOfWeek(begins) - 1] ?? "mon")) spans.push(...spansOn(window, blackout, begins));
  }
  return spans;
}

/** The spans of a window that begins on that date: one, two where an hour is doubled, none where it is skipped or blacked out. */
function spansOn(window: Window, blackout: WindowPolicy["blackout"], begins: PlainDate): Span[] {
  const [first, length] = [minutes(window.from), minutes(window.to)];
  const across = length <= first;
  const from = addMinutes(toPlainDateTime(begins), first);
  const to = addMinutes(toPlainDateTime(across ? addDays(begins, 1) : begins), length);
  const midnight = toPlainDateTime(addDays(begins, 1));
  // Wherever the answer can change: between two of these the clock on the wall runs evenly.
  const edges = new Set<number>();
  for (const time of [from, midnight, to])
    for (const disambiguation of ["earlier", "later"] as const)
      edges.add(toZonedDateTime(time, window.zone, { disambiguation }).epochMilliseconds);
  const bounds = [...edges];
  const [least, most] = [Math.min(...bounds), Math.max(...bounds)];
  for (
    let change = getTimeZoneTransition(inZone(least, window.zone), "next");
    change !== null && change.epochMilliseconds < most;
    change = getTimeZoneTransition(change, "next")
  )
    edges.add(change.epochMilliseconds);
  const sorted = [...edges].sort((a, b) => a - b);
  const start = isoDate(begins);
  const after = isoDate(addDays(begins, 1));
  const isOpen = (at: number): boolean => {
    const wall = inZone(at, window.zone);
    const on = isoDate(date(wall.year, wall.month, wall.day));
    if (blackout.some((dates) => (typeof dates === "string" ? dates === on : dates.from <= on && on <= dates.to))) return false;
    const time = wall.hour * 60 + wall.minute;
    return (on === start && time >= first && (across || time < length)) || (across && on === after && time < length);
  };
  return sorted.flatMap((at, index) => {
    const end = sorted[index + 1];
    return end !== undefined && isOpen(at) ? [{ start: at, end }] : [];
  });
}
