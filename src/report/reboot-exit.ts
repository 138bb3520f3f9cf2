import type { Rebooted } from "../reboot/reboot-outcome.ts";

/** Exit code of a run of reboots. Who wanted them now and did not get one is told so, even where it will happen by itself. */
export function rebootExit(hosts: readonly Rebooted[], byHand: boolean): 0 | 1 | 3 {
  const kinds = new Set(hosts.map(({ outcome }) => outcome.outcome));
  if (hosts.some(({ outcome }) => ["reboot-failed", "unreachable", "not-reached", "failed"].includes(outcome.outcome))) return 1;
  return kinds.has("reboot-held") || (byHand && kinds.has("reboot-pending")) ? 3 : 0;
}
