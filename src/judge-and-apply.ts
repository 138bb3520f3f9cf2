import { keepFromCollection } from "./build/gc-root.ts";
import { type EvaluatedFleet, type HostSides, unbuiltSides } from "./build/sides.ts";
import { judgeFleet } from "./classify/judge-fleet.ts";
import { previewJudgement } from "./classify/preview.ts";
import { secondOpinion, type SecondOpinion } from "./classify/second-opinion.ts";
import { decideFleet, type Said } from "./decide/decide-fleet.ts";
import type { Deploying } from "./deploy/begin-deploy.ts";
import { diagnostician } from "./diagnose/diagnostician.ts";
import type { Explained } from "./diagnose/explain-failures.ts";
import { compareFleet } from "./diff/compare-fleet.ts";
import { previewCompared } from "./diff/preview-compared.ts";
import { type Change, listingSeconds } from "./discover/read-change.ts";
import { sourceNotes } from "./discover/source-notes.ts";
import type { GatePorts, GateRequest } from "./gate-request.ts";
import type { HostReport } from "./host-report.ts";
import type { Policy } from "./policy.ts";
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

/** A run whose hosts are built, and asked where they are to be changed. */
export type BuiltRun = EvaluatedRun & {
  /** In force. */
  readonly policy: Policy;
  readonly sides: readonly HostSides[];
  readonly deploying: Deploying | undefined;
  /** Of evaluation and build. */
  readonly notes: readonly string[];
};

/** THE PIPELINE from the build on: diff, classify, decide, and apply where hosts may be changed. Answers with the report. */
export async function judgeAndApply(run: BuiltRun): Promise<Plan> {
  const { request, ports, evaluated, commitMessage, policy, sides, deploying } = run;
  const { nix, store, clock, log, roots, database } = ports;
  const { sources, session } = request;

  log.progress({ kind: "stage", stage: "diff", text: "comparing closures, units and files" });
  const [compared] = await Promise.all([compareFleet(sides, { nix, store, database }), keepFromCollection(sides, { nix, log, roots })]);

  log.progress({ kind: "stage", stage: "classify", text: "judging the changes" });
  const observed = deploying === undefined ? {} : { observed: deploying.facts, loosened: deploying.loosened };
  const rules = judgeFleet(compared, { policy, phase: request.phase, commitMessage, ...observed });
  const policyRevision = rulingOf(run).revision;
  const judged = await secondOpinion(compared, rules.judged, { policy, policyRevision, phase: request.phase, session });

  log.progress({ kind: "stage", stage: "decide", text: "deciding what happens to each host" });
  const decided = (said?: Said): HostReport[] => decideFleet(compared, judged.judged, policy, said);
  const said = { session: judged.session, notes: [...run.notes, ...rules.notes, ...judged.notes] };
  // One for the whole run, so that what recovery asks and what the report asks are of one budget.
  const asked = diagnostician({
    policy,
    session,
    spentUsd: judged.session.costUsd ?? 0,
    told: (text) => log.progress({ kind: "stage", stage: "diagnose", text }),
  });
  const explained = async (reports: readonly HostReport[]): Promise<Explained> => {
    // Where nothing was tried on a host and none failed there is nothing to explain, and nothing of it to load.
    if (deploying === undefined && !reports.some(({ state }) => state === "failed"))
      return { reports: [...reports], escalations: [], costUsd: asked.costUsd() };
    const { explainFailures } = await import("./diagnose/explain-failures.ts");
    return await explainFailures(
      {
        reports,
        sides,
        policy,
        session,
        asked,
        evidence: deploying?.evidence ?? new Map(),
        diagnosed: deploying?.diagnosed ?? new Map(),
        reach: deploying?.reach,
        trust: evaluated.trust,
        change: sources.inGit === undefined ? undefined : { ...sources.inGit, base: sources.base?.rev, head: sources.head.rev },
      },
      { nix, log, clock, database },
    );
  };
  if (deploying === undefined) return await planOf(run, await explained(decided()), said, false);
  const { reports, approvals, notes } = await deploying.approved(decided);

  log.progress({ kind: "stage", stage: "apply", text: "bringing in what was decided" });
  if (request.deploy?.dryRun === false) request.onDecided?.(reports, policy, sources.head.rev);
  const done = await deploying.apply(reports, sides, approvals, asked);
  return await planOf(run, await explained(done), { ...said, notes: [...said.notes, ...notes] }, false);
}

/** The report from what derivations alone tell: judged by the rules that need no build, and nothing in it is called clean. */
export async function preview(run: EvaluatedRun): Promise<Plan> {
  const { request, ports, evaluated, commitMessage, change } = run;
  const { nix, store } = ports;
  const { policy } = change;
  const compared = await previewCompared(unbuiltSides(evaluated), { nix, store, trust: evaluated.trust, timeoutSeconds: listingSeconds });
  const rules = judgeFleet(compared, { policy, phase: request.phase, commitMessage });
  const judged = new Map(
    [...rules.judged].map(([host, { judgement }]) => [host, { judgement: previewJudgement(judgement), session: "not-asked" as const }]),
  );
  return await planOf(
    run,
    { reports: decideFleet(compared, judged, policy), escalations: [], costUsd: 0 },
    { session: { ran: false, note: "a preview is judged by rules", changes: [] }, notes: rules.notes },
    true,
  );
}

const rulingOf = ({ change }: EvaluatedRun): ReturnType<typeof policySource> =>
  policySource(change.ruling.outputs, change.ruling.rev, change.policy);

async function planOf(
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
