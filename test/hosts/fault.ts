import { expect } from "vitest";
import type { PlanHost } from "../../src/report/plan.ts";
import { until } from "./command.ts";
import type { FaultRow } from "./fault-matrix.ts";
import type { HostSpec } from "./fleet.ts";
import type { GateProcess } from "./gate-process.ts";
import type { LabHost } from "./host.ts";
import type { Lane } from "./lane.ts";

/** One fault: what is deployed, what happens meanwhile, and what has to become of it. */
export type Fault = {
  readonly scenario: string;
  /** Of good systems, before and after. */
  readonly extra?: HostSpec;
  readonly change?: HostSpec;
  /** Names of hosts that nobody answers for; the policy says where they would be. */
  readonly strangers?: readonly string[];
  readonly changes?: Readonly<Record<string, HostSpec>>;
  readonly policy?: object | ((lane: Lane) => object);
  readonly words?: (lane: Lane) => readonly string[];
  /** A person approves what the plan holds. */
  readonly approve?: true;
  /** Before the run that is looked at. */
  readonly before?: (lane: Lane) => Promise<void>;
  /** While it runs. */
  readonly during?: (lane: Lane, run: GateProcess, known: readonly string[]) => Promise<void>;
  /** What else has to be so when the run and the host have come to rest. */
  readonly after?: (lane: Lane, run: GateProcess) => Promise<void>;
  /** Ends the fault. The host comes back as the scenario says before this. */
  readonly heal?: (lane: Lane) => Promise<void>;
  /** The first host of the lane, where there are several. */
  readonly expects: {
    readonly outcome: string;
    readonly exit: number;
    readonly runs: "old" | "new" | "other";
    readonly boots: "old" | "new" | "other";
    /** What the log or the reasons say. */
    readonly says?: RegExp;
    /** Of all hosts, in the order of the lane, and of the strangers after them. */
    readonly others?: readonly string[];
  };
  /** The token that approved it is given a second time. */
  readonly replay?: true;
  /** The run after it is of the same commit: nothing has to be corrected. */
  readonly same?: true;
  /** The power went before the attempt came to an end. */
  readonly losesLog?: true;
  readonly next?: string;
};

const outcomeOf = (host: PlanHost): string => host.outcome?.outcome ?? host.state;

