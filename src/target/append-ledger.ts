import type { Targets } from "../io/ports.ts";
import { failure, type Failure } from "../failure.ts";
import type { Address } from "./address.ts";
import { asciiJson } from "./ascii-json.ts";
import { lastRecord } from "./last-record.ts";
import { ledgerFunctions } from "./ledger-program.ts";
import { LedgerEntry } from "./ledger.ts";
import { targetFailure } from "./target-failure.ts";

/**
 * Adds an entry to a host's ledger (what people and runs say of it, the end of a reboot; activations write their own). Durable
 * when it answers; one round trip.
 */
export async function appendLedger(
  targets: Targets,
  address: Address,
  entry: Extract<LedgerEntry, { event: "rejected" | "rebooted" | "ended" | "held" | "let-go" | "told" | "waits-for-boot" }>,
): Promise<{ readonly ok: true } | { readonly ok: false; readonly failure: Failure }> {
  const result = await targets.run({
    address,
    program: appendProgram,
    verb: "record",
    arguments: [asciiJson(LedgerEntry.parse(entry))],
    connection: "shared",
    timeoutSeconds: 60,
  });
  if (!result.ok) return { ok: false, failure: targetFailure(address, result.trouble, result.detail) };
  if (lastRecord(result.records, "appended") === "yes") return { ok: true };
  return { ok: false, failure: failure("ledger-unwritable", { host: address.host }, result.stderr) };
}

/** Asked again after a lost answer it finds its own line and adds none. */
export const appendProgram = `${ledgerFunctions}
if [ -e "$ledger" ] && tail -n 50 "$ledger" | grep -qxF -- "$1"; then put appended yes; exit 0; fi
if append_ledger "$1"; then put appended yes; else put appended no; fi
`;
