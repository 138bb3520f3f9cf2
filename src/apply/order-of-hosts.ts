import type { HostName } from "../discover/host.ts";
import type { Policy } from "../policy.ts";
import { groupsOf, type Group } from "./group-health.ts";

/** A host in its place: hosts of a lower stage have all ended before one of a higher stage begins. */
export type Place = {
  readonly host: HostName;
  readonly stage: number;
  readonly canary: boolean;
  /** It carries the runner or the forge: last, alone and detached. */
  readonly carries: boolean;
  readonly group: Group | undefined;
};

export type OrderCase = {
  /** Those to be changed in this run, each once. */
  readonly hosts: readonly HostName[];
  readonly policy: Pick<Policy, "hosts" | "groups">;
  /** Of the machine that the gate runs on; undefined where it cannot be told. */
  readonly runnerBootId: string | undefined;
  /** As the hosts said; a host with the runner's is the runner, whatever policy says of it. In a container two hosts may share one: then both go last. */
  readonly bootIds: ReadonlyMap<HostName, string>;
};

/** Where a host without a group stands: with the groups that say nothing of their order. */
const ordinary = 100;
const canaryStage = -1;
const carriers = Number.MAX_SAFE_INTEGER;

/** Canaries first, then groups by their order, then what carries the gate itself. Equals keep the order of `hosts`; a canary that carries the gate goes last. */
export function orderOfHosts({ hosts, policy, runnerBootId, bootIds }: OrderCase): Place[] {
  const groups = groupsOf(policy);
  const places = [...new Set(hosts)].map((host): Place => {
    const said = Object.hasOwn(policy.hosts, host) ? policy.hosts[host] : undefined;
    const group = said?.group === undefined ? undefined : groups.get(said.group);
    const isRunner = runnerBootId !== undefined && runnerBootId !== "" && bootIds.get(host) === runnerBootId;
    const carries = isRunner || (said?.carries.length ?? 0) > 0;
    const canary = said?.canary === true && !carries;
    return { host, stage: carries ? carriers : canary ? canaryStage : (group?.order ?? ordinary), canary, carries, group };
  });
  // The forge before the runner: a runner that goes away can no longer say how the forge did.
  const last = (place: Place): number =>
    !place.carries ? 0 : bootIds.get(place.host) === runnerBootId || carriesRunner(policy, place.host) ? 2 : 1;
  return places.toSorted((a, b) => a.stage - b.stage || last(a) - last(b));
}

const carriesRunner = (policy: Pick<Policy, "hosts">, host: HostName): boolean =>
  Object.hasOwn(policy.hosts, host) && (policy.hosts[host]?.carries.includes("runner") ?? false);
