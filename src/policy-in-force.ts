import { createHash } from "node:crypto";
import type { Loosening } from "./classify/loosening.ts";
import type { HostName } from "./discover/host.ts";
import { directions, pinned, sortedJson } from "./policy-directions.ts";
import { GroupPolicy } from "./policy-deploy.ts";
import type { Policy } from "./policy.ts";
import { rebootPolicyOf } from "./reboot/window-policy.ts";

export type PolicyInForce = {
  readonly policy: Policy;
  /** By key. Each is a risky finding of the hosts that it concerns, so that they are held until a person agrees. */
  readonly loosened: readonly Loosening[];
  /** Hosts that the pushed policy hands to the gate for the first time: held for that, where the policy in force would pass them over. */
  readonly newlyManaged: ReadonlySet<HostName>;
};

type HostPolicy = Policy["hosts"][HostName];
type Change = { readonly key: string; readonly from: unknown; readonly to: unknown; readonly hosts: Loosening["hosts"] };

/**
 * The stricter, key by key, of the policy that was applied last and the one that was pushed (invariant 3): what a push brings along judges nobody until it has been
 * agreed to, and what it makes stricter counts at once. Where nothing was applied yet, give the policy that only observes. Which value is the stricter stands in
 * `directions`. A host that the pushed policy does not deploy has nothing that could be loosened.
 */
export function stricterPolicy(applied: Policy, pushed: Policy): PolicyInForce {
  const changes: Change[] = [];
  const newlyManaged = new Set<HostName>();
  const deployed = (Object.keys(pushed.hosts) as HostName[]).filter((host) => own(pushed.hosts, host)?.deploy === true);
  const walk = (hosts: Loosening["hosts"], keys: readonly string[], pattern: string, was: unknown, is: unknown): unknown => {
    const name = keys.at(-1) ?? "";
    const under = Object.keys(directions).filter((key) => key.startsWith(`${pattern}.`));
    // A key that nobody has thought of takes no change by itself.
    const direction = own(directions, pattern) ?? (under.length === 0 ? pinned : undefined);
    if (direction !== undefined) {
      const { inForce, loosened } = direction(was, is, name);
      if (loosened !== undefined) changes.push({ key: keys.join("."), ...loosened, hosts });
      return inForce;
    }
    const named = under.some((key) => key.startsWith(`${pattern}.*`));
    const [before, after] = [fields(was), fields(is)];
    const entries = [...new Set([...Object.keys(after), ...Object.keys(before)])].map(
      (key) => [key, walk(hosts, [...keys, key], `${pattern}.${named ? "*" : key}`, own(before, key), own(after, key))] as const,
    );
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
  };

  const hosts = Object.entries(pushed.hosts).map(([name, is]): [string, HostPolicy] => {
    const host = name as HostName;
    const was = own(applied.hosts, host);
    if (!is.deploy) return [host, is];
    if (was?.deploy !== true) {
      newlyManaged.add(host);
      changes.push({ key: `hosts.${host}.deploy`, from: false, to: true, hosts: [host] });
      return [host, { ...is, deploy: false }];
    }
    const [before, after] = rebootsAsTheyAre(applied, pushed, host, was, is);
    return [host, walk([host], ["hosts", host], "hosts.*", before, after) as HostPolicy];
  });
  const groups = [...new Set([...Object.keys(pushed.groups), ...Object.keys(applied.groups)])].map((group): [string, GroupPolicy] => {
    const members = deployed.filter((host) => [pushed, applied].some((policy) => own(policy.hosts, host)?.group === group));
    const [was, is] = [own(applied.groups, group) ?? anyGroup, own(pushed.groups, group) ?? anyGroup];
    return [group, walk(members, ["groups", group], "groups.*", was, is) as GroupPolicy];
  });
  const rest = Object.keys(pushed).filter((key) => key !== "hosts" && key !== "groups") as (keyof Policy)[];
  const policy = {
    ...Object.fromEntries(rest.map((key) => [key, walk("all", [key], key, applied[key], pushed[key])])),
    hosts: Object.fromEntries(hosts),
    groups: Object.fromEntries(groups),
  } as Policy;

  const loosened = changes
    .filter(({ hosts }) => hosts === "all" || hosts.length > 0)
    .map(loosening)
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));
  return { policy, loosened, newlyManaged };
}

/** A group that nobody has described. */
const anyGroup: GroupPolicy = GroupPolicy.parse({});

/**
 * A host has its own reboot policy or its group's, as a whole. Both sides get what counts for this host, where that differs: a window that moved from the group to the
 * host is no change, and one that came with another group is.
 */
function rebootsAsTheyAre(applied: Policy, pushed: Policy, host: HostName, was: HostPolicy, is: HostPolicy): [HostPolicy, HostPolicy] {
  const [before, after] = [rebootPolicyOf(applied, host), rebootPolicyOf(pushed, host)];
  if (sortedJson(before) === sortedJson(after) && was.group === is.group) {
    const { reboot: _same, ...rest } = was;
    return [is.reboot === undefined ? rest : { ...rest, reboot: is.reboot }, is];
  }
  return [
    { ...was, reboot: before },
    { ...is, reboot: after },
  ];
}

function loosening({ key, from, to, hosts }: Change): Loosening {
  const [was, is] = [shown(from), shown(to)];
  const sentence =
    was === undefined
      ? `deployGate.${key} newly has ${is ?? "nothing"}.`
      : is === undefined
        ? `deployGate.${key} no longer has ${was}.`
        : `deployGate.${key} was ${was} and is ${is} now.`;
  return { key, from: was, to: is, sentence, hosts };
}

const shownLength = 200;
/** A value for people and for the digest of an approval: what is cut is told apart by its hash, so that two long values are never one. */
function shown(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const text = sortedJson(value);
  if (text.length <= shownLength) return text;
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 16);
  return `${text.slice(0, shownLength - 30)}… sha256:${hash}`;
}

/** Tells two policies apart by their values, defaults included: 128 bits of SHA-256, in hexadecimal. */
export const policyDigest = (policy: Policy): string => createHash("sha256").update(sortedJson(policy)).digest("hex").slice(0, 32);

const fields = (value: unknown): Record<string, unknown> => (typeof value === "object" && value !== null ? { ...value } : {});

/** What is the record's own: `constructor` and `__proto__` are names like others. */
function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
