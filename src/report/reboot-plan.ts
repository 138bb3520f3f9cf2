import type { HostReport } from "../host-report.ts";
import { type HostReboot, rebootSentence } from "../reboot/reboot-sentence.ts";
import type { Rebooted } from "../reboot/reboot-outcome.ts";
import type { Policy } from "../policy.ts";
import { toPlan, type Run } from "./to-plan.ts";
import type { Plan } from "./plan.ts";

/**
 * The record of a run of reboots: the same record as that of a deploy, so that whoever reads one reads both. `costUsd`: what diagnosing
 * came to.
 */
export function rebootPlan(reports: readonly HostReport[], run: Omit<Run, "session" | "hosts">, costUsd = 0): Plan {
  const session = {
    ran: false,
    note: "a run of reboots judges no change",
    changes: [],
    ...(costUsd === 0 ? {} : { costUsd }),
  };
  return toPlan({ ...run, reboots: true, session, hosts: reports });
}

/** What is known of a host after a run of reboots, as of a host of any other run. */
export function rebootReport(rebooted: Rebooted, policy: Policy, now: Date): HostReport {
  const { host, outcome } = rebooted;
  const waiting = reboot(rebooted, policy, now);
  const common = { host, warnings: [], outcome, ...(waiting === undefined ? {} : { reboot: waiting }) };
  if (outcome.outcome === "unreachable" && outcome.failure !== undefined)
    return {
      ...common,
      decision: { action: "fail", reasons: outcome.reasons },
      state: "failed",
      stage: "observe",
      failure: outcome.failure,
      atBase: false,
    };
  const toplevel = outcome.now?.profile ?? outcome.now?.current ?? "";
  return { ...common, decision: { action: "nothing", reasons: outcome.reasons }, state: "unchanged", toplevel };
}

function reboot({ host, pending, trouble }: Rebooted, policy: Policy, now: Date): HostReboot | undefined {
  const needs = trouble === undefined ? {} : { trouble: { since: trouble.since, tell: trouble.tell } };
  if (pending === undefined) return trouble === undefined ? undefined : { ...rebootSentence(policy, host, now), ...needs };
  const { hours, missed, overdue, next } = pending;
  const age = hours === undefined ? {} : { pendingHours: hours };
  return { ...rebootSentence(policy, host, now), next, ...age, missedWindows: missed, overdue, ...needs };
}
