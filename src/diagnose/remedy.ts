import type { FailureStage } from "./evidence.ts";

/**
 * All that may ever be done about a failure, closed on purpose: what a failure says was written by others, so it may choose from here and never add. Nothing of a
 * remedy is a command; each is carried out by code that was there before the failure.
 */
export type Remedy =
  /** The same once more. */
  | { readonly kind: "retry" }
  /** The new system becomes the boot default and the host reboots into it; the running system is left alone until then. */
  | { readonly kind: "retry-as-boot-and-reboot" }
  | { readonly kind: "restart-units"; readonly units: readonly string[] }
  /** These stop first, then the same once more: for what holds a mount busy. */
  | { readonly kind: "stop-then-switch"; readonly units: readonly string[] }
  /** Back to the toplevel that was recorded before. */
  | { readonly kind: "rollback" }
  /** Waits until that holds, at most so long, then the same once more. */
  | { readonly kind: "wait-until"; readonly condition: WaitCondition; readonly seconds: number }
  /** A person is told everything and decides. */
  | { readonly kind: "escalate" };
export type RemedyKind = Remedy["kind"];

export const remedyKinds = [
  "retry",
  "retry-as-boot-and-reboot",
  "restart-units",
  "stop-then-switch",
  "rollback",
  "wait-until",
  "escalate",
] as const satisfies readonly RemedyKind[];

/** What can be waited for: each is looked at by asking, never by sleeping and hoping. */
export const waitConditions = ["host-answers", "lock-free", "substituter-answers"] as const;
export type WaitCondition = (typeof waitConditions)[number];

/** So long at most, whoever asks for it. */
export const longestWaitSeconds = 900;
/** So many units at most in one remedy: what needs more is no restart but another deploy. */
export const mostUnits = 16;

/** What must hold before a remedy is tried. What is not known does not hold. */
export const preconditions = [
  "host-reachable",
  /** What the host was before is recorded and still in its store. */
  "return-known",
  /** No data may have been migrated. */
  "reversible",
  /** Something of the failed attempt is active or boots. */
  "something-to-undo",
  /** The running system is still what it was before the attempt. */
  "running-untouched",
  /** The policy reboots this host without a person, in a window that is open or ahead. */
  "may-reboot",
  /** Nobody has to be there when it boots. */
  "unattended",
  /** One more of its group may be away. */
  "group-allows",
  /** Every unit is one of those that the evidence is about. */
  "units-known",
  /** The attempt activates the new system; where it only stages it there is nothing to stop first. */
  "mode-switches",
] as const;
export type Precondition = (typeof preconditions)[number];

type Terms = { readonly stages: readonly FailureStage[]; readonly needs: readonly Precondition[] };

const onHost = ["activation", "verification", "reboot"] as const satisfies readonly FailureStage[];
const anywhere = ["evaluation", "build", "copy", "connection", ...onHost] as const satisfies readonly FailureStage[];

/** When each may be tried at all, as data, for the recovery policy and for the page that explains it. */
export const terms: Readonly<Record<RemedyKind, Terms>> = {
  // After an activation has changed the host a second one starts from somewhere else than what was judged.
  retry: { stages: ["evaluation", "build", "copy", "connection", "activation"], needs: ["running-untouched"] },
  "retry-as-boot-and-reboot": {
    stages: ["activation"],
    needs: ["host-reachable", "running-untouched", "may-reboot", "unattended", "group-allows", "return-known"],
  },
  "restart-units": { stages: ["activation", "verification"], needs: ["host-reachable", "units-known", "group-allows"] },
  "stop-then-switch": {
    stages: ["activation"],
    needs: ["host-reachable", "mode-switches", "units-known", "reversible", "return-known", "group-allows"],
  },
  rollback: { stages: onHost, needs: ["host-reachable", "return-known", "reversible", "something-to-undo"] },
  "wait-until": { stages: ["evaluation", "build", "copy", "connection", "activation"], needs: ["running-untouched"] },
  escalate: { stages: anywhere, needs: [] },
};
