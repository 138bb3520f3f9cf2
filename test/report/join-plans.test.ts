import { describe, expect, test } from "vitest";
import { comment } from "../../src/report/comment.ts";
import { joinPlans, type Part } from "../../src/report/join-plans.ts";
import { Plan, planJson } from "../../src/report/plan.ts";
import { toPlan, type Run } from "../../src/report/to-plan.ts";
import { sampleHosts, sampleRun } from "./sample.ts";

/** Plans of several jobs as the plan of one. */
const fleet = sampleHosts.map(({ host }) => host).toSorted();
const run: Run = { ...sampleRun, policy: { ...sampleRun.policy, digest: "d".repeat(32) } };
const whole = toPlan(run);
const part = (name: string, from: number, to: number, more: Partial<Run> = {}): Part => ({
  name,
  plan: toPlan({ ...run, fleet, hosts: sampleHosts.slice(from, to), ...more }),
});
const [a, b, c] = [part("a.json", 0, 3), part("b.json", 3, 4), part("c.json", 4, sampleHosts.length)];
const problem = (...parts: Part[]): string => {
  const joined = joinPlans(parts);
  return joined.ok ? "" : joined.problem;
};
const changed = (one: Part, more: Partial<Plan>): Part => ({ ...one, plan: { ...one.plan, ...more } });

test("jobs for parts of the fleet come to the very report of one job for all of it, in whatever order they are given", () => {
  for (const parts of [
    [a, b, c],
    [c, a, b],
  ]) {
    const joined = joinPlans(parts);
    expect(joined).toEqual({ ok: true, plan: { ...whole, diffs: expect.anything() } });
    if (!joined.ok) continue;
    expect(Object.keys(joined.plan.diffs).toSorted()).toEqual(Object.keys(whole.diffs).toSorted());
    expect(Plan.parse(JSON.parse(planJson(joined.plan)))).toEqual(joined.plan);
    expect(comment(joined.plan, { limit: 60_000, detail: "full", links: {} })).toBe(
      comment(whole, { limit: 60_000, detail: "full", links: {} }),
    );
  }
});

test("the joined run began with the first and ended with the last; sessions are counted together and are silent where one was", () => {
  const asked = { ran: true, note: "", model: "m", costUsd: 0.25, changes: [] };
  const joined = joinPlans([
    part("a", 0, 3, { session: asked, startedAt: new Date("2026-11-22T12:00:10Z"), notes: ["one", "both"] }),
    part("b", 3, 9, { session: { ...asked, costUsd: 0.5 }, startedAt: new Date("2026-11-22T11:59:00Z"), notes: ["both"] }),
    part("c", 9, sampleHosts.length, {
      session: { ran: false, note: "no credential is set" },
      finishedAt: new Date("2026-11-22T12:30:00Z"),
    }),
  ]);
  expect(joined).toMatchObject({
    ok: true,
    plan: {
      startedAt: "2026-11-22T11:59:00.000Z",
      finishedAt: "2026-11-22T12:30:00.000Z",
      notes: ["one", "both"],
      session: { ran: false, note: "no credential is set", costUsd: 0.75 },
    },
  });
});

test("plans of names make a report of names, and are not mixed with others", () => {
  const names: Partial<Run> = { detail: "names", notes: ["secret"] };
  const joined = joinPlans([part("a", 0, 3, names), part("b", 3, sampleHosts.length, names)]);
  expect(joined).toMatchObject({ ok: true, plan: { detail: "names", notes: [] } });
  expect(problem(a, part("b.json", 3, sampleHosts.length, names))).toContain("another detail");
});

describe("refuses", () => {
  test("nothing", () => expect(problem()).toBe("there is none"));
  test("a host twice", () => expect(problem(a, part("b.json", 2, sampleHosts.length))).toMatch(/^\S+ is in a\.json and in b\.json$/));
  test("a host that nobody looked at", () => expect(problem(a, c)).toBe(`none of them looked at ${sampleHosts[3]?.host}`));
  test("a host that is not of the fleet", () => {
    const few = fleet.filter((host) => host !== sampleHosts[3]?.host);
    const parts = [a, b, c].map((one) => changed(one, { fleet: few.map((host) => host) as Plan["fleet"] & object }));
    expect(problem(...parts)).toMatch(/which the flake does not have$/);
  });
  test.each([
    ["repository", { repository: "else/where" }],
    ["flake", { flake: "./other" }],
    ["event", { event: "push" }],
    ["revision", { revision: { ...whole.revision, head: "9".repeat(40) } }],
    ["base", { revision: { ...whole.revision, base: "9".repeat(40) } }],
    ["policy", { policy: { ...whole.policy, digest: "e".repeat(32) } }],
    ["version of the gate", { tool: { version: "0.2.0" } }],
    ["list of hosts", { fleet: [] }],
  ] satisfies [string, Partial<Plan>][])("another %s", (what, more) => {
    expect(problem(a, changed(b, more), c)).toContain(`b.json has another ${what} than a.json (`);
  });
  test("a working tree, a preview, a run that changed hosts", () => {
    expect(problem(changed(a, { revision: {} }), b, c)).toMatch(/^a\.json is of a working tree/);
    expect(problem(a, changed(b, { preview: true }), c)).toBe("b.json was made before anything was built");
    const hosts = c.plan.hosts.map((host) => ({ ...host, outcome: { outcome: "deployed", strategies: [] } })) as unknown as Plan["hosts"];
    expect(problem(a, b, changed(c, { hosts }))).toBe("c.json is of a run that could change hosts; only plans are joined");
  });
  test("a diff that was exchanged", () => {
    const [key] = Object.keys(a.plan.diffs);
    const forged = Object.fromEntries(Object.entries(a.plan.diffs).map(([name, diff]) => [name, { ...diff, etc: [] }]));
    expect(problem(a, changed(b, { diffs: forged }), c)).toBe(`b.json has another diff under the key ${key} than a plan before it`);
  });
});
