import { fromEpochMilliseconds, toZonedDateTimeISO } from "temporal-polyfill/fns/Instant";
import { addDays, dayOfWeek, toPlainDateTime, toString as isoDate } from "temporal-polyfill/fns/PlainDate";
import type { Record as PlainDate } from "temporal-polyfill/fns/PlainDate";
import { addMinutes, toZonedDateTime } from "temporal-polyfill/fns/PlainDateTime";
import { getTimeZoneTransition, toPlainDate } from "temporal-polyfill/fns/ZonedDateTime";
import type { Record as ZonedDateTime } from "temporal-polyfill/fns/ZonedDateTime";
import { weekdays } from "./window-policy.ts";
import type { RebootPolicy, Window } from "./window-policy.ts";

/**
 * When a host may be rebooted, as pure functions of an instant.
 *
 * A window is open while the clock on the wall of its zone reads from ≤ time < to, on the days that it names and on no blackout date. So
 * in the skipped hour it is
 * not open, one that begins there opens when the clock has jumped, and in the doubled hour it is open both times. Whoever looks at the
 * clock can tell.
 */

export type WindowPolicy = Pick<RebootPolicy, "windows" | "blackout" | "blackoutZone">;

/** A span in which it is open without a break. `closes` is undefined where that is more than a week ahead: for no reboot it matters. */
export type Opening = { readonly opens: Date; readonly closes: Date | undefined };

const day = 86_400_000;
const week = 7 * day;
/** A year and some: a window that does not open until then is none, blackout dates or not. */
const horizon = 400 * day;
/** No span of one window reaches further from the date on which it begins, whatever its zone does. */
const slack = 3 * day;

/** Half open, in milliseconds since 1970. */
type Span = { readonly start: number; readonly end: number };

/** The span that is open at this instant. Where it has been open for long, `opens` is up to a week earlier and not the true beginning. */
export function openingAt(policy: WindowPolicy, at: Date): Opening | undefined {
  return openings(policy, at, week).find(({ opens }) => opens <= at);
}

/**
 * The next span, the one that is open now included, in which `seconds` are left from the later of its beginning and `at`. Undefined where
 * there is none within 400
 * days: "never", or blacked out, or too short for such a reboot.
 */
export function nextOpening(policy: WindowPolicy, at: Date, seconds = 0): Opening | undefined {
  const fits = ({ opens, closes }: Opening): boolean =>
    closes === undefined || closes.getTime() - Math.max(opens.getTime(), at.getTime()) >= seconds * 1000;
  for (let ahead = 0; ahead < horizon; ahead += week) {
    const found = openings(policy, at, week, ahead).find(fits);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** How many spans have ended in the time from `since` to `at` that were long enough; of the last 400 days at most. */
export function openingsMissed(policy: WindowPolicy, since: Date, at: Date, seconds = 0): number {
  const [now, from] = [at.getTime(), Math.max(since.getTime(), at.getTime() - horizon)];
  if (!(from < now)) return 0;
  return spansBetween(policy, from, now).filter(
    ({ start, end }) => end <= now && end > from && end - Math.max(start, from) >= seconds * 1000,
  ).length;
}

/**
 * The spans that end after `at` and begin no earlier than `ahead` and before `ahead + length` from then; with the one that is open then
 * where `ahead` is 0.
 */
function openings(policy: WindowPolicy, at: Date, length: number, ahead = 0): Opening[] {
  const now = at.getTime();
  if (Number.isNaN(now)) return [];
  if (policy.windows === "any" && policy.blackout.length === 0) return [{ opens: at, closes: undefined }];
  const [from, before] = [now + ahead, now + ahead + length];
  // A week more, since what begins in the range has to be seen to its end.
  const until = before + week;
  return spansBetween(policy, from - week, until)
    .filter(({ start, end }) => end > now && start < before && (ahead === 0 || start >= from))
    .map(({ start, end }) => ({ opens: new Date(start), closes: end >= until ? undefined : new Date(end) }));
}

const wholeDay = { days: [...weekdays], from: "00:00", to: "24:00" };

/** All spans that touch the time between, in order, those that touch each other as one. */
function spansBetween(policy: WindowPolicy, from: number, until: number): Span[] {
  const spans: Span[] = [];
  for (let n = Math.floor(from / week); n <= Math.floor(until / week); n += 1) spans.push(...spansOfWeek(policy, n));
  const merged: Span[] = [];
  for (const span of spans.sort((a, b) => a.start - b.start)) {
    const before = merged.at(-1);
    if (before !== undefined && span.start <= before.end)
      merged[merged.length - 1] = { start: before.start, end: Math.max(before.end, span.end) };
    else merged.push(span);
  }
  return merged.filter(({ start, end }) => start < until && end > from);
}

/**
 * The spans of a policy by weeks since 1970, which never change. A fleet asks for the same ones again and again, and the library takes
 * its time.
 */
const memory = new WeakMap<WindowPolicy, Map<number, readonly Span[]>>();

/** Those that touch that week, whole ones, in no order. */
function spansOfWeek(policy: WindowPolicy, n: number): readonly Span[] {
  let known = memory.get(policy);
  if (known === undefined || known.size > 1_000) memory.set(policy, (known = new Map()));
  let spans = known.get(n);
  if (spans === undefined) {
    const [from, until] = [n * week, (n + 1) * week];
    const windows: readonly Window[] =
      policy.windows === "any" ? [{ ...wholeDay, zone: policy.blackoutZone }] : policy.windows === "never" ? [] : policy.windows;
    spans = windows
      .flatMap((window) => spansOf(window, policy.blackout, from - slack, until + slack))
      .filter(({ start, end }) => start < until && end > from);
    known.set(n, spans);
  }
  return spans;
}

const inZone = (at: number, zone: string): ZonedDateTime => toZonedDateTimeISO(fromEpochMilliseconds(at), zone);
const dateIn = (at: number, zone: string): PlainDate => toPlainDate(inZone(at, zone));
const minutes = (clock: string): number => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3, 5));

