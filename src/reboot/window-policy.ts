import * as z from "zod";

/** What the operator says of reboots of a host or of a group: when, who pulls the trigger, and what has to be so before and after. */

export const weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Weekday = (typeof weekdays)[number];

/**
 * Whether this machine knows the zone. Offsets are no zones: they have no summer time, and which of them are known differs between
 * versions of Node.
 */
export function isZone(name: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+){0,2}$/.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

const Zone = z.string().max(64).refine(isZone, 'it is not the name of a time zone, like "Europe/Berlin" or "UTC"');

const ClockTime = z.string().regex(/^(?:[01][0-9]|2[0-3]):[0-5][0-9]$/, 'it is not a time of day like "02:00"');
/** The end of a day has a name of its own: "00:00" as an end is the same instant, and reads as its beginning. */
const EndTime = z.string().regex(/^(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)$/, 'it is not a time of day like "04:00" or "24:00"');

const CalendarDate = z.iso.date('it is not a date like "2026-12-24"');

export const Window = z
  .strictObject({
    /** The days on which it begins; all where absent. One across midnight belongs to the day on which it begins. */
    days: z
      .array(z.enum(weekdays))
      .min(1)
      .max(7)
      .default([...weekdays]),
    /** By the clock on the wall of the zone. Where `to` is not later than `from`, it ends on the day after. */
    from: ClockTime,
    to: EndTime,
    zone: Zone,
  })
  .refine(({ from, to }) => from !== to, {
    path: ["to"],
    error: 'it is the same as "from": for the whole day write from = "00:00" and to = "24:00"',
  });
export type Window = z.infer<typeof Window>;

const Blackout = z.union(
  [
    CalendarDate,
    z
      .strictObject({ from: CalendarDate, to: CalendarDate })
      .refine(({ from, to }) => from <= to, { path: ["to"], error: 'it is before "from"' }),
  ],
  'it is neither a date like "2026-12-24" nor { from = DATE; to = DATE; }',
);
export type Blackout = z.infer<typeof Blackout>;

/** An argument vector that runs on the host as root. */
const Command = z.array(z.string().min(1).max(4_000)).min(1).max(64);
const Seconds = (least: number, most: number) => z.int().min(least).max(most);

/** A host's own `reboot` takes the place of its group's as a whole; what is not said is as below, never as in the other. */
export const RebootPolicy = z
  .strictObject({
    /** `never`: a person reboots it. `any`: at any time that is not blacked out. */
    windows: z
      .union([z.enum(["never", "any"]), z.array(Window).min(1).max(16)], {
        error: (issue) => (Array.isArray(issue.input) ? undefined : 'it is neither "never" nor "any" nor a list of windows'),
      })
      .default("never"),
    /** Days without reboots, from midnight to midnight of each window's own zone. */
    blackout: z.array(Blackout).max(400).default([]),
    /** The zone of the blackout dates where `windows` is `any`. */
    blackoutZone: Zone.default("UTC"),
    /** Somebody must be there at boot (a disk's passphrase): it is never rebooted by itself, window or not. */
    attended: z.boolean().default(false),
    /** `timer`: a one-shot timer on the host, set by the run before, which also reboots while no run comes. */
    trigger: z.enum(["gate", "timer"]).default("gate"),
    /** Exit code 0, or the host is not rebooted now. */
    inhibit: z.array(Command).max(8).default([]),
    /** Before and after; both may run twice and have to bear it. A host that does not come back as planned stays drained. */
    drain: Command.optional(),
    undrain: Command.optional(),
    /** For each of `inhibit`, `drain` and `undrain`. */
    commandSeconds: Seconds(1, 7_200).default(300),
    notWhileLoggedIn: z.boolean().default(false),
    /** From the order until the host is verified, as long as it was never measured. */
    expectedSeconds: Seconds(10, 14_400).default(300),
    /** What has to be left of the window beyond that. */
    marginSeconds: Seconds(0, 14_400).default(120),
    /** Away for longer than this: it does not come back. */
    returnSeconds: Seconds(60, 14_400).default(1_200),
    /** Between the starts of two hosts of a group that may be away together. */
    staggerSeconds: Seconds(0, 14_400).default(30),
    /** Where systemd-boot allows, the new system is tried once and the old one stays the default until this one is verified. */
    tryOnce: z.boolean().default(true),
    /** `trust`: reboot also where it cannot be told from the boot loader's files what it would boot. */
    bootEntry: z.enum(["verify", "trust"]).default("verify"),
    /** It sleeps or is off at times: a run of reboots that it does not answer is no failure. A deploy that does not reach it still is one. */
    mayBeOffline: z.boolean().default(false),
    /** Pending for longer than this: somebody is told. */
    overdueHours: z.int().min(1).max(8_760).default(336),
  })
  .refine(({ trigger, drain, undrain }) => trigger === "gate" || (drain === undefined && undrain === undefined), {
    path: ["trigger"],
    error: '"timer" cannot be used with drain or undrain: nobody would be there to undo the drain, so it must be "gate"',
  })
  .refine(({ drain, undrain }) => drain === undefined || undrain !== undefined, {
    path: ["undrain"],
    error: 'there is a "drain" and nothing that takes it back',
  });
export type RebootPolicy = z.infer<typeof RebootPolicy>;

/** The policy in force for a host: its own, else its group's, else none of its reboots is the gate's. */
export function rebootPolicyOf(
  policy: {
    readonly hosts: Readonly<Record<string, { readonly group?: string | undefined; readonly reboot?: RebootPolicy | undefined }>>;
    readonly groups: Readonly<Record<string, { readonly reboot?: RebootPolicy | undefined }>>;
  },
  host: string,
): RebootPolicy {
  const own = Object.hasOwn(policy.hosts, host) ? policy.hosts[host] : undefined;
  const group = own?.group !== undefined && Object.hasOwn(policy.groups, own.group) ? policy.groups[own.group] : undefined;
  return own?.reboot ?? group?.reboot ?? RebootPolicy.parse({});
}
