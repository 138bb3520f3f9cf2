import { holdNote } from "../apply/hold.ts";
import { inPool } from "../build/pool.ts";
import type { HostReport } from "../host-report.ts";
import type { Clock, Log, Targets } from "../io/ports.ts";
import { appendLedger } from "../target/append-ledger.ts";
import type { Contact } from "./contact.ts";
import { ledgerOf } from "./ledger-of.ts";

/**
 * Writes into the ledgers of held hosts since when they are held, and for which rules, so that `status` can say so; and that they are not any more. A host without a
 * ledger gets none by this: that no gate ever changed it counts elsewhere. What cannot be written costs the run nothing.
 */
export async function noteHolds(
  reports: readonly HostReport[],
  revision: string | undefined,
  { fleet, policy }: Pick<Contact, "fleet" | "policy">,
  { targets, clock, log }: { readonly targets: Targets; readonly clock: Clock; readonly log: Log },
): Promise<void> {
  await inPool(reports, policy.apply.parallel, async (report) => {
    const address = fleet.addresses.get(report.host);
    const observation = fleet.observations.get(report.host);
    if (address === undefined || observation === undefined) return;
    const ledger = ledgerOf(observation);
    if (typeof ledger === "string") return;
    const note = holdNote({ action: report.decision.action, rules: riskyRules(report), revision }, ledger, clock.now());
    if (note === undefined) return;
    const written = await appendLedger(targets, address, note);
    if (!written.ok) log.debug("since when a host is held could not be written", { host: report.host, reason: written.failure.message });
  });
}

function riskyRules(report: HostReport): readonly string[] {
  if (report.state !== "changed" && report.state !== "added") return [];
  return report.judgement.findings.filter(({ verdict }) => verdict === "risky").map(({ rule }) => rule);
}
