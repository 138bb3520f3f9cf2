import type { ActivationOutcome, Attempt } from "../target/ledger.ts";

/** What the supervisor on the host is told. All of it was decided before the first byte reaches the host. */
export type ActivationRequest = {
  readonly attempt: Attempt;
  /** `switch`: test, wait for confirmation, then profile and loader. `boot`: profile and loader only. */
  readonly operation: "switch" | "boot";
  /** What is active and what boots now, as it was observed; the supervisor begins only while both are still so. */
  readonly from: { readonly current: string; readonly profile: string };
  /** The toplevel, which becomes the profile. */
  readonly to: string;
  /** What is activated: the toplevel or its specialisation of the same name. */
  readonly activate: string;
  readonly limits: { readonly activationSeconds: number; readonly confirmSeconds: number; readonly loaderSeconds: number };
  /** `gate`: from a new connection. `self`: the host carries the runner or the forge, so it asks `selfChecks` (a shell program and its arguments) itself. */
  readonly confirmation:
    | { readonly by: "gate" }
    | { readonly by: "self"; readonly program: string; readonly arguments: readonly string[]; readonly sshPort: number };
  /** False: data may have been migrated, so that silence alone does not take it back (invariant 6). */
  readonly reversible: boolean;
  /** Stopped before the operation begins: the strategy for busy mounts. */
  readonly stopFirst: readonly string[];
  /** What has kept the toplevel since before its copy; the supervisor takes it away when it has roots of its own. */
  readonly copyRoot?: string;
};

/** Where an activation is, as the host tells it. */
export type Phase =
  | { readonly phase: "starting" }
  | { readonly phase: "activating" }
  /** The operation has ended with `exit`; undefined where our limit ended it. The host waits for `confirm` or `return`. */
  | { readonly phase: "waiting"; readonly exit: number | undefined; readonly current: string | undefined }
  | { readonly phase: "installing" }
  | { readonly phase: "returning" }
  | { readonly phase: "ended"; readonly outcome: ActivationOutcome; readonly reason: string; readonly exit: number | undefined };

/** The last of the activation's log, bounded; untrusted text. */
export type Followed =
  | { readonly kind: "phase"; readonly phase: Phase; readonly log: string }
  /** No supervisor and no result of that attempt on the host: it never began, or the host lost power. */
  | { readonly kind: "gone" }
  | { readonly kind: "lost"; readonly detail: string };
