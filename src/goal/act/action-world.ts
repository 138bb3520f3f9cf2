import { groupHealth, groupsOf, type Seen } from "../../apply/group-health.ts";
import { orderOfHosts } from "../../apply/order-of-hosts.ts";
import { checksOf } from "../../deploy/checks-of.ts";
import type { DeployWorld } from "../../deploy/deploy-world.ts";
import { glanceAt } from "../../deploy/look-at.ts";
import type { GroupStanding } from "../../deploy/prepare-host.ts";
import type { HostName } from "../../discover/host.ts";
import type { Policy } from "../../policy.ts";
import type { Address } from "../../target/address.ts";
import type { CheckResult } from "../../target/check-result.ts";
import { runChecks } from "../../verify/run-checks.ts";

/** What the actions of one run of a goal reach the world by. One for each run. */
export type ActionWorld = {
  /** As for a deploy; nothing is done where its `dryRun` is set. Its `recovery` and `despite` are not used: an action is one attempt, and nobody overrides its preconditions. */
  readonly deploy: DeployWorld;
  /** In force: what it says of a host, its group and its windows is the limit of every action. */
  readonly policy: Policy;
  /** Every managed host that has an address: an action may be about one, and its group is asked as a whole. */
  readonly addresses: ReadonlyMap<HostName, Address>;
  /** Of the machine that the gate runs on; undefined where it cannot be told. */
  readonly runnerBootId: string | undefined;
  /** Whether the deploy branch holds a commit. Asked for redeploy alone. */
  readonly onDeployBranch: (revision: string) => Promise<boolean | "unknown">;
  /** `owner/name`, for the ledger of a host. */
  readonly repository: string | undefined;
  /** By name, for the ledger of a host. */
  readonly goal: string;
  /** What was begun in this run, as `kind host`: nothing is begun twice. Empty at first, and written here. */
  readonly begun: Set<string>;
};

/** The operator's checks of a host, asked now. */
export async function checksNow(host: HostName, address: Address, { deploy, policy }: ActionWorld): Promise<readonly CheckResult[]> {
  const { targets, probe, pause: wait, finishing } = deploy;
  return await runChecks(checksOf(policy, host), { targets, address, probe, wait, signal: finishing.signal });
}

/** The group of a host and how its other members are now; undefined where it is in none. */
export async function groupNow(host: HostName, world: ActionWorld): Promise<GroupStanding> {
  const { policy, addresses, deploy } = world;
  const name = Object.hasOwn(policy.hosts, host) ? policy.hosts[host]?.group : undefined;
  const group = name === undefined ? undefined : groupsOf(policy).get(name);
  if (group === undefined) return undefined;
  const look = async (member: HostName): Promise<Seen> => {
    const address = addresses.get(member);
    if (address === undefined) return { kind: "silent", trouble: "unreachable", detail: "it is not managed, so nobody may ask it" };
    const seen = await glanceAt({ address }, deploy);
    return seen.kind === "silent" ? seen : { ...seen, checks: await checksNow(member, address, world) };
  };
  const others = group.members.filter((member) => member !== host);
  const looked = await Promise.all(others.map(async (member) => [member, await look(member)] as const));
  return { group, health: groupHealth(group, new Map(looked)) };
}

/** Whether the runner or the forge live on it: who switches or reboots it must bear to be ended by that. */
export function carriesGate(host: HostName, bootId: string, { policy, runnerBootId }: ActionWorld): boolean {
  const [place] = orderOfHosts({ hosts: [host], policy, runnerBootId, bootIds: new Map([[host, bootId]]) });
  return place?.carries !== false;
}
