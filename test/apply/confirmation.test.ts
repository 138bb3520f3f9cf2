import { describe, expect, test } from "vitest";
import { confirmation, type ConfirmationCase } from "../../src/apply/confirmation.ts";
import type { Observation } from "../../src/target/observation.ts";
import { check, observation, system, unit } from "./sample-host.ts";

const looked = (over: Partial<Observation> = {}): ConfirmationCase["look"] => ({
  kind: "observed",
  observation: observation({ current: system("b"), ...over }),
});
const base: ConfirmationCase = {
  exit: 0,
  scriptFailed: false,
  look: looked(),
  from: system("a"),
  activate: system("b"),
  baseline: { failedUnits: [], restarting: [], checks: [check("web")] },
  checks: [check("web")],
  waitForReboot: [],
  restarted: false,
  reversible: true,
  soakSeconds: 20,
  earlier: observation(),
};
const kind = (over: Partial<ConfirmationCase>): string => confirmation({ ...base, ...over }).kind;
const first = { earlier: undefined } as const;

test("what is well is looked at again after the soak, and then confirmed", () => {
  expect(confirmation({ ...base, ...first })).toMatchObject({ kind: "look-again", afterSeconds: 20 });
  expect(kind({ ...first, soakSeconds: 0 })).toBe("confirm");
  expect(kind({})).toBe("confirm");
});

describe("what is not shown to be well goes back", () => {
  const cases: [string, Partial<ConfirmationCase>][] = [
    ["no new connection", { look: { kind: "silent", trouble: "timed-out", detail: "" } }],
    ["another host key", { look: { kind: "silent", trouble: "host-key-changed", detail: "" } }],
    ["the old system is still active", { look: looked({ current: system("a") }) }],
    ["what is active cannot be told", { look: looked({ current: undefined }) }],
    ["the activation script failed", { exit: 2 }],
    ["and a unit after it, which hides that", { exit: 4, scriptFailed: true }],
    ["the time limit", { exit: undefined }],
    ["an exit code that nobody knows", { exit: 1 }],
    ["it is shutting down", { look: looked({ systemState: "stopping" }) }],
    ["a check fails", { checks: [check("web", "failed")] }],
    ["a check cannot be asked any more", { checks: [check("web", "inconclusive")] }],
    ["a check was not asked again", { checks: [] }],
    ["a new check that was never green", { checks: [check("web"), check("new", "failed")] }],
    ["a unit failed, and its restart was tried", { exit: 4, look: looked({ failedUnits: ["nginx.service"] }), restarted: true, ...first }],
    ["a unit failed during the soak", { look: looked({ failedUnits: ["nginx.service"] }) }],
    [
      "a service starts over and over, between two looks",
      {
        look: looked({ units: [unit("nginx.service", { restarts: 3 })] }),
        earlier: observation({ units: [unit("nginx.service", { restarts: 2 })] }),
      },
    ],
  ];
  test.each(cases)("%s", (_, over) => {
    expect(kind(over)).toBe("return");
  });
  test.each(cases.slice(2))("%s; where it cannot be undone it stays for a person", (_, over) => {
    expect(kind({ ...over, reversible: false })).toBe("stay");
  });
  test("who cannot be reached goes back even from what cannot be undone", () => {
    expect(kind({ ...cases[0]?.[1], reversible: false })).toBe("return");
  });
});

describe("newly failed units", () => {
  test("are restarted first", () => {
    const look = looked({ failedUnits: ["nginx.service", "old.service"] });
    const baseline = { ...base.baseline, failedUnits: ["old.service"] };
    expect(confirmation({ ...base, ...first, exit: 4, look, baseline })).toMatchObject({ kind: "restart", units: ["nginx.service"] });
    expect(kind({ ...first, exit: 4, look, baseline, checks: [check("web", "failed")] })).toBe("restart");
    expect(kind({ ...first, exit: 2, look, baseline })).toBe("return");
  });
  test("one that starts over and over is one of them", () => {
    const look = looked({ units: [unit("nginx.service", { subState: "auto-restart" })] });
    expect(confirmation({ ...base, ...first, exit: 4, look })).toMatchObject({ kind: "restart", units: ["nginx.service"] });
    expect(kind({ look, baseline: { ...base.baseline, restarting: ["nginx.service"] } })).toBe("confirm");
  });
});

describe("what was so before is not blamed on the change", () => {
  test("units, although the exit code is 4", () => {
    const made = confirmation({
      ...base,
      exit: 4,
      look: looked({ failedUnits: ["old.service"] }),
      baseline: { ...base.baseline, failedUnits: ["old.service"] },
    });
    expect(made).toMatchObject({ kind: "confirm", reasons: [expect.any(String), "old.service had failed before and still does."] });
  });
  test("checks", () => {
    const red = [check("web", "failed")];
    expect(kind({ baseline: { ...base.baseline, checks: red }, checks: red })).toBe("confirm");
  });
  test("units that wait for the reboot", () => {
    expect(kind({ exit: 4, look: looked({ failedUnits: ["wg.service"] }), waitForReboot: ["wg.service"] })).toBe("confirm");
  });
});

test("what somebody else switched to meanwhile is left alone", () => {
  expect(kind({ look: looked({ current: system("c") }) })).toBe("leave");
});
