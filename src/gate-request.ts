import type { GcRoots } from "./build/gc-root.ts";
import type { Phase } from "./classify/rule.ts";
import type { SessionAtHand } from "./classify/second-opinion.ts";
import type { DeployRequest } from "./deploy/contact.ts";
import type { Patience } from "./diagnose/may-pass.ts";
import type { Isolation } from "./discover/canary.ts";
import type { Holdings } from "./discover/guard.ts";
import type { Sources } from "./discover/source.ts";
import type { HostReport } from "./host-report.ts";
import type { Clock, Log, Nix, StoreDatabase, StoreFiles } from "./io/ports.ts";
import type { Policy } from "./policy.ts";
import type { Plan, PlanEvent } from "./report/plan.ts";

/** What one run is asked. */
export type GateRequest = {
  readonly event: PlanEvent;
  readonly phase: Phase;
  readonly repository?: string;
  readonly flake: string;
  readonly sources: Sources;
  /** Of the commits in between. Untrusted text. */
  readonly commitMessage: () => Promise<string | undefined>;
  /** Globs; all hosts where empty. */
  readonly hosts: readonly string[];
  /** How much strangers may read, unless the policy says. */
  readonly detail: "full" | "names";
  readonly holdings: Holdings;
  /** False: judged from derivations alone, and nothing is called clean. */
  readonly build: boolean;
  /** Given what derivations tell, while the build goes on. */
  readonly onPreview?: (plan: Plan) => Promise<void>;
  /** The session, or why there is none, as a clause. */
  readonly session: SessionAtHand | string;
  /** Hosts are asked, and changed where that was decided; absent where nothing is contacted. */
  readonly deploy?: DeployRequest;
  /** Hears the policy in force; `changes` where hosts may be changed under it. */
  readonly onPolicy?: (policy: Policy, changes: boolean) => void;
  /** Hears what was decided, before the first host is changed. Nothing waits for it. */
  readonly onDecided?: (reports: readonly HostReport[], policy: Policy, revision: string | undefined) => void;
  readonly version: string;
  readonly notes: readonly string[];
};

export type GatePorts = {
  readonly nix: Nix;
  readonly store: StoreFiles;
  readonly database?: StoreDatabase;
  readonly clock: Clock;
  readonly log: Log;
  /** What the canary found: whether unreviewed code can read what this run holds. Undefined where all of the code has been merged. */
  readonly isolation: Promise<Isolation | undefined>;
  /** Why unreviewed code cannot be isolated on this machine, where it cannot. */
  readonly noJail: string | undefined;
  readonly machine: { readonly cores: number; readonly freeMemoryBytes: number };
  /** Undefined where nothing is waited for. */
  readonly patience?: Patience;
  readonly roots: GcRoots;
};
