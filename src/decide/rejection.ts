import type { LedgerEntry } from "../target/ledger.ts";
import { transitionDigest, type UndatedTransition } from "./transition.ts";

/** What a host's ledger says: its entries, none where no gate ever wrote there, or that there is something that cannot be read. */
export type KnownLedger = readonly LedgerEntry[] | "none" | "unreadable";

export type Rejection = { readonly by: string; /** Seconds since 1970. */ readonly at: number };

export const entriesOf = (ledger: KnownLedger): readonly LedgerEntry[] => (typeof ledger === "string" ? [] : ledger);

/**
 * The newest rejection of this very change, under whatever time its token had been made: every run makes tokens of its own, and a rejection that hung on one of them
 * would be asked again an hour later. As soon as anything about the change is another, nothing was rejected.
 */
export function rejectionOf(now: UndatedTransition, ledger: KnownLedger): Rejection | undefined {
  return entriesOf(ledger)
    .flatMap((entry) =>
      entry.event === "rejected" && entry.issuedAt !== undefined && transitionDigest({ ...now, issuedAt: entry.issuedAt }) === entry.digest
        ? [{ by: entry.by, at: entry.at }]
        : [],
    )
    .reduce<Rejection | undefined>((newest, one) => (newest === undefined || one.at >= newest.at ? one : newest), undefined);
}
