import type { WindowPolicy } from "../../src/reboot/window.ts";

/**
 * What the clock on the wall says, minute by minute, and nothing else: written from the sentence "open while the clock reads from ≤ time < to, on the days that it names
 * and on no blackout date", without the library that the program asks.
 */

type Wall = {
  readonly date: string;
  readonly weekday: string;
  readonly clock: string;
  readonly before: string;
  readonly weekdayBefore: string;
};

const names = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "short" });
  formats.set(zone, made);
  return made;
}

/** "2026-03-29 03:00" of an instant. */
export const wallText = (at: number, zone: string): string => format(zone).format(at);

function wall(at: number, zone: string): Wall {
  const text = wallText(at, zone);
  const date = text.slice(0, 10);
  // Dates alone have no zone: counting in UTC is safe here.
  const noon = Date.parse(`${date}T12:00:00Z`);
  const dayBefore = new Date(noon - 86_400_000);
  return {
    date,
    clock: text.slice(11, 16),
    weekday: names[new Date(noon).getUTCDay()] ?? "",
    before: dayBefore.toISOString().slice(0, 10),
    weekdayBefore: names[dayBefore.getUTCDay()] ?? "",
  };
}

export function isOpen(policy: WindowPolicy, at: number): boolean {
  const dark = (date: string): boolean =>
    policy.blackout.some((entry) => (typeof entry === "string" ? entry === date : entry.from <= date && date <= entry.to));
  if (policy.windows === "never") return false;
  if (policy.windows === "any") return !dark(wall(at, policy.blackoutZone).date);
  return policy.windows.some((window) => {
    const { date, clock, weekday, weekdayBefore } = wall(at, window.zone);
    if (dark(date)) return false;
    const days: readonly string[] = window.days;
    if (window.from < window.to) return days.includes(weekday) && window.from <= clock && clock < window.to;
    return (days.includes(weekday) && clock >= window.from) || (days.includes(weekdayBefore) && clock < window.to);
  });
}

/** Instants at which the zone's offset changes, to the minute, found by halving. */
export function changes(zone: string, from: number, until: number): number[] {
  const offset = (at: number): number => Date.parse(`${wallText(at, zone).replace(" ", "T")}:00Z`) - Math.floor(at / 60_000) * 60_000;
  const found: number[] = [];
  for (let at = from; at < until; at += 86_400_000) {
    let [low, high] = [at, at + 86_400_000];
    if (offset(low) === offset(high)) continue;
    while (high - low > 60_000) {
      const middle = low + Math.floor((high - low) / 120_000) * 60_000;
      if (offset(middle) === offset(low)) low = middle;
      else high = middle;
    }
    found.push(high);
  }
  return found;
}
