import type { Plan, PlanHost } from "./plan.ts";

/** Hosts of which a report says the very same things; at least one. They keep the plan's order. */
export type Group = { readonly hosts: readonly PlanHost[]; readonly first: PlanHost };

/** Groups hosts whose diff, judgement and decision are equal. Unchanged hosts are left out: reports only count them. */
export function groups(plan: Plan): Group[] {
  const byKey = new Map<string, PlanHost[]>();
  for (const host of plan.hosts) {
    if (host.state === "unchanged") continue;
    const key = sameKey(host);
    const members = byKey.get(key);
    if (members === undefined) byKey.set(key, [host]);
    else members.push(host);
  }
  return Array.from(byKey.values(), (hosts) => ({ hosts, first: hosts[0] as PlanHost }));
}

/** Everything that is said of a host but its name and its own store paths. New hosts have no diff to share, so each is told by itself. */
function sameKey(host: PlanHost): string {
  const { host: name, platform: _, ...rest } = host;
  if (rest.state === "changed") return JSON.stringify({ ...rest, from: "", to: "" });
  if (rest.state === "failed") return JSON.stringify(rest).replaceAll(`.${name}.`, ".*.");
  return rest.state === "added" ? JSON.stringify({ ...rest, to: "" }) : JSON.stringify({ ...rest, from: "" });
}

export const names = (group: Group): string[] => group.hosts.map((host) => host.host);
