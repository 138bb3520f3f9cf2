import { lastApplied, triedOf } from "../apply/history.ts";
import { type Hold, openHold } from "../apply/hold.ts";
import { entriesOf } from "../decide/rejection.ts";
import type { HostName } from "../discover/host.ts";
import type { Failure } from "../failure.ts";
import type { StoreFiles } from "../io/ports.ts";
import type { Policy } from "../policy.ts";
import { rebootDue } from "../reboot/due.ts";
import { rebootPolicyOf } from "../reboot/window-policy.ts";
import { windowsText } from "../reboot/window-text.ts";
import type { BriefObservation } from "../target/observation.ts";
import type { Observed } from "../target/observe.ts";
import { pendingReboot } from "../verify/pending-reboot.ts";
import { ledgerOf } from "./ledger-of.ts";

/** What a host is right now, as it said itself and as its ledger says. */
export type HostStatus =
  | { readonly host: HostName; readonly reachable: false; readonly failure: Failure }
  | {
      readonly host: HostName;
      readonly reachable: true;
      readonly current: string | undefined;
      readonly profile: string | undefined;
      readonly booted: string | undefined;
      readonly generation: number | undefined;
      readonly specialisation: string | undefined;
      readonly kernel: string;
      readonly uptimeSeconds: number;
      readonly systemState: string;
      readonly failedUnits: readonly string[];
      /** Units of activations that run right now. */
      readonly activations: readonly string[];
      readonly reboot: {
        readonly needed: boolean;
        readonly reasons: readonly string[];
        /** When it will happen, or why not by itself. */
        readonly when: string;
        readonly windows: string;
        /** Where it will happen by itself: when its window opens, or now where it is open. */
        readonly next: Date | undefined;
        /** When what waits became the boot default. */
        readonly pendingSince: Date | undefined;
        readonly pendingHours: number | undefined;
        readonly missedWindows: number;
        /** Pending for longer than policy takes for normal. */
        readonly overdue: boolean;
      };
      /** Of what a gate applied last; undefined where none did, or where the ledger cannot be read. */
      readonly revision: string | undefined;
      /** Commits of the flake that it does not have yet; undefined where that cannot be told. */
      readonly behindBy: number | undefined;
      /** It waits for a person's word; undefined where it does not, or where its ledger does not say so. */
      readonly held: (Hold & { readonly hours: number }) | undefined;
      readonly ledger: "none" | "unreadable" | "read";
      readonly last: { readonly outcome: string; readonly reason: string; readonly at: Date } | undefined;
    };

export type StatusQuestion = {
  readonly host: HostName;
  readonly asked: Observed<BriefObservation>;
  readonly policy: Policy;
  readonly store: StoreFiles;
  readonly now: Date;
  /** What the flake says that it is to be; undefined where that cannot be told. */
  readonly wanted?: string | undefined;
  /** By revision. */
  readonly behind: ReadonlyMap<string, number>;
};

/** Puts together what is known of one host. Pure. */
export function hostStatus({ host, asked, policy, store, now, wanted, behind }: StatusQuestion): HostStatus {
  if (!asked.ok) return { host, reachable: false, failure: asked.failure };
  const { observation } = asked;
  const { current, profile, booted, generation, specialisation, kernel, uptimeSeconds, systemState, failedUnits, activations } =
    observation;
  const ledger = ledgerOf(observation);
  const revision = appliedRevision(observation);
  const last = triedOf(entriesOf(ledger)).findLast((tried) => tried.ended !== undefined)?.ended;
  const need = pendingReboot(observation, store);
  const rebootPolicy = rebootPolicyOf(policy, host);
  const due = rebootDue({ host, observation, need, ledger, policy: rebootPolicy, now });
  // What the flake has come back to needs no word any more, although no run has said so yet.
  const hold = wanted !== undefined && wanted === profile && wanted === current ? undefined : openHold(entriesOf(ledger));
  const pending = due.kind === "nothing" ? undefined : due.pending;
  return {
    host,
    reachable: true,
    current,
    profile,
    booted,
    generation,
    specialisation,
    kernel: kernel.release,
    uptimeSeconds,
    systemState,
    failedUnits,
    activations,
    reboot: {
      needed: need.needed,
      reasons: need.reasons.filter((reason) => reason.required).map((reason) => reason.sentence),
      when: due.sentence,
      windows: windowsText(rebootPolicy),
      next: due.kind === "later" ? due.opening.opens : due.kind === "now" ? now : undefined,
      pendingSince: pending?.since,
      pendingHours: pending?.hours,
      missedWindows: pending?.missed ?? 0,
      overdue: pending?.overdue ?? false,
    },
    revision,
    behindBy: revision === undefined ? undefined : behind.get(revision),
    held: hold === undefined ? undefined : { ...hold, hours: Math.max(0, (now.getTime() - hold.since.getTime()) / 3_600_000) },
    ledger: typeof ledger === "string" ? ledger : "read",
    last: last === undefined ? undefined : { outcome: last.outcome, reason: last.reason, at: new Date(last.at * 1000) },
  };
}

/** The revision of what a gate applied last on the host. */
export function appliedRevision(observation: BriefObservation): string | undefined {
  return lastApplied(entriesOf(ledgerOf(observation)))?.revision;
}
