import { expect, test } from "vitest";
import { judgement } from "../../src/classify/finding.ts";
import type { OutcomeKind } from "../../src/apply/outcome.ts";
import type { Action } from "../../src/decide/decision.ts";
import { parsePolicy } from "../../src/policy.ts";
import { begunEnvironments, endedEnvironment, environments } from "../../src/report/deployments.ts";
import { toPlan } from "../../src/report/to-plan.ts";
import { changed, databaseDiff, sampleRun } from "./sample.ts";
import { outcome } from "./sample-outcomes.ts";

const policy = (
  report: object = {},
  hosts: Readonly<Record<string, string | undefined>> = { web1: "web", web2: "web", db1: "db", desk: undefined },
) =>
  parsePolicy({
    hosts: Object.fromEntries(
      Object.entries(hosts).map(([host, group]) => [host, { deploy: true, ...(group === undefined ? {} : { group }) }]),
    ),
    report,
  });
const host = (name: string, action: Action, became?: OutcomeKind) => ({
  ...changed(name, databaseDiff(name), judgement([]), { action, reasons: ["So it is."] }),
  ...(became === undefined ? {} : { outcome: outcome(became, ["So it is."]) }),
});
const begun = (actions: Readonly<Record<string, Action>>, report: object = {}) =>
  begunEnvironments(
    Object.entries(actions).map(([name, action]) => host(name, action)),
    policy(report),
  ).map(({ environment, status: { state, description } }) => `${environment} ${state}: ${description}`);
const ended = (became: Readonly<Record<string, readonly [Action, OutcomeKind]>>, environment = "nixos/web") => {
  const plan = toPlan({
    ...sampleRun,
    event: "push",
    hosts: Object.entries(became).map(([name, [action, kind]]) => host(name, action, kind)),
  });
  const { state, description } = endedEnvironment(environment, plan, policy());
  return `${state}: ${description}`;
};

test("one environment for each group, one for the rest; or one under a name, or none", () => {
  const hosts = ["web1", "web2", "db1", "desk"];
  expect(Object.fromEntries(environments(hosts, policy()))).toEqual({
    web1: "nixos/web",
    web2: "nixos/web",
    db1: "nixos/db",
    desk: "nixos",
  });
  expect([...new Set(environments(hosts, policy({ deployments: { environment: "machines" } })).values())]).toEqual(["machines"]);
  expect(environments(hosts, policy({ deployments: "off" })).size).toBe(0);
  const groups = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`h${i}`, `g${i}`]));
  expect([...new Set(environments(Object.keys(groups), policy({}, groups)).values())]).toEqual(["nixos"]);
});

test("it begins where something is changed or held, and nowhere else", () => {
  expect(begun({ web1: "deploy", web2: "hold", db1: "hold", desk: "nothing" })).toEqual([
    "nixos/web in_progress: 1 host to be changed",
    "nixos/db queued: 1 host held for a person",
  ]);
  expect(begun({ web1: "nothing", db1: "observe" })).toEqual([]);
  expect(begun({ web1: "deploy" }, { deployments: "off" })).toEqual([]);
});

test("it ends as badly as its worst host", () => {
  expect(ended({ web1: ["deploy", "deployed"], web2: ["hold", "held"], db1: ["deploy", "failed"] })).toBe("queued: 1 held · 1 deployed");
  expect(ended({ web1: ["deploy", "rolled-back"], web2: ["hold", "held"] })).toMatch(/^failure: 1 rolled back/);
  expect(ended({ web1: ["deploy", "deployed"], db1: ["deploy", "failed"] })).toBe("success: 1 deployed");
  expect(ended({ web1: ["deploy", "handed-over"] })).toMatch(/^in_progress: 1 handed over/);
  expect(ended({ web1: ["deploy", "superseded"], web2: ["hold", "superseded"] })).toMatch(/^inactive/);
  expect(ended({ db1: ["deploy", "deployed"] })).toMatch(/^error/);
});
