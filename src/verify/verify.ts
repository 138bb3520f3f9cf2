import type { Miss } from "../apply/outcome.ts";
import { newSystemCache, readSystem, type SystemCache, toplevelFailure } from "../diff/toplevel.ts";
import type { System } from "../diff/system.ts";
import type { SystemDiff } from "../diff/system-diff.ts";
import type { StoreFiles } from "../io/ports.ts";
import type { Observation } from "../target/observation.ts";
import { failedUnitMisses } from "./failed-units.ts";
import { kernelMisses } from "./kernel.ts";
import { mountMisses } from "./mounts.ts";
import type { Planned } from "./planned.ts";
import { portMisses } from "./ports.ts";
import { processMisses } from "./processes.ts";
import { sshdMisses } from "./sshd.ts";
import { stoppedUnitMisses } from "./stopped-units.ts";
import { swapMisses } from "./swaps.ts";
import { changedSysctl, sysctlMisses } from "./sysctl.ts";
import { toplevelMisses } from "./toplevel.ts";

export type Verification = {
  readonly planned: Planned;
  /** From before the deploy: the baseline. */
  readonly before: Observation;
  readonly after: Observation;
  /** This machine's store, which holds the planned systems; the one from before where it was compared. */
  readonly store: StoreFiles;
  /** Of what was active before and what was planned to be, where it was made. It explains ports that went. */
  readonly diff?: SystemDiff;
  readonly cache?: SystemCache;
};

/**
 * What the new system promises and the host does not show, worst first; empty where everything took effect. What cannot be told is in it with `needs: "nothing"` where
 * the change makes it matter. The host must have been asked for `sysctlKeys` before `after` was taken. Pure: observations and store are all that it looks at.
 */
export function verifyHost({ planned, before, after, store, diff, cache = newSystemCache() }: Verification): Miss[] {
  const misses = [...toplevelMisses(planned, before, after), ...failedUnitMisses(before, after)];
  const problem = toplevelFailure(store, planned.current);
  if (problem !== undefined) {
    const sentence = `What ${planned.current} promises cannot be compared: ${problem.message}`;
    misses.push({ family: "toplevel", subject: "store", expected: planned.current, found: "not readable", needs: "person", sentence });
    return ordered(misses);
  }
  // What another system promises says nothing of this one.
  if (after.current !== planned.current) return ordered(misses);
  const system = readSystem(store, planned.current, cache);
  const old = readOld(store, before, cache);
  const effects = new Map((diff?.units ?? []).map((change) => [change.name, change.effect]));
  misses.push(
    ...stoppedUnitMisses(old, system, before, after),
    ...processMisses(old, system, before, after, store.prefix, effects),
    ...mountMisses(old, system, before, after),
    ...swapMisses(old, system, after),
    ...kernelMisses(planned, old, system, after, store),
    ...sysctlMisses(store, old, system, after),
    ...sshdMisses(store, old, system, before, after),
    ...portMisses(old, system, before, after, diff),
  );
  return ordered(misses);
}

/** The kernel settings that a verification will want to see, for `observe`. */
export function sysctlKeys(planned: Planned, before: Observation, store: StoreFiles, cache: SystemCache = newSystemCache()): string[] {
  if (toplevelFailure(store, planned.current) !== undefined) return [];
  const old = readOld(store, before, cache);
  return old === undefined ? [] : [...changedSysctl(store, old, readSystem(store, planned.current, cache)).keys()];
}

function readOld(store: StoreFiles, before: Observation, cache: SystemCache): System | undefined {
  const { current } = before;
  return current === undefined || toplevelFailure(store, current) !== undefined ? undefined : readSystem(store, current, cache);
}

const families = ["toplevel", "sshd", "unit", "mount", "port", "process", "kernel", "sysctl", "check"];

/** What cannot be told comes last; else by family, in the order of how much a person is cut off from; else as found. */
function ordered(misses: readonly Miss[]): Miss[] {
  const rank = (miss: Miss): number => {
    const family = families.indexOf(miss.family);
    return (miss.needs === "nothing" ? 100 : 0) + (family === -1 ? families.length : family);
  };
  return misses.toSorted((a, b) => rank(a) - rank(b));
}