/** Goes through a fault from a host that is well to a host that is well, and fails where the gate, its report or the host are not what they should be. */
export async function endure(fault: Fault, lane: Lane): Promise<FaultRow> {
  const { host, hosts } = lane;
  const began = Date.now();
  if (fault.extra !== undefined) {
    lane.extra = fault.extra;
    await lane.commit({}, {});
    expect(await converged(lane, []), "the system before").toEqual(hosts.map(() => "deployed"));
  }
  const old = await host.systems();
  lane.strangers = fault.strangers ?? [];
  await lane.commit(fault.change, typeof fault.policy === "function" ? fault.policy(lane) : fault.policy, fault.changes);
  const tokens = fault.approve === true ? await lane.tokens() : [];
  if (fault.approve === true) expect(tokens.length, "what a person has to approve").toBeGreaterThan(0);
  const known = await lane.attempts();
  await fault.before?.(lane);
  const run = lane.deploy(...(tokens.length === 0 ? [] : ["--approve", tokens.join(",")]), ...(fault.words?.(lane) ?? []));
  try {
    await fault.during?.(lane, run, known);
  } catch (error) {
    const told = await run.host(host.name).then(JSON.stringify, String);
    throw new Error(`what should have happened meanwhile did not; the gate said:\n${run.progress}\n${told}`, { cause: error });
  }
  const exit = await run.exitCode();
  const killed = exit === 137;
  const told = killed ? undefined : await run.host(host.name);
  await lane.quiet();

  const systems = await host.systems();
  const to = told !== undefined && (told.state === "changed" || told.state === "added") ? told.to : undefined;
  const name = (path: string, was: string): "old" | "new" | "other" =>
    path === was ? "old" : path === to || to === undefined ? "new" : "other";
  const row = {
    scenario: fault.scenario,
    outcome: told === undefined ? "-" : outcomeOf(told),
    exit,
    runs: name(systems.current, old.current),
    boots: name(systems.loader, old.loader),
  };
  const { says, others, ...expected } = fault.expects;
  const why = `${JSON.stringify(told?.outcome, undefined, 1)}\n${run.progress}`;
  expect(row, why).toEqual({ scenario: fault.scenario, ...expected });
  // What the report says of the host is what the host is.
  // Copying and the checks of an operator are the change's own; everything else is the gate's (a switch that just works: at most eleven).
  const roundTrips = run.roundTrips(host.name);
  if (row.outcome === "deployed" && told?.outcome?.attempts.length === 1) expect(roundTrips).toBeLessThan(1 + 12);
  const now = told?.outcome?.now;
  if (now !== undefined) expect([now.current, now.profile], why).toEqual([systems.current, systems.profile]);
  const logAt = told?.outcome?.logAt;
  // It is in memory until the attempt ends.
  if (row.outcome === "rolled-back") expect(logAt === undefined, "whether the whole log is lost").toBe(fault.losesLog === true);
  if (logAt !== undefined) expect(host.has(logAt), logAt).toBe(true);
  if (says !== undefined) expect(JSON.stringify(told)).toMatch(says);
  if (others !== undefined) {
    const { hosts: all } = await run.plan();
    expect(
      [...hosts.map((one) => one.name), ...lane.strangers].map((name) =>
        all
          .filter((found) => found.host === name)
          .map(outcomeOf)
          .join(),
      ),
    ).toEqual(others);
  }

  lane.strangers = [];
  await fault.after?.(lane, run);
  if (fault.replay === true) {
    const again = lane.deploy("--approve", tokens.join(","));
    const held = await again.host(host.name);
    expect([await again.exitCode(), outcomeOf(held)]).toEqual([3, "held"]);
    expect(held.decision.reasons.join()).toMatch(/used/);
  }
  await fault.heal?.(lane);
  for (const one of hosts) await reachable(one);
  if (fault.same !== true) await lane.commit({}, {});
  const after = await converged(lane, []);
  expect(after.join(), "the run after it").toBe(fault.next ?? hosts.map(() => "deployed").join());
  if (fault.next === "staged") await booted(host);
  const end = await host.systems();
  expect(new Set([end.current, end.profile, end.loader]).size, "active, profile and loader agree").toBe(1);
  if (fault.extra !== undefined) {
    // Or the next scenario here would begin with its removal, which of a mount is a risk and held.
    lane.extra = {};
    await lane.commit({}, {});
    expect(new Set(await converged(lane, [])), "without what the scenario added").toEqual(new Set(["deployed"]));
  }
  return {
    ...row,
    reachable: true,
    next: [...new Set(after)].join(),
    roundTrips,
    seconds: (Date.now() - began) / 1000,
  };
}

/** What is the boot default comes in. */
export async function booted(host: LabHost): Promise<void> {
  const since = host.boots;
  await host.sh("systemctl reboot");
  await host.rebooted(since);
}

async function reachable(host: LabHost): Promise<void> {
  await until(
    () => `${host.name} cannot be reached`,
    30,
    async () => ((await host.ssh("true", { seconds: 10 })).exitCode === 0 ? true : undefined),
  );
}

/** Outcomes of a run that has to end well, by host of the lane; a risk in it is approved. */
export async function converged(lane: Lane, words: readonly string[]): Promise<string[]> {
  let run = lane.deploy(...words);
  let plan = await run.plan();
  const held = plan.hosts.filter((host) => host.outcome?.outcome === "held");
  const tokens = held.flatMap((host) => host.approval?.token ?? []);
  if (tokens.length > 0) {
    run = lane.deploy("--approve", tokens.join(","), ...words);
    plan = await run.plan();
  }
  const answers = lane.hosts.map((host) => {
    const told = plan.hosts.find((one) => one.host === host.name);
    return told === undefined ? "missing" : outcomeOf(told);
  });
  const bad = plan.hosts.filter((host) => !["deployed", "unchanged", "deployed-reboot-pending"].includes(outcomeOf(host)));
  if (bad.length > 0)
    console.error(JSON.stringify(bad.map(({ host, outcome, decision }) => ({ host, outcome, decision }))).slice(0, 3_000));
  return answers;
}
