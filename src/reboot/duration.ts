import { rebootSeconds } from "../target/read-ledger.ts";
import type { LedgerEntry } from "../target/ledger.ts";
import type { RebootPolicy } from "./window-policy.ts";

export type Duration = {
  /** From the order until it is expected to be verified. */
  readonly seconds: number;
  /** What has to be left of the window when it is ordered, and when it is begun, where the host is drained first. */
  readonly needed: number;
  readonly neededWithDrain: number;
  /** How many earlier reboots it is taken from; 0 is the policy's word. */
  readonly measured: number;
};

/** The slowest of the last five that went well, in the time that the policy gives them, and a quarter more: a file system check or a slow BIOS comes by now and then. */
export function rebootDuration(
  policy: Pick<RebootPolicy, "expectedSeconds" | "marginSeconds" | "returnSeconds" | "commandSeconds" | "drain" | "inhibit">,
  entries: readonly LedgerEntry[],
): Duration {
  // One that hung until somebody pressed a button is no measure: no window would be long enough for the next.
  const last = rebootSeconds(entries)
    .filter((seconds) => seconds <= policy.returnSeconds)
    .slice(-5);
  const seconds = last.length === 0 ? policy.expectedSeconds : Math.ceil(Math.max(...last) * 1.25);
  const needed = seconds + policy.marginSeconds;
  return { seconds, needed, neededWithDrain: needed + (policy.drain === undefined ? 0 : policy.commandSeconds), measured: last.length };
}
