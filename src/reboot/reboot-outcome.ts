import type { Outcome, OutcomeKind } from "../apply/outcome.ts";
import { ledgerOf } from "../deploy/ledger-of.ts";
import type { HostName } from "../discover/host.ts";
import { failure, type Failure, type FailureCode } from "../failure.ts";
import type { Observation } from "../target/observation.ts";
import type { Due, NeedsPerson } from "./due.ts";
import type { Wait } from "./schedule.ts";
import type { Postponed, RebootState } from "./state.ts";
import { type Trouble, troubleOf } from "./trouble.ts";
import type { RebootPolicy } from "./window-policy.ts";
import { hoursText, instantText, pendingText, zoneOf } from "./window-text.ts";

/** What one run of reboots came to for one host. */
export type Rebooted = {
  readonly host: HostName;
  readonly outcome: Outcome;
  /** Something was done to it, or it was found where an earlier run had left it. */
  readonly moved: boolean;
  /** As it was last known to wait for one; undefined where it waits for none, or could not be asked. */
  readonly pending:
    | undefined
    | {
        readonly since: Date | undefined;
        readonly hours: number | undefined;
        readonly missed: number;
        readonly overdue: boolean;
        /** When it may reboot next, by its windows; undefined where that is up to a person. */
        readonly next: Date | undefined;
      };
  /** It needs a person: since when, and whether that is to be told. Undefined where it needs none, or where it does not answer. */
  readonly trouble?: Trouble;
  /** From the order until it was back, where it was rebooted. */
  readonly seconds: number | undefined;
};

export type Known = {
  readonly host: HostName;
  readonly policy: RebootPolicy;
  readonly state: RebootState | undefined;
  readonly due: Due | undefined;
  readonly wait: Pick<Wait, "sentence"> | undefined;
  readonly silence: Failure | undefined;
  readonly observation: Observation | undefined;
  readonly notes: readonly string[];
  readonly dryRun: boolean;
  readonly now: Date;
};

/** It will be the same the next time, until somebody sees to it. */
const forPerson: ReadonlySet<Postponed> = new Set(["boot-entry", "drain-failed", "order-refused", "attended", "clock"]);

/** What became of a host, with its reasons. Pure; each host has exactly one (invariant 5). */
export function rebootOutcome(known: Known): Rebooted {
  const { host, state, due, observation, now } = known;
  const waits = due === undefined || due.kind === "nothing" ? undefined : due;
  const released = state?.kind === "released";
  const { kind, reasons, failure: why, next } = told(known);
  const age = waits !== undefined && !released && kind !== "reboot-failed" && kind !== "unreachable" ? [pendingText(waits.pending)] : [];
  const pending =
    waits === undefined || released
      ? undefined
      : { ...waits.pending, next: waits.kind === "later" ? waits.opening.opens : waits.kind === "now" ? now : undefined };
  const gone = observation === undefined || known.silence !== undefined || (state?.kind === "failed" && state.why === "never-came-back");
  const trouble = gone ? undefined : troubleOf(kind, pending, observation.profile, ledgerOf(observation), now);
  return {
    host,
    outcome: {
      outcome: kind,
      reasons: [reasons[0], ...reasons.slice(1), ...age, ...known.notes],
      ...(why === undefined ? {} : { failure: why }),
      ...(next === undefined ? {} : { next }),
      // What was seen last of one that never came back, it was before its reboot.
      ...(gone ? {} : { now: { current: observation.current, profile: observation.profile, booted: observation.booted } }),
      misses: [],
      attempts: [],
    },
    moved: state !== undefined && !(state.kind === "postponed" && before.has(state.why)),
    pending,
    ...(trouble === undefined ? {} : { trouble }),
    seconds: released ? state.seconds : undefined,
  };
}

/** Looked at and left alone: nothing of it is in any ledger. */
const before: ReadonlySet<Postponed> = new Set(["clock", "busy", "logged-in", "checks", "inhibited", "changed", "attended"]);

type Told = {
  readonly kind: OutcomeKind;
  readonly reasons: readonly [string, ...string[]];
  readonly failure?: Failure;
  readonly next?: string;
};

function told({ host, policy, state, due, wait, silence, dryRun, now }: Known): Told {
  if (state !== undefined) return ofState(host, policy, state, now);
  if (silence !== undefined) return ofSilence(policy, silence, due);
  if (due === undefined) return { kind: "not-reached", reasons: ["The run ended before its turn."] };
  switch (due.kind) {
    case "nothing":
      return { kind: "unchanged", reasons: [due.sentence] };
    case "later":
      return { kind: "reboot-pending", reasons: [due.sentence] };
    case "person":
      return { kind: "reboot-held", reasons: [due.sentence], ...seeTo(host, due.why) };
    case "now":
      if (wait !== undefined) return { kind: "reboot-pending", reasons: [wait.sentence] };
      return dryRun
        ? { kind: "would-reboot", reasons: [`${due.sentence} It would be rebooted now.`] }
        : { kind: "reboot-pending", reasons: ["The run ended before its turn."] };
  }
}

