import type { Miss } from "../apply/outcome.ts";
import type { System } from "../diff/system.ts";
import { readSystem, toplevelFailure } from "../diff/toplevel.ts";
import type { StoreFiles } from "../io/ports.ts";
import type { BriefObservation, Observation } from "../target/observation.ts";
import { mountMisses } from "./mounts.ts";
import { processMisses } from "./processes.ts";
import { type RebootNeed, type RebootReason, rebootNeed } from "./reboot-need.ts";

/**
 * Why a reboot of the host is pending, at any time: what its systems differ in (src/verify/reboot-need.ts), and what its running system promises and only a boot brings:
 * a mount that a remount cannot change, a unit that was left running by design. Those are seen where the host was looked at in full and the systems that it booted and runs
 * are in this machine's store; of a host that has booted what it runs there are none, so that what a boot could not settle never asks for another one.
 */
export function pendingReboot(observation: BriefObservation | Observation, store: StoreFiles): RebootNeed {
  const need = rebootNeed(observation, store);
  const settled = "devices" in observation && !need.staged ? settledByBoot(observation, store) : [];
  const known = new Set(need.reasons.map(({ part }) => part));
  const reasons = settled.filter(({ part }) => !known.has(part));
  return reasons.length === 0 ? need : { ...need, needed: true, reasons: [...need.reasons, ...reasons] };
}

function settledByBoot(observation: Observation, store: StoreFiles): RebootReason[] {
  const { booted, current } = observation;
  if (booted === undefined || booted === current) return [];
  const [old, system] = [systemAt(store, booted), systemAt(store, current)];
  if (old === undefined || system === undefined) return [];
  // Of a process its own start says nothing here: whatever was changed since the boot was restarted after it.
  const atBoot = { ...observation, at: new Date(observation.at.getTime() - observation.uptimeSeconds * 1000) };
  // What does not fit the system that was booted either, no boot has settled.
  const stood = new Set(mountMisses(undefined, old, observation, observation).map(keyOf));
  const mounts = mountMisses(old, system, observation, observation).filter((miss) => !stood.has(keyOf(miss)));
  const misses = [...mounts, ...processMisses(old, system, atBoot, observation, store.prefix)];
  return misses.flatMap((miss) => (miss.needs === "reboot" ? [reasonOf(miss)] : []));
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
