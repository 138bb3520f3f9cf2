import type { HostName } from "../discover/host.ts";
import type { TargetTrouble } from "../io/ports.ts";
import type { Policy } from "../policy.ts";
import type { GroupPolicy } from "../policy-deploy.ts";
import type { CheckResult } from "../target/check-result.ts";
import type { Observation } from "../target/observation.ts";

/** A group and everybody in it, those that policy does not deploy included: a majority is one of all members. */
export type Group = {
  readonly name: string;
  readonly members: readonly HostName[];
  readonly quorum: boolean;
  /** The most that may be away at once. */
  readonly maxUnavailable: number;
  readonly order: number;
};

/** What was seen of a member, as far as it could be asked. */
export type Seen =
  | {
      readonly kind: "observed";
      readonly observation: Pick<Observation, "systemState" | "scheduledShutdown" | "activations">;
      readonly checks: readonly CheckResult[];
    }
  | { readonly kind: "silent"; readonly trouble: TargetTrouble; readonly detail: string };

export type MemberHealth = { readonly healthy: boolean; /** Why, as one sentence. */ readonly sentence: string };

/** Where policy names a group and says nothing of it, what the schema says of one: one away at a time. */
const unspoken: GroupPolicy = { maxUnavailable: 1, quorum: false, order: 100, checks: [] };

/** The groups that hosts of the policy are in, by name. A group without a host is none. */
export function groupsOf(policy: Pick<Policy, "hosts" | "groups">): Map<string, Group> {
  const members = new Map<string, HostName[]>();
  for (const [host, { group }] of Object.entries(policy.hosts) as [HostName, Policy["hosts"][HostName]][])
    if (group !== undefined) members.set(group, [...(members.get(group) ?? []), host]);
  return new Map(
    [...members].map(([name, hosts]) => {
      const said = Object.hasOwn(policy.groups, name) ? (policy.groups[name] ?? unspoken) : unspoken;
      const group = { name, members: hosts, quorum: said.quorum, order: said.order };
      return [name, { ...group, maxUnavailable: most(said.maxUnavailable, hosts.length) }];
    }),
  );
}

/** A share is rounded down, so that "25%" never means more than a quarter, but to one at least: nobody could ever go otherwise. */
function most(maxUnavailable: number | string, size: number): number {
  if (typeof maxUnavailable === "number") return maxUnavailable;
  return Math.max(1, Math.floor((Number.parseInt(maxUnavailable, 10) * size) / 100));
}

/**
 * Whether a member serves right now. What cannot be told is not health. Failed units alone are no illness here: what a host is for is what the operator's checks say.
 */
export function memberHealth(seen: Seen | undefined): MemberHealth {
  if (seen === undefined) return { healthy: false, sentence: "Nothing is known of it." };
  if (seen.kind === "silent") return { healthy: false, sentence: `It could not be asked (${seen.trouble}).` };
  const { observation, checks } = seen;
  if (observation.systemState !== "running" && observation.systemState !== "degraded" && observation.systemState !== "starting")
    return {
      healthy: false,
      sentence: `Its system is ${observation.systemState === "" ? "in an unknown state" : observation.systemState}.`,
    };
  if (observation.scheduledShutdown !== undefined) return { healthy: false, sentence: "A shutdown is scheduled on it." };
  if (observation.activations.length > 0)
    return { healthy: false, sentence: `An activation runs on it (${observation.activations.slice(0, 3).join(", ")}).` };
  const red = checks.find((check) => check.outcome !== "passed");
  if (red !== undefined) return { healthy: false, sentence: `Its check "${red.name}" is ${red.outcome}: ${red.sentence}` };
  return checks.length === 0
    ? { healthy: true, sentence: "It answers; it has no checks." }
    : { healthy: true, sentence: `It answers and ${checks.length === 1 ? "its check passes" : `all ${checks.length} checks pass`}.` };
}

/** Health of every member, by what was seen of it; a member nobody looked at is away. */
export function groupHealth(group: Group, seen: ReadonlyMap<HostName, Seen>): Map<HostName, MemberHealth> {
  return new Map(group.members.map((member) => [member, memberHealth(seen.get(member))]));
}

export type Leave = { readonly allowed: boolean; readonly sentence: string };

/**
 * Whether one more member may go away: for a switch, too, since services restart. `away` are those that are not healthy or already being worked on; the host may be
 * among them, and then its going takes nothing from the group.
 */
export function mayLeave(group: Group, away: ReadonlySet<HostName>, host: HostName): Leave {
  const others = group.members.filter((member) => member !== host && away.has(member));
  const gone = others.length + 1;
  const left = group.members.length - gone;
  const named = others.length === 0 ? "nobody else is away" : `${list(others)} ${others.length === 1 ? "is" : "are"} away`;
  if (group.quorum && left * 2 <= group.members.length) {
    const never = others.length === 0 ? `a quorum of ${group.members.length} can spare nobody` : named;
    return {
      allowed: false,
      sentence: `Without ${host} only ${left} of ${group.members.length} of the group ${group.name} would be left, which is no majority: ${never}.`,
    };
  }
  if (gone > group.maxUnavailable)
    return {
      allowed: false,
      sentence: `The group ${group.name} may miss ${group.maxUnavailable} of ${group.members.length} at once, and ${named}.`,
    };
  return { allowed: true, sentence: `The group ${group.name} can spare ${host}: ${named}.` };
}

function list(hosts: readonly HostName[]): string {
  return hosts.length <= 3 ? hosts.join(", ") : `${hosts.slice(0, 3).join(", ")} and ${hosts.length - 3} more`;
}
