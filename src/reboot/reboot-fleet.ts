import { orderOfHosts } from "../apply/order-of-hosts.ts";
import { checksOf } from "../deploy/checks-of.ts";
import type { Observation } from "../target/observation.ts";
import type { RunningFleet } from "../deploy/running-fleet.ts";
import type { HostName } from "../discover/host.ts";
import type { Failure } from "../failure.ts";
import type { Policy } from "../policy.ts";
import type { Member } from "./member.ts";
import { type RebootPolicy, rebootPolicyOf } from "./window-policy.ts";
import type { RebootCase } from "./card.ts";

/** A person at a prompt who does not want to wait. */
export type ByHand = {
  /**
   * Those whose names were typed, letter by letter: only they may be attended, since somebody who typed a pattern does not stand beside
   * all of them.
   */
  readonly named: ReadonlySet<string>;
};

/**
 * The policy in force for a host. `now` sets windows and blackouts aside and nothing else; a timer would only be a delay. Pure.
 */
export function policyFor(policy: Policy, host: HostName, byHand: ByHand | undefined): RebootPolicy {
  const said = rebootPolicyOf(policy, host);
  if (byHand === undefined) return said;
  return { ...said, windows: "any", blackout: [], trigger: "gate", attended: said.attended && !byHand.named.has(host) };
}

export type FleetOfReboots = {
  readonly policy: Policy;
  readonly fleet: RunningFleet<Observation>;
  readonly chosen: readonly HostName[];
  readonly byHand: ByHand | undefined;
  /** Of the machine that the gate runs on. */
  readonly runnerBootId: string | undefined;
};

/** What a run of reboots is given, of a fleet that was asked. Pure. */
export function rebootCase({ policy, fleet, chosen, byHand, runnerBootId }: FleetOfReboots): RebootCase {
  const bootIds = new Map([...fleet.observations].map(([host, { bootId }]) => [host, bootId]));
  const places = orderOfHosts({ hosts: [...fleet.addresses.keys()], policy, runnerBootId, bootIds });
  const members = places.map(({ host, carries, group }): Member | undefined => {
    const address = fleet.addresses.get(host);
    if (address === undefined) return undefined;
    return { host, address, group: group?.name, policy: policyFor(policy, host, byHand), checks: checksOf(policy, host), carries };
  });
  const silent = [...fleet.asked].flatMap(([host, asked]): [HostName, Failure][] => (asked.ok ? [] : [[host, asked.failure]]));
  return {
    members: members.filter((member) => member !== undefined),
    policy,
    chosen: new Set(chosen),
    asked: fleet.observations,
    silent: new Map(silent),
    byHand: byHand !== undefined,
  };
}
