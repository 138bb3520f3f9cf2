import type { HostReport } from "../host-report.ts";
import type { DeploymentStatus } from "../io/ports.ts";
import type { Policy } from "../policy.ts";
import { headline } from "./headline.ts";
import { hostExit } from "./exit-code.ts";
import { isObserved } from "./order.ts";
import { count } from "./count.ts";
import type { Plan } from "./plan.ts";

/** Where one deployment would end up, and how it stands; `logUrl` is the run's. */
export type EnvironmentStatus = { readonly environment: string; readonly status: Omit<DeploymentStatus, "logUrl"> };

/** Each costs a few requests, and a page of more of them shows nobody anything. */
const most = 10;
/** Of hosts without a group, and of all where there are more groups than that. */
const whole = "nixos";

/**
 * The environment of each host, by name; undefined where none is wanted. A group is what an operator brings up to date as one, and its name says nothing of the rest; the
 * job's own environment is no answer, because the runner does not tell it and GitHub makes a deployment of its own for it.
 */
export function environments(hosts: readonly string[], policy: Pick<Policy, "hosts" | "report">): ReadonlyMap<string, string> {
  const { deployments } = policy.report;
  if (deployments === "off") return new Map();
  if (deployments !== "groups") return new Map(hosts.map((host) => [host, deployments.environment]));
  const groups = new Map(Object.entries(policy.hosts).map(([host, { group }]) => [host, group]));
  const each = new Map(hosts.map((host) => [host, groups.get(host) === undefined ? whole : `${whole}/${groups.get(host)}`]));
  return new Set(each.values()).size > most ? new Map(hosts.map((host) => [host, whole])) : each;
}

/** What begins, before the first host is changed: environments of which nothing is changed or held have no part in this run. */
export function begunEnvironments(reports: readonly HostReport[], policy: Pick<Policy, "hosts" | "report">): EnvironmentStatus[] {
  const concerned = reports.filter(({ decision }) => !["nothing", "observe"].includes(decision.action));
  const where = environments(
    concerned.map(({ host }) => host),
    policy,
  );
  return [...new Set(where.values())].map((environment) => {
    const actions = concerned.filter(({ host }) => where.get(host) === environment).map(({ decision }) => decision.action);
    const changing = actions.filter((action) => action !== "hold" && action !== "fail").length;
    const held = actions.filter((action) => action === "hold").length;
    if (changing > 0) return { environment, status: { state: "in_progress", description: `${count(changing, "host")} to be changed` } };
    if (held > 0) return { environment, status: { state: "queued", description: `${count(held, "host")} held for a person` } };
    return { environment, status: { state: "in_progress", description: "looking at what failed" } };
  });
}

/** How an environment of this run ended: as badly as its worst host. Hosts that are only watched have no say. */
export function endedEnvironment(environment: string, plan: Plan, policy: Pick<Policy, "hosts" | "report">): EnvironmentStatus["status"] {
  const managed = plan.hosts.filter((host) => !isObserved(host));
  const concerned = managed.filter(({ decision }) => decision.action !== "nothing").map(({ host }) => host);
  const where = environments(concerned, policy);
  const mine = managed.filter(({ host }) => where.get(host) === environment);
  const description = headline(mine);
  const changed = mine.filter(({ outcome }) => outcome?.outcome !== "unchanged");
  if (changed.length > 0 && changed.every(({ outcome }) => outcome?.outcome === "superseded")) return { state: "inactive", description };
  const exits = mine.map((host) => hostExit(plan, host));
  if (mine.length === 0) return { state: "error", description: "The run did not say what became of its hosts." };
  if (exits.includes(1)) return { state: "failure", description };
  if (exits.includes(3)) return { state: "queued", description };
  return { state: mine.some(({ outcome }) => outcome?.outcome === "handed-over") ? "in_progress" : "success", description };
}
