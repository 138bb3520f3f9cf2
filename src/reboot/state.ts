import type { Leave } from "../apply/group-health.ts";
import type { Attempt, LedgerEntry } from "../target/ledger.ts";
import type { Observation } from "../target/observation.ts";
import type { CheckResult } from "../target/check-result.ts";
import type { RebootPolicy } from "./window-policy.ts";

/** The words of the state machine of one reboot: where it is, what happened, what is to be done. All of it is data. */

/** What was decided before anything began. */
export type RebootJob = {
  readonly attempt: Attempt;
  /** The boot that it is to end: when the host has another one, somebody was first. */
  readonly bootId: string;
  readonly group: string | undefined;
  readonly release: string | undefined;
  readonly policy: RebootPolicy;
  /** It is ordered no later than this, so that it ends before its window does. Undefined where the window is endless. */
  readonly latest: Date | undefined;
  /** Units that had failed before; undefined where nobody knows. */
  readonly failedBefore: readonly string[] | undefined;
  /** An earlier run began it then, by the host's clock, and did not see its end. Absent where this run began it. */
  readonly begunAt?: Date;
  /** For `trigger: "timer"`: when it fires. */
  readonly fireAt: Date | undefined;
};

/** Why nothing was rebooted. The attempt is written down as given up and may be begun anew, but for a few reasons only three times. */
export type GivenUp =
  | "window"
  | "group-busy"
  | "target-changed"
  | "cancelled"
  | "drain-failed"
  | "order-refused"
  | "boot-entry"
  | "order-lost";

/** Why the host is not what it should be after the order. Ends the group's turn. */
export type RebootFailure =
  | "never-came-back"
  | "did-not-go-down"
  | "other-generation"
  | "other-kernel"
  | "unhealthy"
  | "undrain-failed"
  | "not-begun";

export type RebootState =
  | { readonly kind: "due"; readonly job: RebootJob }
  | { readonly kind: "preflight"; readonly job: RebootJob }
  /** The attempt is being written into the ledger. */
  | { readonly kind: "beginning"; readonly job: RebootJob }
  /** Its group is looked at once more, now that every other run can see that this host is going. */
  | { readonly kind: "surveying"; readonly job: RebootJob }
  | { readonly kind: "draining"; readonly job: RebootJob }
  | { readonly kind: "ordering"; readonly job: RebootJob }
  /** `certain`: the host said that it was ordered. */
  | { readonly kind: "rebooting"; readonly job: RebootJob; readonly since: Date; readonly certain: boolean }
  | { readonly kind: "verifying"; readonly job: RebootJob; readonly seconds: number; readonly at: Date }
  | { readonly kind: "undraining"; readonly job: RebootJob; readonly closing: Closing }
  /** Done for this run; the host goes on by itself and the next run reads the result. */
  | { readonly kind: "armed"; readonly job: RebootJob; readonly fireAt: Date }
  | { readonly kind: "released"; readonly job: RebootJob; readonly seconds: number }
  /** Nothing was begun, or what was begun was given up. */
  | { readonly kind: "postponed"; readonly job: RebootJob; readonly why: Postponed; readonly sentence: string }
  | { readonly kind: "failed"; readonly job: RebootJob; readonly why: RebootFailure; readonly sentence: string };

export type Postponed = GivenUp | "clock" | "busy" | "logged-in" | "checks" | "inhibited" | "changed" | "attended";

/** What undraining is the last step before. */
export type Closing =
  | { readonly kind: "released"; readonly seconds: number; readonly at: Date }
  | { readonly kind: "given-up"; readonly why: GivenUp; readonly sentence: string; readonly at: Date };

/** `now` is the gate's clock. */
export type RebootEvent =
  | { readonly event: "go"; readonly now: Date }
  | {
      readonly event: "preflighted";
      readonly now: Date;
      readonly observation: Observation;
      readonly checks: readonly CheckResult[];
      /** What `inhibit` commands said no, or did not answer, in words. */
      readonly inhibited: readonly string[];
      readonly leave: Leave;
    }
  /** Not ok: the host has booted since, another run has begun, or its ledger cannot be written. */
  | { readonly event: "begun"; readonly ok: boolean; readonly detail: string }
  | { readonly event: "surveyed"; readonly now: Date; readonly leave: Leave }
  | { readonly event: "drained"; readonly now: Date; readonly ok: boolean; readonly detail: string }
  /**
   * `reason` is the host's: `boot-changed`, `window`, `target-changed`, `not-open`, `boot-entry…`. `unknown`: the connection ended before
   * the answer, which may mean that it reboots.
   */
  | { readonly event: "ordered"; readonly now: Date; readonly result: "ordered" | "refused" | "unknown"; readonly reason: string }
  | { readonly event: "observed"; readonly now: Date; readonly observation: Observation }
  | { readonly event: "silent"; readonly now: Date }
  /** What checks and the verify stage found, as sentences; none is good. */
  | { readonly event: "verified"; readonly problems: readonly string[] }
  | { readonly event: "undrained"; readonly ok: boolean; readonly detail: string };

export type RebootEffect =
  /** Observe the host, ask its checks and `inhibit`, and whether its group can spare it. */
  | { readonly effect: "preflight" }
  /**
   * Only while no other attempt is open in the host's ledger, and while it has not booted since: of two runs at the same time one begins.
   */
  | { readonly effect: "begin"; readonly bootId: string; readonly entry: Extract<LedgerEntry, { event: "started" }> }
  | { readonly effect: "survey" }
  | { readonly effect: "drain" | "undrain"; readonly command: readonly string[]; readonly timeoutSeconds: number }
  | { readonly effect: "reboot"; readonly bootId: string; readonly latest: Date | undefined }
  | { readonly effect: "arm"; readonly bootId: string; readonly fireAt: Date; readonly latest: Date | undefined }
  | { readonly effect: "observe"; readonly afterSeconds: number }
  | { readonly effect: "verify" }
  /** Takes back the one-shot entry's fallback: from now on the boot loader's default is the host's again. */
  | { readonly effect: "settle" }
  | { readonly effect: "note"; readonly entry: Extract<LedgerEntry, { event: "rebooted" }> }
  /** Written only while the host has not booted since: otherwise it was rebooted after all, and the next run says how that went. */
  | { readonly effect: "give-up"; readonly bootId: string; readonly entry: Extract<LedgerEntry, { event: "ended" }> }
  | { readonly effect: "stop-group"; readonly group: string; readonly sentence: string }
  | { readonly effect: "escalate"; readonly why: RebootFailure; readonly sentence: string };

export type Step = { readonly state: RebootState; readonly effects: readonly RebootEffect[] };
