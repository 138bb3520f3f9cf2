import type { Miss } from "../apply/outcome.ts";
import type { System } from "../diff/system.ts";
import { readSystem, toplevelFailure } from "../diff/toplevel.ts";
import type { StoreFiles } from "../io/ports.ts";
import type { LedgerEntry } from "../target/ledger.ts";
import type { BriefObservation, Observation } from "../target/observation.ts";
import { readLedger } from "../target/read-ledger.ts";
import { mountMisses } from "./mounts.ts";
import { processMisses } from "./processes.ts";
import { type RebootNeed, type RebootReason, rebootNeed } from "./reboot-need.ts";

/**
 * Why a reboot of the host is pending, at any time: what its systems differ in (src/verify/reboot-need.ts), and what its running system promises and only a boot brings:
 * a mount that a remount cannot change, a unit that was left running by design. Those are seen where the host was looked at in full and the systems that it booted and runs
 * are in this machine's store, and are read in the host's ledger elsewhere; of a host that has booted what it runs there are none, so that what a boot could not settle never
 * asks for another one.
 */
export function pendingReboot(observation: BriefObservation | Observation, store: StoreFiles): RebootNeed {
  const need = rebootNeed(observation, store);
  if (need.staged || observation.booted === undefined || observation.booted === observation.current) return need;
  // What can be seen now comes before what was written then: somebody may have settled it.
  const settled = ("devices" in observation ? settledByBoot(observation, store) : undefined) ?? writtenDown(observation);
  const known = new Set(need.reasons.map(({ part }) => part));
  const reasons = settled.filter(({ part }) => !known.has(part));
  return reasons.length === 0 ? need : { ...need, needed: true, reasons: [...need.reasons, ...reasons] };
}

/** Undefined where the systems are not in this store. */
function settledByBoot(observation: Observation, store: StoreFiles): RebootReason[] | undefined {
  const [old, system] = [systemAt(store, observation.booted), systemAt(store, observation.current)];
  if (old === undefined || system === undefined) return undefined;
  // Of a process its own start says nothing here: whatever was changed since the boot was restarted after it.
  const atBoot = { ...observation, at: new Date(observation.at.getTime() - observation.uptimeSeconds * 1000) };
  // What does not fit the system that was booted either, no boot has settled.
  const stood = new Set(mountMisses(undefined, old, observation, observation).map(keyOf));
  const mounts = mountMisses(old, system, observation, observation).filter((miss) => !stood.has(keyOf(miss)));
  const misses = [...mounts, ...processMisses(old, system, atBoot, observation, store.prefix)];
  return misses.flatMap((miss) => (miss.needs === "reboot" ? [reasonOf(miss)] : []));
}

/** What the deploy of the system that runs wrote down, for a runner that does not have the systems. */
function writtenDown({ ledger, profile }: BriefObservation): RebootReason[] {
  const read = ledger === undefined ? undefined : readLedger(ledger);
  const entries = read?.ok === true ? read.entries : [];
  const last = entries.findLast((entry) => entry.event === "waits-for-boot" && entry.to === profile);
  if (last?.event !== "waits-for-boot") return [];
  return last.reasons.map(({ part, found, wanted, sentence }) => ({ part, booted: found, wanted, required: true, sentence }));
}

/** The line that a deploy leaves of its misses; undefined where none of them waits for a boot. What paths of systems tell at any time is left out. */
export function bootNote(to: string, misses: readonly Miss[], now: Date): Extract<LedgerEntry, { event: "waits-for-boot" }> | undefined {
  const reasons = misses
    .filter(({ family, needs }) => needs === "reboot" && family !== "kernel")
    .map(reasonOf)
    .map(({ part, booted, wanted, sentence }) => ({
      part: part.slice(0, 256),
      found: booted.slice(0, 300),
      wanted: wanted.slice(0, 300),
      sentence: sentence.slice(0, 500),
    }))
    .slice(0, 8);
  return reasons.length === 0 ? undefined : { v: 1, event: "waits-for-boot", at: Math.floor(now.getTime() / 1000), to, reasons };
}

const keyOf = ({ subject, found, expected }: Miss): string => JSON.stringify([subject, found, expected]);

const reasonOf = ({ family, subject, found, expected, sentence }: Miss): RebootReason => ({
  part: family === "mount" ? `mount ${subject}` : subject,
  booted: found,
  wanted: expected,
  required: true,
  sentence,
});

const systemAt = (store: StoreFiles, path: string | undefined): System | undefined =>
  path === undefined || toplevelFailure(store, path) !== undefined ? undefined : readSystem(store, path);