/** Instants at which the clock on the wall jumps. */
function changesBetween(zone: string, from: number, until: number): number[] {
  const changes: number[] = [];
  let change = getTimeZoneTransition(inZone(from, zone), "next");
  while (change !== null && change.epochMilliseconds < until) {
    changes.push(change.epochMilliseconds);
    change = getTimeZoneTransition(change, "next");
  }
  return changes;
}

function spansOf(window: Window, blackout: WindowPolicy["blackout"], from: number, until: number): Span[] {
  const changes = changesBetween(window.zone, from - slack, until + slack);
  const spans: Span[] = [];
  const last = isoDate(dateIn(until, window.zone));
  for (let begins = dateIn(from, window.zone); isoDate(begins) <= last; begins = addDays(begins, 1)) {
    if (window.days.includes(weekdays[dayOfWeek(begins) - 1] ?? "mon")) spans.push(...spansOn(window, blackout, changes, begins));
  }
  return spans;
}

/** The spans of a window that begins on that date: one, two where an hour is doubled, none where it is skipped or blacked out. */
function spansOn(window: Window, blackout: WindowPolicy["blackout"], changes: readonly number[], begins: PlainDate): Span[] {
  const [first, length] = [minutes(window.from), minutes(window.to)];
  const across = length <= first;
  const ends = addDays(begins, 1);
  const times = [
    addMinutes(toPlainDateTime(begins), first),
    addMinutes(toPlainDateTime(across ? ends : begins), length),
    ...(across ? [toPlainDateTime(ends)] : []),
  ];
  // Wherever the answer can change: between two of these the clock on the wall runs evenly.
  const edges = times.flatMap((time) => {
    const edge = toZonedDateTime(time, window.zone).epochMilliseconds;
    if (!changes.some((change) => Math.abs(change - edge) < slack)) return [edge];
    return (["earlier", "later"] as const).map(
      (disambiguation) => toZonedDateTime(time, window.zone, { disambiguation }).epochMilliseconds,
    );
  });
  const [least, most] = [Math.min(...edges), Math.max(...edges)];
  const sorted = [...new Set([...edges, ...changes.filter((change) => least < change && change < most)])].sort((a, b) => a - b);
  const [start, after] = [isoDate(begins), isoDate(ends)];
  const isOpen = (at: number): boolean => {
    const wall = inZone(at, window.zone);
    const on = isoDate(toPlainDate(wall));
    if (blackout.some((dates) => (typeof dates === "string" ? dates === on : dates.from <= on && on <= dates.to))) return false;
    const time = wall.hour * 60 + wall.minute;
    return (on === start && time >= first && (across || time < length)) || (across && on === after && time < length);
  };
  return sorted.flatMap((at, index) => {
    const end = sorted[index + 1];
    return end !== undefined && isOpen(at) ? [{ start: at, end }] : [];
  });
}
