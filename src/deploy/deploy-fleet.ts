import { groupHealth, groupsOf, type Seen } from "../apply/group-health.ts";
import { orderOfHosts } from "../apply/order-of-hosts.ts";
import type { Outcome } from "../apply/outcome.ts";
import { beginWaves, ended, next, notReached, seen as seenInWaves, stop, type Waves } from "../apply/waves.ts";
import type { HostName } from "../discover/host.ts";
import { failure, GateError } from "../failure.ts";
import type { Policy } from "../policy.ts";
import type { Address } from "../target/address.ts";
import type { BriefObservation } from "../target/observation.ts";
import { runChecks } from "../verify/run-checks.ts";
import type { Change } from "./change.ts";
import { checksOf } from "./checks-of.ts";
import { deployHost } from "./deploy-host.ts";
import type { Deployed } from "./deployed.ts";
import type { DeployWorld } from "./deploy-world.ts";
import { glanceAt } from "./look-at.ts";
import type { GroupStanding } from "./prepare-host.ts";

export type FleetCase = {
  readonly changes: readonly Change[];
  readonly policy: Policy;
  /** Every managed host that can be asked, those without a change too: they are members of groups. */
  readonly addresses: ReadonlyMap<HostName, Address>;
  /** What hosts said when the change was judged. */
  readonly observations: ReadonlyMap<HostName, BriefObservation>;
  /** Of the machine that the gate runs on. */
  readonly runnerBootId: string | undefined;
};

/**
 * Brings all changes in, in waves: canaries, then groups in their order, then what carries the gate itself. One host's failure is that host's value; stop rules end what has
 * not begun. Every change has an outcome in the answer.
 */
export async function deployFleet(given: FleetCase, world: DeployWorld): Promise<Map<HostName, Outcome>> {
  const { policy, addresses } = given;
  const outcomes = new Map<HostName, Outcome>();
  const changes = new Map(given.changes.map((change) => [change.host, change]));
  const bootIds = new Map([...given.observations].map(([host, observation]) => [host, observation.bootId]));
  const places = orderOfHosts({ hosts: [...changes.keys()], policy, runnerBootId: given.runnerBootId, bootIds });
  const groups = groupsOf(policy);
  const groupOf = (host: HostName) => {
    const name = Object.hasOwn(policy.hosts, host) ? policy.hosts[host]?.group : undefined;
    return name === undefined ? undefined : groups.get(name);
  };

  /** Members that are changed right now are away by the waves' own account; they are not asked, or their restarts would read as illness. */
  const running = new Map<HostName, Promise<HostName>>();
  const lookAtMember = async (host: HostName): Promise<Seen> => {
    const address = addresses.get(host);
    if (address === undefined) return { kind: "silent", trouble: "unreachable", detail: "it is not managed, so nobody may ask it" };
    const look = await glanceAt({ address }, world);
    if (look.kind === "silent") return look;
    const { targets, probe, pause: wait, finishing } = world;
    return { ...look, checks: await runChecks(checksOf(policy, host), { targets, address, probe, wait, signal: finishing.signal }) };
  };
  let waves: Waves = beginWaves(places, { parallel: policy.apply.parallel, stopAfterFailures: policy.apply.stopAfterFailures });
  // Right before a host goes, so that what fell ill since the plan was made counts.
  const standingOf = async (host: HostName): Promise<GroupStanding> => {
    const group = groupOf(host);
    if (group === undefined) return undefined;
    const others = group.members.filter((member) => member !== host && !running.has(member));
    const looked = await Promise.all(others.map(async (member) => [member, await lookAtMember(member)] as const));
    const health = groupHealth(group, new Map(looked));
    for (const [member] of looked) waves = seenInWaves(waves, member, health.get(member)?.healthy === true);
    return { group, health };
  };

  for (;;) {
    if (world.signal.aborted) waves = stop(waves, "The run was cancelled.");
    const step = next(waves);
    waves = step.waves;
    for (const host of step.start) {
      const change = changes.get(host);
      if (change === undefined) throw new Error(`${host} has no change`);
      const place = places.find((one) => one.host === host);
      const work = async (): Promise<HostName> => {
        const deployed = await deployOrFail({ ...change, carries: place?.carries ?? change.carries }, () => standingOf(host), world);
        outcomes.set(host, deployed.outcome);
        waves = ended(waves, host, deployed.end);
        world.log.debug("host ended", { host, outcome: deployed.outcome.outcome, roundTrips: world.targets.roundTrips(change.address) });
        world.log.progress({ kind: "host", host, step: "ended", text: `${deployed.outcome.outcome}: ${deployed.outcome.reasons[0]}` });
        return host;
      };
      running.set(host, work());
    }
    if (running.size === 0) break;
    running.delete(await Promise.race(running.values()));
  }
  for (const { host, reason } of notReached(waves))
    outcomes.set(host, { outcome: "not-reached", reasons: [reason], misses: [], attempts: [] });
  return outcomes;
}

/** A mistake of ours must not leave the other hosts without their outcomes; what this host is in the middle of is said to be unknown. */
async function deployOrFail(change: Change, group: () => Promise<GroupStanding>, world: DeployWorld): Promise<Deployed> {
  try {
    return await deployHost(change, group, world);
  } catch (error) {
    const why =
      error instanceof GateError
        ? error.failure
        : failure("internal", {}, error instanceof Error ? (error.stack ?? error.message) : String(error));
    return {
      outcome: {
        outcome: "failed",
        reasons: [`The gate broke off: ${why.message} What the host is now is not known.`],
        failure: why,
        misses: [],
        attempts: [],
      },
      end: { outcome: "failed", touched: true, healthy: false },
    };
  }
}
