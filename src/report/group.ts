import { isQuiet, isWell } from "./order.ts";
import { isOpen } from "./happened.ts";
import type { Plan, PlanHost } from "./plan.ts";

/** Hosts of which a report says the very same things; at least one. They keep the plan's order. */
export type Group = { readonly hosts: readonly PlanHost[]; readonly first: PlanHost };

/** Hosts with one row: equal in change, judgement, decision and what became of them. Unchanged hosts are left out, since reports only count them. */
export function groups(plan: Plan): Group[] {
  return grouped(
    plan.hosts.filter((host) => !isQuiet(host)),
    (host) => `${change(host)} ${JSON.stringify(host.decision)} ${became(host)} ${host.reboot?.byHand === true}`,
  );
}

/** Hosts with one set of details: equal in change and judgement, whatever is done with them. */
export function detailGroups(plan: Plan): Group[] {
  return grouped(
    plan.hosts.filter((host) => host.state !== "unchanged"),
    change,
  );
}

/** Puts hosts with the same key together, in the order in which each key comes first. */
export function grouped(hosts: readonly PlanHost[], keyOf: (host: PlanHost) => string): Group[] {
  const byKey = new Map<string, PlanHost[]>();
  for (const host of hosts) {
    const key = keyOf(host);
    const members = byKey.get(key);
    if (members === undefined) byKey.set(key, [host]);
    else members.push(host);
  }
  return Array.from(byKey.values(), (members) => ({ hosts: members, first: members[0] as PlanHost }));
}

/** What changed and how it was judged, without the host's name and its own store paths. New hosts have no diff that they could share. */
function change(host: PlanHost): string {
  switch (host.state) {
    case "changed":
      return `changed ${host.diff} ${JSON.stringify(host.judgement)}`;
    case "added":
      return `added ${JSON.stringify(host.baseFailed)} ${JSON.stringify(host.judgement)}`;
    case "failed":
      return `failed ${host.stage} ${host.atBase} ${JSON.stringify(host.failure)}`;
    case "removed":
    case "unchanged":
      return host.state;
  }
}

/** What a row says of an outcome. Paths and logs are each host's own and stand in its details. */
function became({ outcome }: PlanHost): string {
  if (outcome === undefined) return "";
  const { outcome: kind, reasons, failure, next, now, misses, attempts } = outcome;
  const open = misses.filter(isOpen);
  if (open.length === 0 && attempts.every((one) => one.strategy === "switch" || one.strategy === "boot") && isWell(outcome)) return kind;
  return JSON.stringify([kind, reasons, failure, next, now?.runs, now?.boots, open, attempts.length]);
}
export const names = (group: Group): string[] => group.hosts.map((host) => host.host);
