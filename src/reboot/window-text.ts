import type { Pending } from "./due.ts";
import type { Opening, WindowPolicy } from "./window.ts";
import { weekdays, type Window } from "./window-policy.ts";

/** The words for windows, the same wherever people read them. */

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

/** "Mon–Fri", "Sat, Sun", "daily". */
function daysText(days: Window["days"]): string {
  const named = weekdays.filter((day) => days.includes(day));
  if (named.length === 7) return "daily";
  const [first, last] = [named[0], named.at(-1)];
  if (first === undefined || last === undefined) return "";
  const isRun = weekdays.indexOf(last) - weekdays.indexOf(first) === named.length - 1;
  return isRun && named.length > 2 ? `${capital(first)}–${capital(last)}` : named.map(capital).join(", ");
}

/** "Sun 02:00–04:00 Europe/Berlin"; several are joined by "or". Blackout dates follow as a count. */
export function windowsText({ windows, blackout }: Pick<WindowPolicy, "windows" | "blackout">): string {
  const dark = blackout.length === 0 ? "" : `, but on ${blackout.length === 1 ? "one blackout" : `${blackout.length} blackouts`}`;
  if (windows === "never") return "never by itself";
  if (windows === "any") return `any time${dark}`;
  const alone = new Set(windows.map(({ zone }) => zone)).size === 1;
  const texts = windows.map(
    ({ days, from, to, zone }, index) => `${daysText(days)} ${from}–${to}${alone && index < windows.length - 1 ? "" : ` ${zone}`}`,
  );
  return `${texts.join(" or ")}${dark}`;
}

type Formats = { readonly british: Intl.DateTimeFormat; readonly american: Intl.DateTimeFormat };
/** Made once for each zone: making one takes a thousand times as long as using it. */
const formats = new Map<string, Formats>();

function formatsOf(zone: string): Formats {
  let made = formats.get(zone);
  if (made === undefined) {
    const options = {
      timeZone: zone,
      weekday: "short",
      day: "numeric",
      month: "short",
      year: "numeric",
      hour: "2-digit",
      minute: "2-digit",
      timeZoneName: "short",
    } as const;
    made = { british: new Intl.DateTimeFormat("en-GB", options), american: new Intl.DateTimeFormat("en-US", options) };
    formats.set(zone, made);
  }
  return made;
}

/** "Sun 29 Nov 02:00 CET": the year is in it where it is another. Zones without letters of their own say their offset. */
export function instantText(at: Date, zone: string, now: Date): string {
  const { british, american } = formatsOf(zone);
  const parts = new Map(british.formatToParts(at).map(({ type, value }) => [type, value]));
  const part = (name: Intl.DateTimeFormatPartTypes): string => parts.get(name) ?? "";
  const year = Math.abs(at.getTime() - now.getTime()) > 180 * 86_400_000 ? ` ${part("year")}` : "";
  // British English has names for European zones, American English for American ones.
  const named = /^GMT[+-]/.test(part("timeZoneName")) ? american.formatToParts(at) : [];
  const name = named.find(({ type }) => type === "timeZoneName")?.value ?? part("timeZoneName");
  // Month names of four letters are British.
  return `${part("weekday")} ${part("day")} ${part("month").slice(0, 3)}${year} ${part("hour")}:${part("minute")} ${name}`;
}

/** "in 3 days (Sun 29 Nov 02:00 CET)", "now, until Sun 29 Nov 04:00 CET". */
export function nextText(policy: WindowPolicy, { opens, closes }: Opening, now: Date): string {
  const zone = zoneOf(policy);
  if (opens <= now) return closes === undefined ? "now" : `now, until ${instantText(closes, zone, now)}`;
  return `in ${hoursText((opens.getTime() - now.getTime()) / 3_600_000)} (${instantText(opens, zone, now)})`;
}

/** The zone in which a policy's times are said. */
export const zoneOf = ({ windows, blackoutZone }: WindowPolicy): string =>
  typeof windows === "string" ? blackoutZone : (windows[0]?.zone ?? blackoutZone);

/** "40 min", "7 hours", "3 days": as exact as people say it. */
export function hoursText(hours: number): string {
  const minutes = Math.round(hours * 60);
  if (minutes < 60) return `${Math.max(1, minutes)} min`;
  if (hours < 48) return count(Math.round(hours), "hour");
  return count(Math.round(hours / 24), "day");
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;

/** "Its reboot is pending for 9 days, and one window went by." */
export function pendingText({ hours, missed }: Pick<Pending, "hours" | "missed">): string {
  if (hours === undefined) return "Its reboot is pending; since when is not known.";
  const windows = missed === 0 ? "" : missed === 1 ? ", and one window went by" : `, and ${missed} windows went by`;
  return `Its reboot is pending for ${hoursText(hours)}${windows}.`;
}
