import type { HostName } from "../discover/host.ts";
import type { Policy } from "../policy.ts";
import type { Check } from "../policy-deploy.ts";

/** The operator's checks of a host: those of the fleet, of its group, and its own. */
export function checksOf(policy: Policy, host: HostName): readonly Check[] {
  const own = Object.hasOwn(policy.hosts, host) ? policy.hosts[host] : undefined;
  const group = own?.group !== undefined && Object.hasOwn(policy.groups, own.group) ? policy.groups[own.group] : undefined;
  return [...policy.apply.checks, ...(group?.checks ?? []), ...(own?.checks ?? [])];
}
