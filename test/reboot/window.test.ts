import { describe, expect, test, vi } from "vitest";
import { nextOpening, openingAt, openingsMissed } from "../../src/reboot/window.ts";
import type { WindowPolicy } from "../../src/reboot/window.ts";
import { RebootPolicy, weekdays } from "../../src/reboot/window-policy.ts";
import { Random } from "../diff/random.ts";
import { changes, isOpen, wallText } from "./wall-clock.ts";

// Thousands of instants, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const from = Date.parse("2024-01-01T00:00:00Z");
const until = Date.parse("2034-01-01T00:00:00Z");
/** Summer time of an hour, of half an hour, at midnight, backwards over Ramadan, at 02:45, south of the equator, and none at all. */
const zones = [
  "Europe/Berlin",
  "America/New_York",
  "Australia/Lord_Howe",
  "America/Santiago",
  "Africa/Casablanca",
  "Pacific/Chatham",
  "Africa/Cairo",
  "Asia/Kathmandu",
];

/** Morocco ended its summer time in 2026, in databases that know of it. */
const leaps: Readonly<Record<string, number>> = { "Asia/Kathmandu": 0, "Africa/Casablanca": 6 };

const two = (n: number): string => String(n).padStart(2, "0");
const policy = (value: object): WindowPolicy => RebootPolicy.parse(value);
const berlin = (...windows: object[]): WindowPolicy => policy({ windows: windows.map((window) => ({ ...window, zone: "Europe/Berlin" })) });
const utc = (text: string): Date => new Date(`${text}:00Z`);
const spanText = (opening: ReturnType<typeof openingAt>): string | undefined =>
  opening && `${opening.opens.toISOString().slice(0, 16)} ${opening.closes?.toISOString().slice(0, 16)}`;

/** One that likes the hours in which clocks jump. */
function anyPolicy(zone: string, random: Random): WindowPolicy {
  const time = (): string =>
    random.below(3) === 0 ? `${two(random.below(24))}:${two(random.below(60))}` : `0${random.below(4)}:${two(random.below(4) * 15)}`;
  const windows = Array.from({ length: 1 + random.below(3) }, () => {
    const begins = time();
    const ends = random.below(8) === 0 ? "24:00" : time();
    const days = weekdays.filter(() => random.below(2) === 0);
    return { from: begins, to: ends === begins ? "24:00" : ends, zone, ...(days.length > 0 ? { days } : {}) };
  });
  const blackout = Array.from({ length: random.below(3) }, () => new Date(from + random.below(3650) * day).toISOString().slice(0, 10));
  return policy({ windows, blackout });
}

describe("against the clock on the wall, over ten years", () => {
  test.each(zones)("%s", (zone) => {
    const random = new Random(zone.length * 7919);
    const jumps = changes(zone, from, until);
    expect(jumps.length).toBeGreaterThanOrEqual(leaps[zone] ?? 18);
    const starts = [
      ...jumps.map((at) => at - 14 * hour),
      Date.parse("2028-02-28T12:00:00Z"),
      ...Array.from({ length: 6 }, () => from + random.below(3650) * day),
    ];
    let opened = 0;
    for (const start of starts) {
      const rules = anyPolicy(zone, random);
      const open = Array.from({ length: 28 * 60 + 1 }, (_, i) => isOpen(rules, start + i * minute));
      opened += open.filter(Boolean).length;
      for (let i = 1; i + 1 < open.length; i += 1) {
        // Every minute near an edge or a jump, some of the others.
        if (open[i] === open[i - 1] && open[i] === open[i + 1] && random.below(60) !== 0) continue;
        const at = new Date(start + i * minute);
        const told = openingAt(rules, at);
        const where = `${JSON.stringify(rules.windows)} at ${wallText(at.getTime(), zone)} ${at.toISOString()}`;
        expect(told !== undefined, where).toBe(open[i]);
        const coming = nextOpening(rules, at);
        const opens = open.indexOf(true, i);
        const closes = opens < 0 ? -1 : open.indexOf(false, opens);
        if (opens >= 0) expect(Math.max(coming?.opens.getTime() ?? 0, at.getTime()), where).toBe(start + opens * minute);
        else expect(coming === undefined || coming.opens.getTime() > start + (open.length - 1) * minute, where).toBe(true);
        if (closes >= 0) expect(coming?.closes?.getTime(), where).toBe(start + closes * minute);
      }
    }
    expect(opened).toBeGreaterThan(1000);
  });

  test("a quarter of an hour at a time, everywhere in the ten years", () => {
    const random = new Random(42);
    for (const zone of zones) {
      const rules = anyPolicy(zone, random);
      for (let n = 0; n < 120; n += 1) {
        const at = from + random.below(3650 * 96) * 15 * minute;
        expect(openingAt(rules, new Date(at)) !== undefined, `${JSON.stringify(rules)} ${wallText(at, zone)}`).toBe(isOpen(rules, at));
      }
    }
  });
});

test("in the skipped hour it does not open; one that begins there opens when the clock has jumped", () => {
  // 29 March 2026, 02:00 → 03:00 in Berlin, at 01:00 UTC.
  const inside = berlin({ days: ["sun"], from: "02:10", to: "02:50" });
  expect(spanText(nextOpening(inside, utc("2026-03-28T12:00")))).toBe("2026-04-05T00:10 2026-04-05T00:50");
  const into = berlin({ days: ["sun"], from: "02:30", to: "04:00" });
  expect(spanText(nextOpening(into, utc("2026-03-28T12:00")))).toBe("2026-03-29T01:00 2026-03-29T02:00");
  const over = berlin({ days: ["sun"], from: "01:00", to: "04:00" });
  expect(spanText(openingAt(over, utc("2026-03-29T01:30")))).toBe("2026-03-29T00:00 2026-03-29T02:00");
});

