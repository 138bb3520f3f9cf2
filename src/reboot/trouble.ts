import type { OutcomeKind } from "../apply/outcome.ts";
import type { KnownLedger } from "../decide/rejection.ts";
import { rebootAttempts } from "./attempts.ts";
import { clockTolerance } from "./due.ts";

/** A reboot that does not come without a person. */
export type Trouble = {
  /** When the reboot began that failed, else since when one waits; undefined where the ledger does not say. */
  readonly since: Date | undefined;
  /** Of this nobody was told yet, or not for a day. */
  readonly tell: boolean;
  /** What it was to boot, under which the ledger remembers that somebody was told; undefined where nothing can be remembered. */
  readonly to: string | undefined;
};

/** A run of reboots comes every hour; a person hears of the same once a day. */
const againSeconds = 86_400;

/**
 * Whether somebody has to see to a host, and whether that is news. A new attempt at a reboot is news whatever was said of the one before; so is another system that it
 * waits for. By the gate's clock, which wrote what it told; one that runs backwards does not silence anything. Pure.
 */
export function troubleOf(
  outcome: OutcomeKind,
  pending: { readonly since: Date | undefined; readonly overdue: boolean } | undefined,
  profile: string | undefined,
  ledger: KnownLedger,
  now: Date,
): Trouble | undefined {
  if (outcome !== "reboot-failed" && outcome !== "reboot-held" && pending?.overdue !== true) return undefined;
  // A first line would make a ledger of none, and whether there is one decides other things.
  if (typeof ledger === "string" || profile === undefined) return { since: pending?.since, tell: true, to: undefined };
  const last = rebootAttempts(ledger)
    .filter(({ attempt, end }) => attempt.to === profile && end?.kind !== "given-up")
    .at(-1);
  const begun = last?.startedAt;
  const told = ledger.flatMap((entry) => (entry.event === "told" && entry.to === profile ? [entry.at * 1000] : [])).at(-1);
  const known =
    told !== undefined &&
    told <= now.getTime() + clockTolerance &&
    now.getTime() - told < againSeconds * 1000 &&
    (begun === undefined || told >= begun.getTime() - clockTolerance);
  return { since: begun ?? pending?.since, tell: !known, to: profile };
}
