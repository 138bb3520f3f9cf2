import type { SessionAtHand } from "../classify/second-opinion.ts";
import { collectHostEvidence } from "../diagnose/collect-host-evidence.ts";
import { diagnostician } from "../diagnose/diagnostician.ts";
import type { Evidence } from "../diagnose/evidence.ts";
import { explainFailures } from "../diagnose/explain-failures.ts";
import type { HostName } from "../discover/host.ts";
import type { Log } from "../io/ports.ts";
import type { Rebooted } from "../reboot/reboot-outcome.ts";
import type { PlanEvent, Plan } from "../report/plan.ts";
import { rebootPlan, rebootReport } from "../report/reboot-plan.ts";
import type { AskedFleet } from "./fleet-setup.ts";
import packageJson from "../../package.json" with { type: "json" };

export type AboutReboots = {
  readonly event: PlanEvent;
  readonly repository?: string;
  readonly flake: string;
  readonly startedAt: Date;
  /** Where the policy does not say. */
  readonly detail: "full" | "names";
  readonly notes: readonly string[];
  /** Asked of a host that did not come back as planned, or why there is none. */
  readonly session: SessionAtHand | string;
};

/**
 * What a run of reboots came to, as a plan. Hosts that did not come back as planned are asked for their own words first: whoever is woken by that reads why, in the
 * same form as of a deploy.
 */
export async function explainedReboots(asked: AskedFleet, rebooted: readonly Rebooted[], about: AboutReboots, log: Log): Promise<Plan> {
  const { policy, prepared, evaluated, fleet, targets } = asked;
  const { nix, clock } = prepared.ports;
  const evidence = new Map<HostName, Evidence>();
  await Promise.all(
    rebooted.map(async ({ host, outcome }) => {
      const address = fleet.addresses.get(host);
      if (outcome.outcome !== "reboot-failed" || address === undefined) return;
      const failed = { stage: "reboot", failure: outcome.failure, exit: undefined, since: undefined, units: [], log: undefined } as const;
      const collected = await collectHostEvidence(targets, address, { ...failed, atBase: "unknown" });
      evidence.set(host, collected.evidence);
    }),
  );
  const reports = rebooted.map((one) => rebootReport(one, policy, clock.now()));
  const { trust } = evaluated;
  const { session } = about;
  const explained = await explainFailures(
    {
      reports,
      sides: [],
      policy,
      session,
      asked: diagnostician({ policy, session, spentUsd: 0, told: (text) => log.progress({ kind: "stage", stage: "diagnose", text }) }),
      evidence,
      diagnosed: new Map(),
      reach: { targets, addresses: fleet.addresses },
      trust,
      change: undefined,
    },
    { nix, log, clock, database: prepared.ports.database },
  );
  const { head } = prepared.sources;
  return rebootPlan(
    explained.reports,
    {
      tool: { version: packageJson.version, nix: (await nix.version()).version },
      ...(about.repository === undefined ? {} : { repository: about.repository }),
      flake: about.flake,
      event: about.event,
      revision: { head: head.rev },
      startedAt: about.startedAt,
      finishedAt: clock.now(),
      policy: { source: "deployGate", ...(head.rev === undefined ? {} : { revision: head.rev }) },
      detail: policy.report.detail ?? about.detail,
      notes: about.notes,
      escalations: explained.escalations,
    },
    explained.costUsd,
  );
}
