import type { LedgerEntry } from "../target/ledger.ts";
import { tookEffect } from "./history.ts";

/** A host that waits for a person, as its ledger tells. */
export type Hold = {
  readonly since: Date;
  /** The commit with which these rules began to hold it. */
  readonly revision: string | undefined;
  /** That ask for a person; none where it is held for something else. */
  readonly rules: readonly string[];
  /** A person who said no since. */
  readonly rejected: { readonly by: string; readonly at: Date } | undefined;
};

const instant = (seconds: number): Date => new Date(seconds * 1000);

/** The hold that no later line has ended: a change that was brought in ends it, and so does a run that found nothing to hold. */
export function openHold(entries: readonly LedgerEntry[]): Hold | undefined {
  let hold: Hold | undefined;
  const reboots = new Set<string>();
  for (const entry of entries) {
    if (entry.event === "held")
      hold = { since: instant(entry.since), revision: entry.revision, rules: entry.rules, rejected: hold?.rejected };
    else if (entry.event === "let-go") hold = undefined;
    else if (entry.event === "rejected" && hold !== undefined) hold = { ...hold, rejected: { by: entry.by, at: instant(entry.at) } };
    else if (entry.event === "started" && entry.attempt.operation === "reboot") reboots.add(entry.attempt.id);
    else if (entry.event === "ended" && tookEffect.has(entry.outcome) && !reboots.has(entry.id)) hold = undefined;
  }
  return hold;
}

export type HoldNote = Extract<LedgerEntry, { event: "held" | "let-go" }>;

/**
 * What is to be added to the ledger of a host that a run decided on; undefined where its ledger says so already, and where the host is brought in or failed, which says
 * nothing of the hold before it. Pure.
 */
export function holdNote(
  decided: { readonly action: string; readonly rules: readonly string[]; readonly revision: string | undefined },
  entries: readonly LedgerEntry[],
  now: Date,
): HoldNote | undefined {
  const open = openHold(entries);
  const at = Math.floor(now.getTime() / 1000);
  if (decided.action === "nothing") return open === undefined ? undefined : { v: 1, event: "let-go", at };
  if (decided.action !== "hold") return undefined;
  const rules = [...new Set(decided.rules.map((rule) => rule.slice(0, 64)))].toSorted().slice(0, 16);
  if (open !== undefined && open.rules.join("\n") === rules.join("\n")) return undefined;
  const since = open === undefined ? at : Math.floor(open.since.getTime() / 1000);
  return { v: 1, event: "held", at, since, ...(decided.revision === undefined ? {} : { revision: decided.revision }), rules };
}
