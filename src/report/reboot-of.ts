import type { HostReport } from "../host-report.ts";
import type { Policy } from "../policy.ts";
import { type HostReboot, rebootSentence } from "../reboot/reboot-sentence.ts";

const waiting: ReadonlySet<string> = new Set(["staged", "deployed-reboot-pending", "would-stage"]);

/** When the reboot comes that a host's change asks for; nothing where it asks for none. Pure. */
export function rebootOf(
  report: Pick<HostReport, "host" | "decision" | "outcome">,
  policy: Pick<Policy, "hosts" | "groups">,
  now: Date,
): { readonly reboot?: HostReboot } {
  const { host, decision, outcome } = report;
  const wanted = outcome === undefined ? ["deploy-then-reboot", "stage"].includes(decision.action) : waiting.has(outcome.outcome);
  return wanted ? { reboot: rebootSentence(policy, host, now) } : {};
}
