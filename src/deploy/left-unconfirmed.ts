import { triedOf } from "../apply/history.ts";
import type { Outcome } from "../apply/outcome.ts";
import { entriesOf } from "../decide/rejection.ts";
import type { HostReport } from "../host-report.ts";
import type { BriefObservation } from "../target/observation.ts";
import { ledgerOf } from "./ledger-of.ts";

/**
 * Of a host that is to be left as it is, since it runs and boots what is asked for, and that a change which cannot be undone was left on without anybody's confirmation.
 * "Unchanged" alone would let a second run turn a red report green. Undefined for every other host. Pure.
 */
export function leftUnconfirmed(report: HostReport, observation: BriefObservation | undefined): Outcome | undefined {
  if (report.state !== "unchanged" || report.decision.action !== "nothing" || observation === undefined) return undefined;
  const ledger = ledgerOf(observation);
  if (ledger === "unreadable") return undefined;
  const last = triedOf(entriesOf(ledger)).findLast(({ attempt }) => attempt.operation !== "reboot");
  if (last?.ended?.outcome !== "left-unconfirmed" || last.attempt.to !== observation.profile) return undefined;
  const { current, profile, booted, failedUnits } = observation;
  const since = `It runs and boots what is asked for, but nobody has confirmed it since attempt ${last.attempt.id} left it as it was (${last.ended.reason}).`;
  const common = { now: { current, profile, booted }, misses: [], attempts: [] } as const;
  if (failedUnits.length === 0) return { outcome: "unchanged", reasons: [since, "No unit fails on it."], ...common };
  const shown = `${failedUnits.slice(0, 5).join(", ")}${failedUnits.length > 5 ? ` and ${failedUnits.length - 5} more` : ""}`;
  return {
    outcome: "left-unconfirmed",
    reasons: [since, `Failed on it: ${shown}.`],
    next: `nixos-deploy-gate verify --hosts ${report.host}`,
    ...common,
  };
}