/** What a person types first, where `reboot --now` would only say the same again; that sets windows aside and nothing else. */
function seeTo(host: HostName, why: NeedsPerson | Postponed): { readonly next?: string } {
  switch (why) {
    case "tried":
      return {
        next: `ssh ${host} 'readlink -f /run/booted-system /nix/var/nix/profiles/system; bootctl list; journalctl --list-boots'   # mend it, then reboot it there or deploy again`,
      };
    case "boot-entry":
    case "unknown-system":
      return { next: `ssh ${host} 'readlink -f /run/booted-system /nix/var/nix/profiles/system; bootctl list'` };
    case "given-up":
    case "no-ledger":
    case "ledger-unreadable":
      return { next: `ssh ${host} tail -n 20 /var/lib/nixos-deploy-gate/ledger.jsonl   # then reboot it there` };
    case "clock":
      return { next: `ssh ${host} timedatectl` };
    case "never":
    case "attended":
    case "no-window":
    case "window-too-short":
    case "window":
    case "group-busy":
    case "target-changed":
    case "cancelled":
    case "drain-failed":
    case "order-refused":
    case "order-lost":
    case "busy":
    case "logged-in":
    case "checks":
    case "inhibited":
    case "changed":
      return {};
  }
}

/** No word of it, where another answer in its place, or one that sends the gate away, is no sleep. */
const asleep: ReadonlySet<FailureCode> = new Set(["target-unreachable", "target-lost", "target-timed-out"]);

function ofSilence({ mayBeOffline }: RebootPolicy, silence: Failure, due: Due | undefined): Told {
  if (!mayBeOffline || !asleep.has(silence.code)) return { kind: "unreachable", reasons: [silence.message], failure: silence };
  const reason = `It does not answer, which its policy allows (reboot.mayBeOffline): ${silence.message}`;
  // Where it fell asleep in the middle of this run, how long it waits is known and said.
  return { kind: "offline", reasons: due === undefined ? [reason, "Since when a reboot of it is pending, only it can tell."] : [reason] };
}

function ofState(host: HostName, policy: RebootPolicy, state: RebootState, now: Date): Told {
  switch (state.kind) {
    case "released":
      return {
        kind: "rebooted",
        reasons: [releasedText(policy, state, now)],
      };
    case "armed": {
      const at = instantText(state.fireAt, zoneOf(policy), now);
      return { kind: "reboot-pending", reasons: [`A timer on the host reboots it ${at}; the next run verifies it.`] };
    }
    case "postponed":
      return forPerson.has(state.why)
        ? { kind: "reboot-held", reasons: [state.sentence], ...seeTo(host, state.why) }
        : { kind: "reboot-pending", reasons: [state.sentence] };
    case "failed":
      return {
        kind: "reboot-failed",
        reasons: [failedText(policy, state, now)],
        failure: failure("reboot-failed", { host, why: state.why, sentence: state.sentence }),
      };
    case "due":
    case "preflight":
    case "beginning":
    case "surveying":
    case "draining":
    case "ordering":
      return { kind: "reboot-pending", reasons: ["The run ended before it was rebooted; the next run takes it up."] };
    case "rebooting":
    case "verifying":
    case "undraining":
      return { kind: "reboot-pending", reasons: ["Its reboot is under way; the next run reads what came of it."] };
  }
}

function releasedText(policy: RebootPolicy, { job, seconds }: Extract<RebootState, { kind: "released" }>, now: Date): string {
  if (job.begunAt === undefined) return `It was rebooted into what it was to boot, came back after ${tookText(seconds)} and is verified.`;
  const late = seconds > policy.returnSeconds ? `, longer than the ${tookText(policy.returnSeconds)} that its policy waits` : "";
  return `${begunText(policy, job.begunAt, now)} It came back after ${tookText(seconds)}${late}, with what it was to boot, and is verified.`;
}

const failedText = (policy: RebootPolicy, { job, sentence }: Extract<RebootState, { kind: "failed" }>, now: Date): string =>
  job.begunAt === undefined ? sentence : `${begunText(policy, job.begunAt, now)} ${sentence}`;

const begunText = (policy: RebootPolicy, at: Date, now: Date): string =>
  `An earlier run began its reboot ${instantText(at, zoneOf(policy), now)} and did not see its end.`;

const tookText = (seconds: number): string => (seconds < 120 ? `${seconds} s` : hoursText(seconds / 3_600));
