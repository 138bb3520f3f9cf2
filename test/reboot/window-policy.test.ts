import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { GateError } from "../../src/failure.ts";
import { parsePolicy } from "../../src/policy.ts";
import { rebootPolicyOf } from "../../src/reboot/window-policy.ts";
import { nextOpening } from "../../src/reboot/window.ts";
import { instantText, nextText, pendingText, windowsText } from "../../src/reboot/window-text.ts";
import { night, policyOf } from "./sample.ts";

const window = { days: ["sun"], from: "02:00", to: "04:00", zone: "Europe/Berlin" };

function refusal(reboot: unknown): string {
  try {
    parsePolicy({ hosts: { web1: { reboot } } });
  } catch (error) {
    if (error instanceof GateError) return error.failure.message;
    throw error;
  }
  return "";
}

describe("what cannot be meant is refused, by its key and with what would be right", () => {
  test.each<[object, string]>([
    [
      { windows: [{ ...window, zone: "Europe/Berln" }] },
      'reboot.windows.0.zone: it is not the name of a time zone, like "Europe/Berlin" or "UTC"',
    ],
    [{ windows: [{ ...window, zone: "+02:00" }] }, "reboot.windows.0.zone: it is not the name of a time zone"],
    [{ windows: [{ ...window, from: "2:00" }] }, 'reboot.windows.0.from: it is not a time of day like "02:00"'],
    [{ windows: [{ ...window, from: "24:00" }] }, 'reboot.windows.0.from: it is not a time of day like "02:00"'],
    [{ windows: [{ ...window, to: "02:00" }] }, 'reboot.windows.0.to: it is the same as "from"'],
    [{ windows: [{ ...window, days: ["Sunday"] }] }, 'reboot.windows.0.days.0: Invalid option: expected one of "mon"|"tue"'],
    [{ windows: [{ ...window, days: [] }] }, "reboot.windows.0.days: "],
    [{ windows: [] }, "reboot.windows: "],
    [{ windows: "always" }, 'reboot.windows: it is neither "never" nor "any" nor a list of windows'],
    [{ blackout: ["24.12.2026"] }, 'reboot.blackout.0: it is not a date like "2026-12-24"'],
    [{ blackout: ["2027-02-29"] }, "reboot.blackout.0: "],
    [{ blackout: [{ from: "2026-12-24", to: "2026-12-01" }] }, "reboot.blackout.0"],
    [{ trigger: "timer", drain: ["a"], undrain: ["b"] }, 'reboot.trigger: "timer" cannot be used with drain or undrain'],
    [{ drain: ["a"] }, 'reboot.undrain: there is a "drain" and nothing that takes it back'],
    [{ window: [] }, "reboot"],
  ])("%j", (reboot, message) => {
    expect(refusal(reboot)).toContain(`The policy is not usable: deployGate.hosts.web1.${message}`);
  });
});

test("a host's own stands in place of its group's, and without either a person reboots it", () => {
  const policy = parsePolicy({
    hosts: { a: { group: "g" }, b: { group: "g", reboot: { attended: true } }, c: {}, d: { group: "nowhere" } },
    groups: { g: { reboot: { windows: [window] } } },
  });
  expect(rebootPolicyOf(policy, "a")).toMatchObject({ windows: [window], attended: false });
  expect(rebootPolicyOf(policy, "b")).toMatchObject({ windows: "never", attended: true });
  for (const host of ["c", "d", "unheard-of", "__proto__"]) expect(rebootPolicyOf(policy, host).windows).toBe("never");
});

describe("words", () => {
  test.each<[object, string]>([
    [{ windows: [window] }, "Sun 02:00–04:00 Europe/Berlin"],
    [{ windows: [{ ...window, days: undefined }] }, "daily 02:00–04:00 Europe/Berlin"],
    [{ windows: [{ ...window, days: ["fri", "mon", "tue", "wed", "thu"] }] }, "Mon–Fri 02:00–04:00 Europe/Berlin"],
    [
      { windows: [window, { days: ["sat", "mon"], from: "22:00", to: "24:00", zone: "Europe/Berlin" }] },
      "Sun 02:00–04:00 or Mon, Sat 22:00–24:00 Europe/Berlin",
    ],
    [{ windows: [window, { ...window, zone: "UTC" }] }, "Sun 02:00–04:00 Europe/Berlin or Sun 02:00–04:00 UTC"],
    [{ windows: "any", blackout: ["2026-12-24"] }, "any time, but on one blackout"],
    [{ windows: "never" }, "never by itself"],
  ])("%j", (policy, text) => {
    expect(windowsText(policyOf(policy))).toBe(text);
  });

  test("the next opening, as people say it", () => {
    const next = (policy: object, now: Date): string => {
      const made = policyOf(policy);
      const opening = nextOpening(made, now);
      return opening === undefined ? "" : nextText(made, opening, now);
    };
    expect(next({}, new Date("2026-11-26T01:30:00Z"))).toBe("in 3 days (Sun 29 Nov 02:00 CET)");
    expect(next({}, new Date("2026-11-28T18:00:00Z"))).toBe("in 7 hours (Sun 29 Nov 02:00 CET)");
    expect(next({}, new Date("2026-11-29T00:20:00Z"))).toBe("in 40 min (Sun 29 Nov 02:00 CET)");
    expect(next({}, night)).toBe("now, until Sun 29 Nov 04:00 CET");
    expect(next({ windows: "any" }, night)).toBe("now");
    expect(next({ windows: [{ ...window, zone: "America/New_York" }] }, night)).toBe("in 6 hours (Sun 29 Nov 02:00 EST)");
    expect(next({ windows: [{ ...window, zone: "Asia/Kathmandu" }] }, night)).toBe("in 7 days (Sun 6 Dec 02:00 GMT+5:45)");
    expect(instantText(new Date("2027-09-05T00:00:00Z"), "Europe/Berlin", night)).toBe("Sun 5 Sep 2027 02:00 CEST");
  });

  test("how long it is pending", () => {
    expect(pendingText({ hours: 9 * 24, missed: 1 })).toBe("Its reboot is pending for 9 days, and one window went by.");
    expect(pendingText({ hours: 0.5, missed: 0 })).toBe("Its reboot is pending for 30 min.");
    expect(pendingText({ hours: undefined, missed: 0 })).toBe("Its reboot is pending; since when is not known.");
  });
});

describe("the example policies are ones", () => {
  const folder = resolve(import.meta.dirname, "../../examples/policies");
  const read = (file: string): unknown =>
    JSON.parse(
      execFileSync("nix-instantiate", ["--eval", "--strict", "--json", "--store", "dummy://", join(folder, file)], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      }),
    );
  const files = readdirSync(folder).sort();
  test("there are five", () =>
    expect(files).toEqual(["consul-servers.nix", "encrypted-disk.nix", "laptops.nix", "single-server.nix", "stewardship.nix"]));
  test.each(files)("%s", (file) => {
    const policy = parsePolicy(read(file));
    expect(Object.values(policy.hosts).every(({ deploy }) => deploy)).toBe(true);
    const reboots = Object.keys(policy.hosts).map((host) => rebootPolicyOf(policy, host));
    expect(reboots.some(({ windows }) => windows !== "never")).toBe(true);
    for (const { group } of Object.values(policy.hosts)) if (group !== undefined) expect(policy.groups[group]).toBeDefined();
  });
});
