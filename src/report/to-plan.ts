import type { PolicySource } from "../policy-source.ts";
import { changeKey, withoutHost } from "../diff/same-change.ts";
import type { SystemDiff } from "../diff/system-diff.ts";
import type { HostName } from "../discover/host.ts";
import type { GivenApproval } from "../decide/decision.ts";
import type { HostReport } from "../host-report.ts";
import { cutEnd } from "./cut.ts";
import { boundedDiff, boundedFailure, boundedJudgement, boundedReasons, boundedWarnings } from "./bounds.ts";
import { namesOnly } from "./names-only.ts";
import { compareHosts } from "./order.ts";
import type { ClosureSizes, PlanDiff } from "./plan-diff.ts";
import type { Escalation } from "../diagnose/escalation.ts";
import { boundedDiagnosis, boundedEdgeCase, boundedEscalations } from "./plan-diagnosis.ts";
import { boundedOutcome, unsaid } from "./plan-outcome.ts";
import { boundedReboot } from "./plan-reboot.ts";
import { Plan, type PlanEvent } from "./plan.ts";
import type { PlanTimeline } from "./timeline.ts";
import { boundedSession, type GivenSession } from "./plan-session.ts";

/** Everything that one run knows, as the pipeline holds it. */
export type Run = {
  readonly tool: { readonly version: string; readonly nix?: string };
  readonly repository?: string;
  readonly flake: string;
  readonly event: PlanEvent;
  /** Full revisions; `base` is left out where hosts are compared with what they run. */
  readonly revision: { readonly head?: string | undefined; readonly base?: string | undefined };
  readonly startedAt: Date;
  readonly finishedAt: Date;
  readonly policy: PolicySource;
  /** Every host there is, where the run was asked for some. */
  readonly fleet?: readonly string[];
  readonly session: GivenSession;
  readonly preview?: boolean;
  readonly reboots?: true;
  /** `names` where the repository is public or nobody knows whether it is (invariant 8). */
  readonly detail: "full" | "names";
  readonly notes?: readonly string[];
  readonly hosts: readonly HostReport[];
  readonly escalations?: readonly Escalation[];
  readonly timeline?: PlanTimeline;
};

/** The record of a run. What comes back is exactly what plan.json reads back as: bounded, ordered, without keys that have no value. */
export function toPlan(run: Run): Plan {
  const share = sharedDiffs();
  const deploys = run.hosts.some((host) => host.outcome !== undefined);
  const plan = {
    schema: 1,
    tool: run.tool,
    repository: run.repository,
    flake: cutEnd(run.flake, 1_000),
    event: run.event,
    revision: run.revision,
    startedAt: run.startedAt.toISOString(),
    finishedAt: run.finishedAt.toISOString(),
    policy: run.policy,
    fleet: run.fleet,
    session: boundedSession(run.session),
    preview: run.preview ?? false,
    reboots: run.reboots,
    detail: "full",
    notes: boundedWarnings(run.notes ?? []),
    // By name, so that the host by which a shared change is measured is the same in whatever order they came.
    hosts: run.hosts
      .toSorted((a, b) => (a.host < b.host ? -1 : 1))
      .map((host) => ({
        ...(approvable(run) ? approvalOf(host) : {}),
        ...outcomeOf(host, deploys),
        ...planHost(host, share.key),
      })),
    diffs: share.diffs,
    ...((run.escalations ?? []).length === 0 ? {} : { escalations: boundedEscalations(run.escalations ?? []) }),
    timeline: run.timeline,
  };
  const parsed = Plan.parse(JSON.parse(JSON.stringify(plan)));
  parsed.hosts.sort(compareHosts);
  return run.detail === "names" ? namesOnly(parsed) : parsed;
}

const boundedApproval = (given: GivenApproval): object => ({
  by: cutEnd(given.by, 100),
  became: given.became,
  ...(given.became === "refused" ? { failure: boundedFailure(given.failure) } : {}),
});

