import type { Finishing } from "../deploy/finishing.ts";
import type { Clock, Log, Probe, StoreFiles, Targets } from "../io/ports.ts";

/** What reboots reach the world by. */
export type RebootWorld = {
  readonly targets: Targets;
  readonly probe: Probe;
  readonly clock: Clock;
  /** Where it holds a host's system, more can be said of what booted. */
  readonly store: StoreFiles;
  readonly log: Log;
  readonly pause: (seconds: number) => Promise<void>;
  /** Nothing new is begun once it is aborted. */
  readonly signal: AbortSignal;
  readonly finishing: Finishing;
  /** How many hosts at once, over all groups. */
  readonly parallel: number;
  /** Hosts are asked, and nothing is done. */
  readonly dryRun: boolean;
};
