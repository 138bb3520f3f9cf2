import { keepFromCollection } from "./build/gc-root.ts";
import type { HostSides } from "./build/sides.ts";
import { judgeFleet } from "./classify/judge-fleet.ts";
import { secondOpinion } from "./classify/second-opinion.ts";
import { decideFleet, type Said } from "./decide/decide-fleet.ts";
import type { Deploying } from "./deploy/begin-deploy.ts";
import { diagnostician } from "./diagnose/diagnostician.ts";
import type { Explained } from "./diagnose/explain-failures.ts";
import { compareFleet } from "./diff/compare-fleet.ts";
import type { HostReport } from "./host-report.ts";
import type { Policy } from "./policy.ts";
import { type EvaluatedRun, planOf, rulingOf } from "./plan-of-run.ts";
import type { Plan } from "./report/plan.ts";

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
