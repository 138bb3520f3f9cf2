import type { KnownLedger } from "../../decide/rejection.ts";
import type { HostName } from "../../discover/host.ts";
import { rebootDue } from "../../reboot/due.ts";
import { policyFor, rebootCase } from "../../reboot/reboot-fleet.ts";
import type { Rebooted } from "../../reboot/reboot-outcome.ts";
import { runReboots } from "../../reboot/run-reboots.ts";
import type { RebootPolicy } from "../../reboot/window-policy.ts";
import type { GroupStanding } from "../../deploy/prepare-host.ts";
import type { Observation } from "../../target/observation.ts";
import { observe } from "../../target/observe.ts";
import { rightHost } from "../../target/right-host.ts";
import type { Observed } from "../../target/observe.ts";
import { failure } from "../../failure.ts";
import { pendingReboot } from "../../verify/pending-reboot.ts";
import type { RebootNeed } from "../../verify/reboot-need.ts";
import type { ActionCase, Ended } from "./action-case.ts";
import { type ActionWorld, carriesGate, groupNow } from "./action-world.ts";
import { againstGroup } from "./against-host.ts";

export type RebootActionCase = {
  readonly host: HostName;
  readonly observation: Observation;
  readonly need: Pick<RebootNeed, "needed" | "reasons" | "release">;
  readonly ledger: KnownLedger;
  readonly policy: RebootPolicy;
  readonly group: GroupStanding;
  readonly carries: boolean;
  /** By the gate's clock. */
  readonly now: Date;
};

/** Why a host is not rebooted now, as sentences; empty where it may be. Pure. What the reboots of a schedule would do is all that a goal may hasten, within the window. */
function againstReboot({ group, carries, ...question }: RebootActionCase): readonly string[] {
  const { host, policy } = question;
  const due = rebootDue(question);
  const reasons: string[] = [];
  if (due.kind !== "now") reasons.push(due.kind === "nothing" ? `Nothing on ${host} waits for a reboot.` : due.sentence);
  if (carries) reasons.push(`${host} carries the gate itself; the reboots of the schedule see to it last and alone.`);
  if (due.kind === "now" && policy.trigger === "timer")
    reasons.push(`Its reboots are ordered by a timer on the host (reboot.trigger), which the schedule sets.`);
  return [...reasons, ...againstGroup(host, group)];
}

/** What became of it, in the words of an action. Pure. */
export function endOfReboot({ outcome, moved }: Rebooted): Ended {
  const { outcome: kind, reasons } = outcome;
  if (kind === "rebooted") return { end: "done", reasons };
  if (kind === "reboot-failed" || kind === "unreachable") return { end: "failed", reasons };
  // Begun and given up, or looked at once more and left alone.
  return { end: moved ? "no-effect" : "refused", reasons };
}

/** Reboots one host that waits for it, in its window, by the same steps as every reboot of the gate: group, drain, boot entry, verification. */
export async function rebootInWindow(
  { host, address, observation, ledger }: ActionCase,
  world: ActionWorld,
  begin: () => string | undefined,
): Promise<Ended> {
  const { deploy, policy, addresses, runnerBootId } = world;
  const { targets, probe, clock, store, log, pause, signal, finishing } = deploy;
  const carries = carriesGate(host, observation.bootId, world);
  const group = await groupNow(host, world);
  const need = pendingReboot(observation, store);
  const against = againstReboot({
    host,
    observation,
    need,
    ledger,
    policy: policyFor(policy, host, undefined),
    group,
    carries,
    now: clock.now(),
  });
  if (against.length > 0) return { end: "refused", reasons: against };
  const not = begin();
  if (not !== undefined) return { end: "refused", reasons: [not] };

  const members = (group?.group.members ?? []).flatMap((member) => {
    const there = member === host ? undefined : addresses.get(member);
    return there === undefined ? [] : [[member, there] as const];
  });
  const asked = new Map<HostName, Observed>([[host, { ok: true, observation }]]);
  await Promise.all(
    members.map(async ([member, there]) => {
      const seen = await observe(targets, there);
      const wrong = seen.ok ? rightHost(there, seen.observation) : undefined;
      asked.set(member, wrong === undefined ? seen : { ok: false, trouble: "not-understood", failure: wrong });
    }),
  );
  const fleet = {
    addresses: new Map([[host, address], ...members]),
    asked,
    observations: new Map([...asked].flatMap(([name, seen]) => (seen.ok ? [[name, seen.observation] as const] : []))),
  };
  const given = rebootCase({ policy, fleet, chosen: [host], byHand: undefined, runnerBootId });
  const [rebooted] = await runReboots(given, { targets, probe, clock, store, log, pause, signal, finishing, parallel: 1, dryRun: false });
  return rebooted === undefined
    ? { end: "failed", reasons: [failure("internal", {}, "a reboot has no outcome").message] }
    : endOfReboot(rebooted);
}
