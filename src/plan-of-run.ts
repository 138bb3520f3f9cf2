import type { EvaluatedFleet } from "./build/sides.ts";
import type { SecondOpinion } from "./classify/second-opinion.ts";
import type { Explained } from "./diagnose/explain-failures.ts";
import type { Change } from "./discover/read-change.ts";
import { sourceNotes } from "./discover/source-notes.ts";
import type { GatePorts, GateRequest } from "./gate-request.ts";
import { policyNotes, type PolicySide } from "./policy-notes.ts";
import { policySource } from "./policy-source.ts";
import type { Plan } from "./report/plan.ts";
import { rebootOf } from "./report/reboot-of.ts";
import type { PlanTimeline } from "./report/timeline.ts";
import { toPlan } from "./report/to-plan.ts";

/** A run whose hosts are evaluated. */
export type EvaluatedRun = {
  readonly request: GateRequest;
  readonly ports: GatePorts;
  readonly change: Change;
  readonly evaluated: EvaluatedFleet;
  /** Untrusted text. */
  readonly commitMessage: string | undefined;
  readonly startedAt: Date;
  readonly timeline: () => PlanTimeline;
};

/** Where the policy that judges the change came from. */
export const rulingOf = ({ change }: EvaluatedRun): ReturnType<typeof policySource> =>
  policySource(change.ruling.outputs, change.ruling.rev, change.policy);

/** The report of a run, or of what is known of it before it is built. */
export async function planOf(
  run: EvaluatedRun,
  { reports, escalations, costUsd }: Explained,
  judged: Pick<SecondOpinion, "session" | "notes">,
  isPreview: boolean,
): Promise<Plan> {
  const { request, ports, change, startedAt } = run;
  const { sources } = request;
  const { base, head, policy, exposure } = change;
  const now = ports.clock.now();
  return toPlan({
    tool: { version: request.version, nix: (await ports.nix.version()).version },
    ...(request.repository === undefined ? {} : { repository: request.repository }),
    flake: request.flake,
    event: request.event,
    revision: { head: sources.head.rev, base: sources.base?.rev },
    startedAt,
    finishedAt: now,
    policy: rulingOf(run),
    ...(request.hosts.length === 0 ? {} : { fleet: change.fleet }),
    session: costUsd === 0 ? judged.session : { ...judged.session, costUsd: (judged.session.costUsd ?? 0) + costUsd },
    preview: isPreview,
    detail: policy.report.detail ?? request.detail,
    notes: [
      ...request.notes,
      ...(request.deploy === undefined ? sourceNotes(sources, base, head) : []),
      ...(exposure === undefined ? [] : [exposure]),
      ...(request.deploy === undefined ? notesOfPolicy(run, now) : []),
      ...judged.notes,
    ],
    hosts: reports.map((report) => ({ ...report, ...rebootOf(report, policy, now) })),
    escalations,
    ...(isPreview ? {} : { timeline: run.timeline() }),
  });
}

function notesOfPolicy({ request, change, evaluated }: EvaluatedRun, now: Date): readonly string[] {
  const { base, head, policy, brought } = change;
  const after: PolicySide = { policy: brought, hosts: head.hosts, evaluated: evaluated.after };
  const before = base?.deployGate && { policy, hosts: base.hosts, evaluated: evaluated.before };
  return policyNotes(after, before, now, request.event === "shell" ? "whole" : "counted");
}
