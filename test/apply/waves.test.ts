import { describe, expect, test } from "vitest";
import { groupsOf, mayLeave, memberHealth } from "../../src/apply/group-health.ts";
import { orderOfHosts } from "../../src/apply/order-of-hosts.ts";
import { outcomeKinds } from "../../src/apply/outcome.ts";
import { beginWaves, ended, isOver, next, notReached, seen, stop, type HostEnd, type Waves } from "../../src/apply/waves.ts";
import type { HostName } from "../../src/discover/host.ts";
import { parsePolicy, type Policy } from "../../src/policy.ts";
import { Random } from "../diff/random.ts";
import { check, host, observation } from "./sample-host.ts";

const well: HostEnd = { outcome: "deployed", touched: true, healthy: true };
const bad: HostEnd = { outcome: "failed", touched: true, healthy: false };
const dead: HostEnd = { outcome: "unreachable", touched: false, healthy: false };

function waves(
  policy: Policy,
  names: readonly string[],
  over: { parallel?: number; stopAfterFailures?: number; away?: string[]; runner?: string } = {},
): Waves {
  const places = orderOfHosts({
    hosts: names.map(host),
    policy,
    runnerBootId: "here",
    bootIds: new Map(over.runner === undefined ? [] : [[host(over.runner), "here"]]),
  });
  return beginWaves(places, { parallel: over.parallel ?? 10, stopAfterFailures: over.stopAfterFailures ?? 1 }, (over.away ?? []).map(host));
}
/** Each wave that starts once all of the one before have ended well. */
function steps(state: Waves, end: (name: HostName) => HostEnd = () => well): { started: string[][]; state: Waves } {
  const started: string[][] = [];
  for (;;) {
    const { waves: now, start } = next(state);
    state = now;
    if (start.length === 0) return { started, state };
    started.push([...start]);
    for (const one of start) state = ended(state, one, end(one));
  }
}
const fleet = (hosts: Record<string, object>, groups: Record<string, object> = {}): Policy => parsePolicy({ hosts, groups });

describe("order", () => {
  test("canaries, then groups by number, then what carries the forge, then the runner", () => {
    const policy = fleet(
      {
        a: {},
        db: { group: "db" },
        web: { group: "web" },
        c: { canary: true, group: "web" },
        git: { carries: ["forge"] },
        ci: { carries: ["runner"] },
        both: { canary: true, carries: ["forge"] },
      },
      { db: { order: 1 }, web: { order: 200 } },
    );
    expect(steps(waves(policy, ["ci", "a", "git", "web", "db", "c", "both"])).started).toEqual([
      ["c"],
      ["db"],
      ["a"],
      ["web"],
      ["git"],
      ["both"],
      ["ci"],
    ]);
  });
  test("the host that the gate runs on is last, whatever policy says of it", () => {
    expect(steps(waves(fleet({ a: {}, b: { canary: true } }), ["b", "a"], { runner: "b" })).started).toEqual([["a"], ["b"]]);
  });
  test("no more than may go side by side", () => {
    expect(steps(waves(fleet({}), ["a", "b", "c", "d", "e"], { parallel: 2 })).started).toEqual([["a", "b"], ["c", "d"], ["e"]]);
  });
  test("a host named twice goes once, and names that are methods of objects are hosts like others", () => {
    expect(steps(waves(fleet({}), ["constructor", "toString", "constructor"])).started).toEqual([["constructor", "toString"]]);
  });
});

describe("groups", () => {
  const three = { a: { group: "g" }, b: { group: "g" }, c: { group: "g" } };
  test("one at a time where nothing is said", () => {
    expect(steps(waves(fleet(three), ["a", "b", "c"])).started).toEqual([["a"], ["b"], ["c"]]);
  });
  test.each([
    [{ maxUnavailable: 2 }, [["a", "b"], ["c"]]],
    [{ maxUnavailable: "67%" }, [["a", "b"], ["c"]]],
    [{ maxUnavailable: "66%" }, [["a"], ["b"], ["c"]]],
    [{ maxUnavailable: "1%" }, [["a"], ["b"], ["c"]]],
    [{ maxUnavailable: 3, quorum: true }, [["a"], ["b"], ["c"]]],
  ])("%j", (group, started) => {
    expect(steps(waves(fleet(three, { g: group }), ["a", "b", "c"])).started).toEqual(started);
  });
  test("a majority is one of all members, those that are not deployed and those that were down before included", () => {
    const { started, state } = steps(waves(fleet(three, { g: { maxUnavailable: 3, quorum: true } }), ["a", "b"], { away: ["c"] }));
    expect(started).toEqual([]);
    expect(notReached(state)).toEqual([
      { host: "a", reason: "Without a only 1 of 3 of the group g would be left, which is no majority: c is away." },
      { host: "b", reason: "Without b only 1 of 3 of the group g would be left, which is no majority: c is away." },
    ]);
  });
  test("two consensus members cannot spare one", () => {
    const { state } = steps(waves(fleet({ a: { group: "g" }, b: { group: "g" } }, { g: { quorum: true } }), ["a", "b"]));
    expect(notReached(state)[0]?.reason).toMatch(/a quorum of 2 can spare nobody/);
  });
  test("a member that did not come back blocks its group and nobody else", () => {
    const policy = fleet({ ...three, x: {}, y: {} });
    const { started, state } = steps(waves(policy, ["a", "b", "x", "y"], { parallel: 1, stopAfterFailures: 9 }), (name) =>
      name === "a" ? bad : well,
    );
    expect(started.flat()).toEqual(["a", "x", "y"]);
    expect(notReached(state).map((one) => one.host)).toEqual(["b"]);
  });
  test("one that recovers makes room while somebody still runs", () => {
    const policy = fleet({ ...three, x: {} });
    let { waves: state, start } = next(waves(policy, ["a", "b", "x"], { stopAfterFailures: 9 }));
    expect(start).toEqual(["a", "x"]);
    ({ waves: state, start } = next(ended(state, host("a"), bad)));
    expect(start).toEqual([]);
    ({ start } = next(seen(state, host("a"), true)));
    expect(start).toEqual(["b"]);
  });
  test("the sick one itself may be mended", () => {
    expect(steps(waves(fleet(three), ["a", "b"], { away: ["a"] })).started).toEqual([["a"], ["b"]]);
  });
});

