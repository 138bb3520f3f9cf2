import { standing } from "./order.ts";
import type { Plan, PlanHost } from "./plan.ts";

/**
 * What a run of reboots is worth telling: something was done, or somebody is needed. That reboots wait for their windows is no news, every
 * hour again.
 */
export const isRebootNews = (plan: Pick<Plan, "hosts">): boolean => plan.hosts.some(isNews);

function isNews(host: PlanHost): boolean {
  const at = standing(host);
  if (at === "reboot-pending" || at === "offline") return host.reboot?.overdue === true;
  return at !== "unchanged" && at !== "would-reboot";
}

/** How long the reboot is pending that waits longest, in hours; undefined where none waits, or since when is not known of any. */
export function pendingHours(plan: Pick<Plan, "hosts">): number | undefined {
  const hours = plan.hosts.flatMap(({ reboot }) => reboot?.pendingHours ?? []);
  return hours.length === 0 ? undefined : Math.max(...hours);
}