test("in the doubled hour it is open both times", () => {
  // 25 October 2026, 03:00 → 02:00 in Berlin, at 01:00 UTC.
  const inside = berlin({ days: ["sun"], from: "02:15", to: "02:45" });
  expect(spanText(nextOpening(inside, utc("2026-10-24T12:00")))).toBe("2026-10-25T00:15 2026-10-25T00:45");
  expect(spanText(nextOpening(inside, utc("2026-10-25T00:45")))).toBe("2026-10-25T01:15 2026-10-25T01:45");
  const whole = berlin({ days: ["sun"], from: "02:00", to: "03:00" });
  expect(spanText(openingAt(whole, utc("2026-10-25T01:10")))).toBe("2026-10-25T00:00 2026-10-25T02:00");
});

test("one across midnight belongs to the day on which it begins, and those that touch are one", () => {
  const night = berlin({ days: ["sat"], from: "22:00", to: "02:00" }, { days: ["sun"], from: "02:00", to: "05:00" });
  expect(spanText(openingAt(night, utc("2026-11-29T00:30")))).toBe("2026-11-28T21:00 2026-11-29T04:00");
  expect(openingAt(night, utc("2026-11-28T00:30"))).toBeUndefined();
});

test("29 February is a day like any other", () => {
  const leap = berlin({ days: ["tue"], from: "23:00", to: "01:00" });
  expect(spanText(nextOpening(leap, utc("2028-02-28T00:00")))).toBe("2028-02-29T22:00 2028-03-01T00:00");
  expect(spanText(nextOpening({ ...leap, blackout: ["2028-02-29"] }, utc("2028-02-28T00:00")))).toBe("2028-02-29T23:00 2028-03-01T00:00");
});

test("a reboot has to fit in what is left", () => {
  const rules = berlin({ days: ["sun"], from: "02:00", to: "04:00" });
  const late = utc("2026-11-29T02:50");
  expect(spanText(nextOpening(rules, late, 600))).toBe("2026-11-29T01:00 2026-11-29T03:00");
  expect(spanText(nextOpening(rules, late, 601))).toBe("2026-12-06T01:00 2026-12-06T03:00");
  // Only the night of the doubled hour is as long as that.
  expect(spanText(nextOpening(rules, late, 7201))).toBe("2027-10-31T00:00 2027-10-31T03:00");
  expect(nextOpening(rules, late, 10_801)).toBeUndefined();
});

test("never, any time, and any time but on some dates", () => {
  const at = utc("2026-12-23T12:00");
  expect(nextOpening(policy({ windows: "never" }), at)).toBeUndefined();
  expect(nextOpening(policy({ windows: "any" }), at, 1e9)).toEqual({ opens: at, closes: undefined });
  const dark = policy({ windows: "any", blackout: [{ from: "2026-12-24", to: "2027-01-01" }], blackoutZone: "Europe/Berlin" });
  expect(openingAt(dark, at)?.closes?.toISOString()).toBe("2026-12-23T23:00:00.000Z");
  expect(nextOpening(dark, utc("2026-12-25T12:00"))?.opens.toISOString()).toBe("2027-01-01T23:00:00.000Z");
  expect(nextOpening(dark, utc("2026-12-25T12:00"))?.closes).toBeUndefined();
  expect(nextOpening(policy({ windows: "any", blackout: [{ from: "2020-01-01", to: "2099-01-01" }] }), at)).toBeUndefined();
});

test("a window that opens in a year, behind a long blackout, is found", () => {
  const rules = policy({ ...berlin({ days: ["sun"], from: "02:00", to: "04:00" }), blackout: [{ from: "2026-12-01", to: "2027-11-20" }] });
  expect(spanText(nextOpening(rules, utc("2026-12-01T00:00")))).toBe("2027-11-21T01:00 2027-11-21T03:00");
});

test("windows that went by are counted, as far as the reboot would have fitted", () => {
  const rules = berlin({ days: ["sun"], from: "02:00", to: "04:00" });
  const at = utc("2026-11-29T12:00");
  expect(openingsMissed(rules, utc("2026-11-01T12:00"), at)).toBe(4);
  expect(openingsMissed(rules, utc("2026-11-22T02:30"), at, 3600)).toBe(1);
  expect(openingsMissed(rules, at, at)).toBe(0);
  expect(openingsMissed(policy({ windows: "any" }), utc("2026-01-01T00:00"), at)).toBe(0);
});

test("every zone that this machine knows can be reckoned in", () => {
  const at = utc("2026-11-25T12:00");
  for (const zone of Intl.supportedValuesOf("timeZone"))
    expect(nextOpening(policy({ windows: [{ from: "02:00", to: "04:00", zone }] }), at), zone).toBeDefined();
});

test("a date that is not one is in no window", () => {
  expect(openingAt(berlin({ from: "02:00", to: "04:00" }), new Date(Number.NaN))).toBeUndefined();
  expect(nextOpening(policy({ windows: "any" }), new Date(Number.NaN))).toBeUndefined();
});