describe("stop rules", () => {
  test("a canary that is not well stops everybody", () => {
    for (const end of [bad, dead, { ...well, outcome: "held" }, { ...well, healthy: false }] as HostEnd[]) {
      const { started, state } = steps(waves(fleet({ c: { canary: true } }), ["c", "a", "b"], { stopAfterFailures: 100 }), () => end);
      expect(started).toEqual([["c"]]);
      expect(notReached(state).map((one) => one.host)).toEqual(["a", "b"]);
      expect(state.stopped).toMatch(/^The canary c /);
    }
  });
  test("so many failures stop the rest; those that run go on to their end", () => {
    let { waves: state } = next(waves(fleet({}), ["a", "b", "c", "d"], { parallel: 2, stopAfterFailures: 1 }));
    state = next(ended(state, host("a"), bad)).waves;
    expect(isOver(state)).toBe(false);
    state = next(ended(state, host("b"), well)).waves;
    expect(isOver(state)).toBe(true);
    expect(notReached(state).map((one) => one.reason)).toEqual(
      Array(2).fill("a failed (failed), and the policy stops at the first failure."),
    );
  });
  test("one of ten hosts that was dead before stops nobody", () => {
    const names = Array.from({ length: 10 }, (_, index) => `h${index}`);
    expect(steps(waves(fleet({}), names, { parallel: 1 }), (name) => (name === "h3" ? dead : well)).started.flat()).toHaveLength(10);
  });
  test("a run that is cancelled starts nobody else", () => {
    const { waves: state, start } = next(stop(waves(fleet({}), ["a", "b"]), "The run was cancelled."));
    expect([start, notReached(state).length]).toEqual([[], 2]);
  });
  test("no host ends twice, or without having begun", () => {
    const { waves: state } = next(waves(fleet({}), ["a"]));
    expect(() => ended(state, host("b"), well)).toThrow(/has not been started/);
    expect(() => ended(ended(state, host("a"), well), host("a"), well)).toThrow(/has not been started/);
  });
});

/** What a canary may end as for others to follow. */
const proven = new Set([
  "unchanged",
  "deployed",
  "staged",
  "deployed-reboot-pending",
  "deployed-with-misses",
  "would-deploy",
  "would-stage",
]);

/** A fleet, and who fails in it, from a seed. */
function randomFleet(random: Random): {
  policy: Policy;
  names: string[];
  limits: { parallel: number; stopAfterFailures: number };
  away: HostName[];
  runner: string | undefined;
} {
  const groups: Record<string, object> = {};
  const groupCount = random.below(5);
  for (let index = 0; index < groupCount; index++)
    groups[`g${index}`] = {
      maxUnavailable: random.pick([1, 2, 5, "10%", "50%", "100%"]),
      quorum: random.below(4) === 0,
      order: random.pick([1, 100, 100, 300]),
    };
  const hosts: Record<string, object> = {};
  const size = 1 + random.below(24);
  for (let index = 0; index < size; index++) {
    const group = random.pick([...Object.keys(groups), "unspoken", undefined]);
    hosts[`h${index}`] = {
      ...(group === undefined ? {} : { group }),
      canary: random.below(15) === 0,
      carries: random.below(10) === 0 ? [random.pick(["runner", "forge"])] : [],
    };
  }
  const all = Object.keys(hosts);
  const names = all.filter(() => random.below(4) > 0);
  const away = all.filter(() => random.below(25) === 0).map(host);
  return {
    policy: fleet(hosts, groups),
    names,
    limits: { parallel: 1 + random.below(6), stopAfterFailures: 1 + random.below(4) },
    away,
    runner: random.below(3) === 0 ? random.pick(all) : undefined,
  };
}

