import type { KnownLedger } from "../decide/rejection.ts";
import type { BriefObservation } from "../target/observation.ts";
import { readLedger } from "../target/read-ledger.ts";

/** The ledger that the host showed, as far as it can be relied on. */
export function ledgerOf(observation: Pick<BriefObservation, "ledger" | "ledgerState">): KnownLedger {
  if (observation.ledgerState === "absent") return "none";
  const read = observation.ledger === undefined ? undefined : readLedger(observation.ledger);
  return read?.ok === true ? read.entries : "unreadable";
}
