import { LedgerEntry } from "./ledger.ts";

/** `line` is the first that cannot be parsed, counted from 1. */
export type LedgerRead = { readonly ok: true; readonly entries: readonly LedgerEntry[] } | { readonly ok: false; readonly line: number };

/** A line that is not ours makes all of it unreadable: with one entry missing neither order nor replay can be shown. Empty lines say nothing. */
export function readLedger(lines: readonly string[]): LedgerRead {
  const entries: LedgerEntry[] = [];
  for (const [n, line] of lines.entries()) {
    if (line.trim() === "") continue;
    const entry = parseLine(line);
    if (entry === undefined) return { ok: false, line: n + 1 };
    entries.push(entry);
  }
  return { ok: true, entries };
}

function parseLine(line: string): LedgerEntry | undefined {
  try {
    return LedgerEntry.safeParse(JSON.parse(line)).data;
  } catch {
    // Not JSON.
    return undefined;
  }
}

/** What has become of the digest of a transition: an approval that was ever started is spent, however that attempt ended. */
export function useOfDigest(entries: readonly LedgerEntry[], digest: string): "unknown" | "started" | "spent" | "rejected" {
  if (entries.some((entry) => entry.event === "rejected" && entry.digest === digest)) return "rejected";
  const ids = entries.flatMap((entry) => (entry.event === "started" && entry.attempt.digest === digest ? [entry.attempt.id] : []));
  if (ids.length === 0) return "unknown";
  const ended = new Set(entries.flatMap((entry) => (entry.event === "ended" ? [entry.id] : [])));
  return ids.every((id) => ended.has(id)) ? "spent" : "started";
}

/** Ids of attempts that began, never ended and cannot end any more, since the host has booted again: it lost power, or somebody rebooted it. A reboot of ours ends its attempt by itself. */
export function interrupted(entries: readonly LedgerEntry[], bootId: string): readonly string[] {
  const ended = new Set(entries.flatMap((entry) => (entry.event === "ended" ? [entry.id] : [])));
  return entries.flatMap((entry) =>
    entry.event === "started" && entry.attempt.operation !== "reboot" && entry.bootId !== bootId && !ended.has(entry.attempt.id)
      ? [entry.attempt.id]
      : [],
  );
}

/** Seconds that reboots took which went well, oldest first. */
export function rebootSeconds(entries: readonly LedgerEntry[]): readonly number[] {
  return entries.flatMap((entry) => (entry.event === "rebooted" && entry.ok ? [entry.seconds] : []));
}
