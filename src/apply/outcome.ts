import type { Failure } from "../failure.ts";

/** What became of a host. Exactly one for each, each with positive evidence (invariant 5). */
export type Outcome = {
  readonly outcome: OutcomeKind;
  /** At least one sentence; the first says what happened. */
  readonly reasons: readonly [string, ...string[]];
  readonly failure?: Failure;
  /** The next command to type, where what held it or stands against it says one and there is no failure that does. May name what a host said. */
  readonly next?: string;
  /** What is active and what boots after the run, as the host said last; undefined where it could not be asked. */
  readonly now?: { readonly current: string | undefined; readonly profile: string | undefined; readonly booted: string | undefined };
  /** What did not take effect, found after the deploy. */
  readonly misses: readonly Miss[];
  /** Every strategy that was tried, in order. */
  readonly attempts: readonly Attempt[];
  /** The last of the activation's log. Untrusted text. */
  readonly log?: string;
  /** Where all of it lies on the host. */
  readonly logAt?: string;
};

export const outcomeKinds = [
  "unchanged",
  "not-managed",
  /** Active, boots, verified. */
  "deployed",
  /** Boot default set; a reboot brings it in. */
  "staged",
  /** Active and boots; part of it needs the reboot that follows. */
  "deployed-reboot-pending",
  /** Active and boots; something did not take effect and needs a person or the next run. */
  "deployed-with-misses",
  "held",
  "failed",
  "rolled-back",
  "live-but-old-boots",
  /** Left running unconfirmed because the change cannot be undone. */
  "left-unconfirmed",
  "unreachable",
  /** It does not answer a run of reboots, and its policy says that it may be off or asleep. */
  "offline",
  /** It carries the runner or the forge: its supervisor goes on alone and the next run reads the result. */
  "handed-over",
  /** A stop rule ended the waves before this host. */
  "not-reached",
  /** A person or another tool switched the host meanwhile. */
  "superseded",
  /** Only said: `--dry-run`. */
  "would-deploy",
  "would-stage",
  /** It boots what it was to boot, and is verified. */
  "rebooted",
  /** It reboots by itself, in its window or when its group can spare it. */
  "reboot-pending",
  /** A reboot is pending and waits for a person. */
  "reboot-held",
  /** Ordered, and the host did not come back as planned. */
  "reboot-failed",
  "would-reboot",
] as const;
export type OutcomeKind = (typeof outcomeKinds)[number];

export const strategies = ["switch", "boot", "restart-units", "stop-then-switch", "rollback", "escalate"] as const;
export type Strategy = (typeof strategies)[number];

/** Beside the strategies of a change what a recovery may do: the same once more, and to wait for something first. */
export const attemptKinds = [...strategies, "retry", "wait-until"] as const;
export type AttemptKind = (typeof attemptKinds)[number];
export type Attempt = { readonly strategy: AttemptKind; readonly ended: string };

/** Something that the change promised and that is not so on the running host. */
export type Miss = {
  /** Family: `toplevel`, `unit`, `mount`, `kernel`, `sysctl`, `sshd`, `port`, `process`, `check`. */
  readonly family: string;
  readonly subject: string;
  readonly expected: string;
  readonly found: string;
  readonly needs: "nothing" | "daemon-reload" | "reload" | "restart" | "remount" | "reboot" | "person";
  readonly sentence: string;
};
