import type { ActivationOutcome } from "../target/ledger.ts";

/** What went wrong with an attempt, as far as it decides what comes next. */
export type Trouble =
  /** A switch inhibitor refused; nothing was changed. */
  | "inhibitor"
  /** Exit 100: the init that runs is another one; nothing was activated. */
  | "init-interface"
  | "pre-switch-check"
  | "lock-held"
  /** The host is not what it was when the attempt was decided, or somebody switched it meanwhile. */
  | "moved"
  /** Something that the attempt needs is missing; nothing was changed. */
  | "not-begun"
  | "units-failed"
  /** Exit 2, or 4 with its words: half activated. */
  | "script-failed"
  | "timed-out"
  | "not-confirmed"
  | "killed"
  | "loader-failed"
  | "return-failed"
  | "unreachable"
  | "unknown";

/** How the supervisor's reason words read; those that it composes ("exit-4", "…-and-the-return-ended-with-4") are cut to their beginning first. */
const words: Readonly<Record<string, Trouble>> = {
  inhibitor: "inhibitor",
  "init-interface-version": "init-interface",
  "pre-switch-check": "pre-switch-check",
  "lock-held": "lock-held",
  busy: "lock-held",
  "moved-on": "moved",
  "switched-meanwhile": "moved",
  "profile-changed": "moved",
  "activation-limit": "timed-out",
  "not-confirmed": "not-confirmed",
  "self-check-failed": "not-confirmed",
  returned: "not-confirmed",
  "switch-killed": "killed",
  "supervisor-killed": "killed",
  "loader-failed": "loader-failed",
  "profile-failed": "loader-failed",
};

/**
 * The trouble of an attempt that the supervisor has ended; undefined where it is well. `exit` is what the operation ended with, where it did. A gate that asked for the
 * return knows better why than the word "returned" tells.
 */
export function troubleOfEnd(ended: {
  readonly outcome: ActivationOutcome;
  readonly reason: string;
  readonly exit: number | undefined;
}): Trouble | undefined {
  if (ended.outcome === "deployed" || ended.outcome === "staged") return undefined;
  if (ended.outcome === "rollback-failed") return "return-failed";
  if (ended.outcome === "superseded") return "moved";
  if (ended.outcome === "live-but-old-boots") return "loader-failed";
  const word = ended.reason.replace(/-and-.*$/, "");
  const known = Object.hasOwn(words, word) ? words[word] : undefined;
  if (ended.outcome === "refused") return known ?? "not-begun";
  if (word.startsWith("unreachable-")) return "unreachable";
  if (known !== undefined && known !== "not-confirmed") return known;
  if (ended.exit === 2) return "script-failed";
  if (ended.exit === 4) return "units-failed";
  return known ?? "unknown";
}