/** A shell that deploys approves as well as a push does. */
const approvable = ({ event, preview }: Run): boolean => preview !== true && event !== "pull_request" && event !== "schedule";

function approvalOf({ decision, approval }: HostReport): object {
  if (decision.action !== "hold" || approval === undefined) return {};
  return { approval: { token: approval.token, digest: approval.digest, issuedAt: approval.issuedAt.toISOString() } };
}

/** In a run that changes hosts a managed host without an outcome is a failed one, whoever forgot it. */
function outcomeOf(report: HostReport, deploys: boolean): object {
  const { outcome, state, decision } = report;
  if (!deploys || (outcome === undefined && (state === "removed" || decision.action === "observe"))) return {};
  const sides = state === "changed" || state === "added" ? { from: state === "changed" ? report.from : undefined, to: report.to } : {};
  return { outcome: boundedOutcome(outcome ?? unsaid, sides) };
}

function planHost(report: HostReport, key: (diff: SystemDiff, host: HostName) => string): object {
  const { host, platform, decision } = report;
  const common = {
    host,
    platform,
    ...(report.reboot === undefined ? {} : { reboot: boundedReboot(report.reboot) }),
    warnings: boundedWarnings(report.warnings),
    decision: {
      action: decision.action,
      reasons: boundedReasons(decision.reasons),
      ...(decision.approval === undefined ? {} : { approval: boundedApproval(decision.approval) }),
      ...(decision.rejectedBy === undefined ? {} : { rejectedBy: cutEnd(decision.rejectedBy, 100) }),
    },
    ...(report.diagnosis === undefined ? {} : { diagnosis: boundedDiagnosis(report.diagnosis) }),
    ...(report.edgeCase === undefined ? {} : { edgeCase: boundedEdgeCase(report.edgeCase) }),
    state: report.state,
  };
  switch (report.state) {
    case "unchanged":
      return { ...common, toplevel: report.toplevel };
    case "added": {
      const baseFailed = report.baseFailed === undefined ? undefined : boundedFailure(report.baseFailed);
      return { ...common, to: report.to, baseFailed, judgement: boundedJudgement(report.judgement) };
    }
    case "removed":
      return { ...common, from: report.from };
    case "changed":
      return {
        ...common,
        from: report.from,
        to: report.to,
        diff: key(report.diff, host),
        closure: closureSizes(report.diff.packages),
        judgement: boundedJudgement(report.judgement),
      };
    case "failed":
      return { ...common, stage: report.stage, failure: boundedFailure(report.failure), atBase: report.atBase };
  }
}

/** Gives the same change one key. A fleet often shares one object for all of its hosts, which is then read once. */
function sharedDiffs(): { readonly diffs: Record<string, PlanDiff>; readonly key: (diff: SystemDiff, host: HostName) => string } {
  const diffs: Record<string, PlanDiff> = {};
  const known = new WeakMap<SystemDiff, string>();
  const key = (diff: SystemDiff, host: HostName): string => {
    const before = known.get(diff);
    if (before !== undefined) return before;
    const bounded = boundedDiff(withoutHost(diff));
    // Made of what is kept: reports of two diffs that are cut to the same text say the same.
    const made = changeKey(boundedSystem(diff)).slice(0, 16);
    if (diffs[made] === undefined) diffs[made] = { ...bounded, measuredOn: host };
    known.set(diff, made);
    return made;
  };
  return { diffs, key };
}

function boundedSystem(diff: SystemDiff): SystemDiff {
  const { specialisations, from, to } = diff;
  const inner = specialisations && new Map(Array.from(specialisations, ([name, one]) => [name, boundedSystem(one)] as const));
  return { ...boundedDiff(diff), from, to, ...(inner === undefined ? {} : { specialisations: inner }) } as SystemDiff;
}

const closureSizes = ({ sizeFrom, sizeTo, pathsFrom, pathsTo }: SystemDiff["packages"]): ClosureSizes => ({
  sizeFrom,
  sizeTo,
  pathsFrom,
  pathsTo,
});