test("random fleets: no group below its limit or majority, nobody twice, everybody reached or told why, canaries first, carriers last", () => {
  const random = new Random(11);
  let begun = 0;
  let left = 0;
  for (let round = 0; round < 1_500; round++) {
    const { policy, names, limits, away: down, runner } = randomFleet(random);
    const bootIds = new Map(runner === undefined ? [] : [[host(runner), "here"] as const]);
    const places = orderOfHosts({ hosts: names.map(host), policy, runnerBootId: "here", bootIds });
    const canary = new Set(places.filter((place) => place.canary).map((place) => place.host));
    const carrier = new Set(places.filter((place) => place.carries).map((place) => place.host));
    const groups = groupsOf(policy);
    let state = beginWaves(places, limits, down);
    // A ledger of our own: what the planner believes is not asked.
    const sick = new Set(down);
    const running = new Set<HostName>();
    const over = new Map<HostName, HostEnd>();
    const startedAll: HostName[] = [];
    for (let guard = 0; ; guard++) {
      expect(guard).toBeLessThan(500);
      const step = next(state);
      state = step.waves;
      for (const one of step.start) {
        expect(startedAll).not.toContain(one);
        startedAll.push(one);
        running.add(one);
        if (!canary.has(one))
          for (const first of canary) {
            const end = over.get(first);
            expect(end?.healthy === true && proven.has(end.outcome), `${one} follows ${first}, ${JSON.stringify(end)}`).toBe(true);
          }
        if (carrier.has(one)) {
          expect(running.size).toBe(1);
          for (const name of names)
            if (!carrier.has(host(name))) expect(over.has(host(name)) || notReached(state).some((other) => other.host === name)).toBe(true);
        }
        const group = [...groups.values()].find((each) => each.members.includes(one));
        if (group !== undefined) {
          const gone = group.members.filter((member) => sick.has(member) || running.has(member)).length;
          expect(gone).toBeLessThanOrEqual(group.maxUnavailable);
          if (group.quorum) expect((group.members.length - gone) * 2).toBeGreaterThan(group.members.length);
        }
      }
      expect(running.size).toBeLessThanOrEqual(limits.parallel);
      if (running.size === 0) break;
      const one = random.pick([...running]);
      const end: HostEnd =
        random.below(10) === 0
          ? { outcome: random.pick(outcomeKinds), touched: random.below(2) === 0, healthy: random.below(2) === 0 }
          : well;
      running.delete(one);
      over.set(one, end);
      if (end.healthy) sick.delete(one);
      else sick.add(one);
      state = ended(state, one, end);
      if (random.below(5) === 0 && sick.size > 0) {
        const better = random.pick([...sick]);
        sick.delete(better);
        state = seen(state, better, true);
      }
    }
    expect(isOver(state)).toBe(true);
    const unreached = notReached(state);
    expect([...startedAll, ...unreached.map((each) => each.host)].toSorted()).toEqual(names.toSorted());
    for (const each of unreached) expect(each.reason).toMatch(/^\S.+\.$/);
    begun += startedAll.length;
    left += unreached.length;
  }
  // The fleets were such that both happened often.
  expect(Math.min(begun, left)).toBeGreaterThan(2_000);
});

test("a thousand hosts are planned without waiting for the planner", () => {
  const names = Array.from({ length: 1_000 }, (_, index) => `h${index}`);
  const hosts = Object.fromEntries(names.map((name, index) => [name, { group: `g${index % 40}` }]));
  const { started, state } = steps(waves(fleet(hosts), names));
  expect(started.flat()).toHaveLength(1_000);
  expect(isOver(state)).toBe(true);
});

describe("health of a member", () => {
  const look = { systemState: "running", scheduledShutdown: undefined, activations: [] };
  test.each([
    [undefined, false],
    [{ kind: "silent", trouble: "unreachable", detail: "" }, false],
    [{ kind: "observed", observation: look, checks: [] }, true],
    [{ kind: "observed", observation: { ...look, systemState: "degraded" }, checks: [check("web")] }, true],
    [{ kind: "observed", observation: { ...look, systemState: "" }, checks: [] }, false],
    [{ kind: "observed", observation: { ...look, systemState: "maintenance" }, checks: [] }, false],
    [{ kind: "observed", observation: { ...look, scheduledShutdown: observation().at }, checks: [] }, false],
    [{ kind: "observed", observation: { ...look, activations: ["x.service"] }, checks: [] }, false],
    [{ kind: "observed", observation: look, checks: [check("web"), check("db", "inconclusive")] }, false],
    [{ kind: "observed", observation: look, checks: [check("web", "failed")] }, false],
  ] as const)("%j", (seenNow, healthy) => {
    expect(memberHealth(seenNow)).toMatchObject({ healthy, sentence: expect.stringMatching(/\.$/) });
  });
  test("who may leave is said in words", () => {
    const group = groupsOf(fleet({ a: { group: "g" }, b: { group: "g" } })).get("g")!;
    expect(mayLeave(group, new Set(), host("a"))).toEqual({ allowed: true, sentence: "The group g can spare a: nobody else is away." });
    expect(mayLeave(group, new Set([host("b")]), host("a"))).toEqual({
      allowed: false,
      sentence: "The group g may miss 1 of 2 at once, and b is away.",
    });
  });
});
