import { expect, test } from "vitest";
import type { Group } from "../../src/apply/group-health.ts";
import type { HostName } from "../../src/discover/host.ts";
import { rebootDue } from "../../src/reboot/due.ts";
import { schedule, type Candidate } from "../../src/reboot/schedule.ts";
import type { RebootState } from "../../src/reboot/state.ts";
import { deployed, newSystem, night, observed, policyOf } from "./sample.ts";

const names = (...all: string[]): HostName[] => all as HostName[];
const group = (changes: Partial<Group> = {}): Group => ({
  name: "db",
  members: names("db1", "db2", "db3"),
  quorum: true,
  maxUnavailable: 1,
  order: 100,
  ...changes,
});
const groups = (...all: Group[]) => new Map(all.map((one) => [one.name, one]));

function candidate(host: string, changes: Partial<Candidate> = {}, pendingDays = 9): Candidate {
  const policy = changes.policy ?? policyOf();
  const ledger = deployed("deploy-1", newSystem, new Date(night.getTime() - pendingDays * 86_400_000));
  const need = { needed: true, reasons: [], release: { running: "", wanted: undefined } };
  const due = rebootDue({ host: host as HostName, observation: observed(), need, ledger, policy, now: night });
  return {
    host: host as HostName,
    group: "db",
    policy,
    due,
    state: undefined,
    healthy: true,
    stopsGroup: false,
    carries: false,
    ...changes,
  };
}
const idle = (host: string, changes: Partial<Candidate> = {}): Candidate =>
  candidate(host, { due: { kind: "nothing", sentence: "" }, ...changes });
const away = { kind: "verifying" } as RebootState;
const said = (plan: ReturnType<typeof schedule>) => ({
  go: plan.go.map(({ host }) => host),
  wait: plan.wait.map(({ host, why }) => `${host} ${why}`),
});

test("one of a quorum goes, who has waited longest; the others when it is verified", () => {
  const all = [candidate("db1"), candidate("db2", {}, 20), candidate("db3")];
  expect(said(schedule(groups(group()), all, night))).toEqual({ go: ["db2"], wait: ["db1 group-busy", "db3 group-busy"] });
  const during = all.map((one) => (one.host === "db2" ? { ...one, state: away } : one));
  expect(said(schedule(groups(group()), during, night)).go).toEqual([]);
  const after = all.map((one) => (one.host === "db2" ? idle("db2", { state: { kind: "released" } as RebootState }) : one));
  expect(said(schedule(groups(group()), after, night)).go).toEqual(["db1"]);
});

test("nobody goes from a quorum in which somebody is ill, or was not looked at", () => {
  expect(
    said(schedule(groups(group({ maxUnavailable: 9 })), [candidate("db1"), idle("db2"), idle("db3", { healthy: false })], night)).go,
  ).toEqual([]);
  const five = group({ members: names("db1", "db2", "db3", "db4", "db5"), maxUnavailable: 9 });
  const rest = ["db2", "db3", "db4"].map((host) => idle(host));
  expect(said(schedule(groups(five), [candidate("db1"), ...rest, idle("db5")], night)).go).toEqual(["db1"]);
  expect(said(schedule(groups(five), [candidate("db1"), ...rest, idle("db5", { healthy: false })], night)).wait).toEqual([
    "db1 group-busy",
  ]);
  expect(said(schedule(groups(five), [candidate("db1"), ...rest], night)).go).toEqual([]);
  expect(said(schedule(groups(group({ maxUnavailable: 9 })), [candidate("db1"), idle("db2")], night)).go).toEqual([]);
  expect(said(schedule(groups(group()), [candidate("db1", { healthy: false }), idle("db2"), idle("db3")], night)).go).toEqual(["db1"]);
});

test("a group stands still where one did not come back as planned", () => {
  const web = group({ name: "web", members: names("w1", "w2", "w3", "w4"), quorum: false, maxUnavailable: 3 });
  const all = ["w1", "w2", "w3"].map((host) => candidate(host, { group: "web" }));
  expect(said(schedule(groups(web), [...all, idle("w4", { group: "web", stopsGroup: true })], night)).go).toEqual([]);
  const failed = { kind: "failed" } as RebootState;
  expect(said(schedule(groups(web), [...all, idle("w4", { group: "web", state: failed })], night)).wait[0]).toBe("w1 group-stopped");
});

test("those that may be away together go one after another, as long as the window lasts", () => {
  const web = group({ name: "web", members: names("w1", "w2", "w3"), quorum: false, maxUnavailable: 3 });
  const all = (staggerSeconds: number) =>
    ["w1", "w2", "w3"].map((host) => candidate(host, { group: "web", policy: policyOf({ staggerSeconds }) }));
  expect(schedule(groups(web), all(60), night).go.map(({ at }) => (at.getTime() - night.getTime()) / 1000)).toEqual([0, 60, 120]);
  expect(said(schedule(groups(web), all(4980), night))).toEqual({ go: ["w1", "w2"], wait: ["w3 no-time"] });
});

test("what carries the runner goes last, groups in their order, and a timer fires a little later", () => {
  const [first, second] = [
    group({ name: "a", members: names("a1"), quorum: false, order: 2 }),
    group({ name: "b", members: names("b1"), quorum: false, order: 1 }),
  ];
  const all = [
    candidate("a1", { group: "a" }),
    candidate("b1", { group: "b", policy: policyOf({ trigger: "timer" }) }),
    candidate("forge", { group: undefined, carries: true }),
  ];
  const plan = schedule(groups(first, second), all, night);
  expect(said(plan)).toEqual({ go: ["b1", "a1"], wait: ["forge others-first"] });
  expect(plan.go[0]).toMatchObject({ trigger: "timer", at: new Date(night.getTime() + 120_000) });
  expect(said(schedule(groups(), [candidate("forge", { group: undefined, carries: true })], night)).go).toEqual(["forge"]);
});
