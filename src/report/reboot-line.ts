import { count } from "./count.ts";
import type { Plan, PlanHost } from "./plan.ts";

/**
 * Which hosts a change reboots and when, in one sentence: "Merging this reboots 2 hosts: web1, web2 Sun 02:00–04:00 Europe/Berlin."
 * Undefined where it reboots none, or where what became of the hosts says more.
 */
export function rebootLine(plan: Pick<Plan, "event" | "hosts">): string | undefined {
  const rebooting = plan.hosts.filter((host) => host.reboot !== undefined && (willReboot(host) || waits(host)));
  if (rebooting.length === 0) return undefined;
  const [alone, byHand] = [false, true].map((hand) => rebooting.filter(({ reboot }) => reboot?.byHand === hand)) as [
    PlanHost[],
    PlanHost[],
  ];
  const at = new Map<string, string[]>();
  for (const { host, reboot } of alone) if (reboot !== undefined) at.set(reboot.when, [...(at.get(reboot.when) ?? []), host]);
  const parts = [...at].map(([when, hosts]) => `${listed(hosts)} ${when}`);
  const what = plan.event === "pull_request" ? "Merging this reboots" : rebooting.some(waits) ? "Still to be rebooted:" : "This reboots";
  return [
    ...(alone.length === 0 ? [] : [`${what} ${count(alone.length, "host")}: ${parts.join("; ")}.`]),
    ...(byHand.length === 0
      ? []
      : [`Somebody has to reboot ${listed(byHand.map(({ host }) => host))}: by policy nothing does so by itself.`]),
  ].join(" ");
}

const willReboot = ({ outcome, decision }: PlanHost): boolean =>
  outcome === undefined && (decision.action === "deploy-then-reboot" || decision.action === "stage");
const waits = ({ outcome }: PlanHost): boolean =>
  outcome !== undefined && ["staged", "deployed-reboot-pending", "would-stage"].includes(outcome.outcome);

function listed(hosts: readonly string[]): string {
  return hosts.length <= 6 ? hosts.join(", ") : `${hosts.slice(0, 5).join(", ")} and ${hosts.length - 5} more`;
}
