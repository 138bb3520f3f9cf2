import { mayLeave } from "../../apply/group-health.ts";
import type { Look } from "../../apply/host-look.ts";
import { nothingElse, noShutdown } from "../../apply/host-questions.ts";
import { lastApplied } from "../../apply/history.ts";
import { entriesOf, type KnownLedger } from "../../decide/rejection.ts";
import type { GroupStanding } from "../../deploy/prepare-host.ts";
import type { HostName } from "../../discover/host.ts";
import type { Address } from "../../target/address.ts";
import type { Observation } from "../../target/observation.ts";
import { rightHost } from "../../target/right-host.ts";

/** What is asked of a host before any action. */
export type HostCase = {
  readonly address: Address;
  /** Right now. */
  readonly look: Look<Observation>;
  readonly ledger: KnownLedger;
};

/**
 * Why nothing at all may be done to a host now, as sentences; empty where it may. Pure. What is not known does not hold: a host on which no gate has deployed anything is
 * one that nobody has agreed to yet, and an unreadable ledger may hide that the same was just done.
 */
export function againstHost({ address, look, ledger }: HostCase): readonly string[] {
  const { host } = address;
  if (look.kind === "silent") return [`${host} could not be spoken to (${look.trouble}): ${look.detail}`];
  const { observation } = look;
  const wrong = rightHost(address, observation);
  if (wrong !== undefined) return [wrong.message];
  const reasons = [nothingElse(observation), noShutdown(observation)].flatMap(({ outcome, sentence }) =>
    outcome === "passed" ? [] : [sentence],
  );
  const { systemState } = observation;
  if (systemState !== "running" && systemState !== "degraded" && reasons.length === 0)
    reasons.push(
      systemState === "unknown"
        ? "What state its system is in cannot be told."
        : `Its system is ${systemState}; what comes of that is not known yet.`,
    );
  if (ledger === "unreadable") reasons.push(`The ledger of ${host} cannot be read, so what was done to it before is not known.`);
  else if (lastApplied(entriesOf(ledger)) === undefined)
    reasons.push(
      `The gate has not deployed ${host} yet: the first deploy of a host takes a person's word, and so does everything before it.`,
    );
  return reasons;
}

/** Why a host may not go away for a moment, as the sentence of its group. Pure. */
export function againstGroup(host: HostName, standing: GroupStanding): readonly string[] {
  if (standing === undefined) return [];
  const { group, health } = standing;
  const { allowed, sentence } = mayLeave(group, new Set(group.members.filter((one) => health.get(one)?.healthy !== true)), host);
  return allowed ? [] : [sentence];
}

/** What is worse after an action than before it, as sentences. Pure; a check that could not be asked is not green. */
export function worseThan(
  before: {
    readonly observation: Pick<Observation, "failedUnits">;
    readonly checks: readonly { readonly key: string; readonly outcome: string }[];
  },
  after: {
    readonly observation: Pick<Observation, "failedUnits">;
    readonly checks: readonly { readonly key: string; readonly name: string; readonly outcome: string; readonly sentence: string }[];
  },
): readonly string[] {
  const wasRed = new Set(before.checks.flatMap(({ key, outcome }) => (outcome === "passed" ? [] : [key])));
  return [
    ...after.observation.failedUnits
      .filter((unit) => !before.observation.failedUnits.includes(unit))
      .map((unit) => `${unit} has failed since.`),
    ...after.checks
      .filter(({ key, outcome }) => outcome !== "passed" && !wasRed.has(key))
      .map(({ name, outcome, sentence }) => `The check "${name}", which was green before, is ${outcome}: ${sentence}`),
  ];
}
