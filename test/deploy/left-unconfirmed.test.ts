import { expect, test } from "vitest";
import { leftUnconfirmed } from "../../src/deploy/left-unconfirmed.ts";
import type { HostReport } from "../../src/host-report.ts";
import type { Observation } from "../../src/target/observation.ts";
import { host, observation, system, whole as entries } from "../apply/sample-host.ts";

const report = {
  host: host("web1"),
  state: "unchanged",
  toplevel: system("b"),
  warnings: [],
  decision: { action: "nothing", reasons: ["It runs what is asked for."] },
} as unknown as HostReport;
const whole = (outcome: "left-unconfirmed" | "deployed"): string[] => entries(outcome).map((entry) => JSON.stringify(entry));
const running = (over: Partial<Observation> = {}): Observation =>
  observation({ current: system("b"), profile: system("b"), ledger: whole("left-unconfirmed"), ...over });

test("a second run does not turn green what nobody has confirmed and what fails", () => {
  expect(leftUnconfirmed(report, running({ failedUnits: ["postgresql.service"] }))).toMatchObject({
    outcome: "left-unconfirmed",
    reasons: [expect.stringContaining("nobody has confirmed it"), "Failed on it: postgresql.service."],
    next: "nixos-deploy-gate verify --hosts web1",
  });
});

test("where nothing fails it is unchanged, and the reason is still told", () => {
  expect(leftUnconfirmed(report, running())).toMatchObject({
    outcome: "unchanged",
    reasons: [expect.stringContaining("nobody"), expect.anything()],
  });
});

test("says nothing of a host that was deployed since, boots another system, is not asked, or is to be changed", () => {
  const failedUnits = ["a.service"];
  expect(leftUnconfirmed(report, running({ failedUnits, ledger: [...whole("left-unconfirmed"), ...whole("deployed")] }))).toBeUndefined();
  expect(leftUnconfirmed(report, running({ failedUnits, profile: system("c") }))).toBeUndefined();
  expect(leftUnconfirmed(report, running({ failedUnits, ledgerState: "unreadable", ledger: [] }))).toBeUndefined();
  expect(leftUnconfirmed(report, undefined)).toBeUndefined();
  expect(leftUnconfirmed({ ...report, state: "added" } as HostReport, running({ failedUnits }))).toBeUndefined();
});
