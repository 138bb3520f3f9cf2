import type { Overridable } from "../apply/preflight.ts";
import type { Diagnosed } from "../diagnose/diagnose.ts";
import type { Diagnostician } from "../diagnose/diagnostician.ts";
import type { Evidence } from "../diagnose/evidence.ts";
import type { HostName } from "../discover/host.ts";
import type { Finishing } from "./finishing.ts";
import type { IsAncestor } from "../apply/history.ts";
import type { Clock, Log, Nix, Probe, StoreDatabase, StoreFiles, Targets } from "../io/ports.ts";
import type { ApplyPolicy } from "../policy-deploy.ts";

/** Who says why a host failed, so that a remedy can be chosen, and what was said: of the failure as it was then. */
export type RecoveryWorld = {
  readonly asked: Diagnostician;
  readonly diagnosed: Map<HostName, { readonly evidence: Evidence; readonly found: Diagnosed }>;
  readonly database: StoreDatabase | undefined;
};

/** What a deploy reaches the world by. */
export type DeployWorld = {
  readonly targets: Targets;
  readonly nix: Nix;
  readonly probe: Probe;
  readonly clock: Clock;
  readonly pause: (seconds: number) => Promise<void>;
  /** Nothing new is begun once it is aborted. */
  readonly signal: AbortSignal;
  readonly finishing: Finishing;
  readonly log: Log;
  readonly store: StoreFiles;
  /** Of commits, by the history that is at hand. */
  readonly isAncestor: IsAncestor;
  readonly apply: ApplyPolicy;
  /** What hosts say of their failures while they can, the last of each; written by the deploy, for the diagnosis. */
  readonly evidence: Map<HostName, Evidence>;
  /** Undefined where nothing is tried beyond the strategies of the change itself. */
  readonly recovery: RecoveryWorld | undefined;
  /** 32 hexadecimal digits that nobody can guess. */
  readonly random: () => string;
  /** Everything but the change itself. */
  readonly dryRun: boolean;
  /** What a person asked to go on in spite of. */
  readonly despite: readonly Overridable[];
};
