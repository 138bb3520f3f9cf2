import { entriesOf } from "../decide/rejection.ts";
import { ledgerOf } from "../deploy/ledger-of.ts";
import type { HostName } from "../discover/host.ts";
import type { Failure } from "../failure.ts";
import type { Policy } from "../policy.ts";
import type { Observation } from "../target/observation.ts";
import type { RebootNeed } from "../verify/reboot-need.ts";
import { rebootAttempts } from "./attempts.ts";
import type { Hands } from "./carry-out.ts";
import type { Due } from "./due.ts";
import type { Look, Member } from "./member.ts";
import { type Rebooted, rebootOutcome } from "./reboot-outcome.ts";
import type { RebootWorld } from "./reboot-world.ts";
import type { RebootState } from "./state.ts";

/** What a run of reboots is given. */
export type RebootCase = {
  /** Every managed host that has an address: those that are not chosen are members of groups. */
  readonly members: readonly Member[];
  readonly policy: Pick<Policy, "hosts" | "groups">;
  /** Those that may be rebooted in this run. */
  readonly chosen: ReadonlySet<HostName>;
  /** What hosts said when the run began; one that is missing is asked again. */
  readonly asked: ReadonlyMap<HostName, Observation>;
  /** Why a chosen host has no address or could not be asked. */
  readonly silent: ReadonlyMap<HostName, Failure>;
  /** A person at a prompt wants them now: timers that were set are taken back first. */
  readonly byHand: boolean;
};

/** What is known of one host in this run. */
export type Card = {
  readonly member: Member;
  look: Look | undefined;
  healthy: boolean;
  /** Of the attempt that is under way, or that ended in this run. */
  state: RebootState | undefined;
  due: Due | undefined;
  wait: string | undefined;
  readonly hands: Hands;
};

/** What became of it, as far as this run has come. */
export function outcomeOf(card: Card, { asked, silent }: RebootCase, { dryRun, clock }: Pick<RebootWorld, "dryRun" | "clock">): Rebooted {
  const { member, look, state, due, wait, hands } = card;
  const { host, policy } = member;
  return rebootOutcome({
    host,
    policy,
    state,
    due,
    wait: wait === undefined ? undefined : { sentence: wait },
    silence: look?.kind === "silent" ? look.failure : look === undefined ? silent.get(host) : undefined,
    observation: hands.last ?? asked.get(host),
    notes: hands.notes,
    dryRun,
    now: clock.now(),
  });
}

/** Why a host is left alone. What cannot be told is no proof that nothing waits, and is said. */
export function nothingWaits({ booted, profile }: Observation, { unknown }: RebootNeed): string {
  if (booted !== undefined && booted === profile) return "It runs what it boots.";
  const [first] = unknown;
  return first === undefined ? "Nothing of what it runs waits for a reboot." : `Whether it waits for a reboot cannot be told: ${first}`;
}

/** An attempt is under way. */
export const isOpen = (observation: Observation): boolean => {
  const last = rebootAttempts(entriesOf(ledgerOf(observation))).at(-1);
  return last !== undefined && last.end === undefined;
};
