import { poolSize } from "./build/pool.ts";
import { type GcRoots, keepFromCollection } from "./build/gc-root.ts";
import { type Revision, unbuiltSides } from "./build/sides.ts";
import { judgeFleet } from "./classify/judge-fleet.ts";
import type { Said } from "./decide/decide-fleet.ts";
import type { DeployRequest } from "./deploy/contact.ts";
import { previewJudgement } from "./classify/preview.ts";
import type { Phase } from "./classify/rule.ts";
import { secondOpinion, type SecondOpinion, type SessionAtHand } from "./classify/second-opinion.ts";
import { decideFleet } from "./decide/decide-fleet.ts";
import { compareFleet } from "./diff/compare-fleet.ts";
import { previewCompared } from "./diff/preview-compared.ts";
import { beginReading, type FlakeOutputs, readFlake, selectHosts, withHosts } from "./discover/discover.ts";
import type { Isolation } from "./discover/canary.ts";
import { type Holdings, mayBegin, refuseInputs } from "./discover/guard.ts";
import type { Source, Sources } from "./discover/source.ts";
import { sourceNotes } from "./discover/source-notes.ts";
import type { HostReport } from "./host-report.ts";
import { buildTwice, evaluateTwice } from "./diagnose/build-again.ts";
import { diagnostician } from "./diagnose/diagnostician.ts";
import { type Explained, explainFailures } from "./diagnose/explain-failures.ts";
import type { Patience } from "./diagnose/may-pass.ts";
import type { Clock, Log, Nix, StoreDatabase, StoreFiles } from "./io/ports.ts";
import { observeOnly, type Policy } from "./policy.ts";
import { policyNotes, type PolicySide } from "./policy-notes.ts";
import { policyOf, policySource } from "./policy-source.ts";
import { count } from "./report/count.ts";
import type { Plan, PlanEvent } from "./report/plan.ts";
import { timed } from "./report/timeline.ts";
import { rebootOf } from "./report/reboot-of.ts";
import { toPlan } from "./report/to-plan.ts";

/** What one run is asked. */
export type GateRequest = {
  readonly event: PlanEvent;
  readonly phase: Phase;
  readonly repository?: string;
  readonly flake: string;
  readonly sources: Sources;
  /** Of the commits in between. Untrusted text. */
  readonly commitMessage: string | undefined;
  /** Globs; all hosts where empty. */
  readonly hosts: readonly string[];
  /** How much strangers may read, unless the policy says. */
  readonly detail: "full" | "names";
  readonly holdings: Holdings;
  /** False: judged from derivations alone, and nothing is called clean. */
  readonly build: boolean;
  /** Given what derivations tell, while the build goes on. */
  readonly onPreview?: (plan: Plan) => Promise<void>;
  /** The session, or why there is none, as a clause. */
  readonly session: SessionAtHand | string;
  /** Hosts are asked, and changed where that was decided; absent where nothing is contacted. */
  readonly deploy?: DeployRequest;
  /** Hears the policy in force; `changes` where hosts may be changed under it. */
  readonly onPolicy?: (policy: Policy, changes: boolean) => void;
  /** Hears what was decided, before the first host is changed. Nothing waits for it. */
  readonly onDecided?: (reports: readonly HostReport[], policy: Policy, revision: string | undefined) => void;
  readonly version: string;
  readonly notes: readonly string[];
};

export type GatePorts = {
  readonly nix: Nix;
  readonly store: StoreFiles;
  readonly database?: StoreDatabase;
  readonly clock: Clock;
  readonly log: Log;
  /** What the canary found: whether unreviewed code can read what this run holds. Undefined where all of the code has been merged. */
  readonly isolation: Promise<Isolation | undefined>;
  /** Why unreviewed code cannot be isolated on this machine, where it cannot. */
  readonly noJail: string | undefined;
  readonly machine: { readonly cores: number; readonly freeMemoryBytes: number };
  /** Undefined where nothing is waited for. */
  readonly patience?: Patience;
  readonly roots: GcRoots;
};

/**
 * THE PIPELINE. Each stage says on the log that it begins, takes what the stages before it made, and answers with values: a host that fails anywhere is that host's
 * value from there on. Only what no host can be blamed for is thrown, as a GateError.
 */
export async function gate(request: GateRequest, ports: GatePorts): Promise<Plan> {
  const { nix, store, clock, roots } = ports;
  const { log, timeline } = timed(ports.log, clock);
  const { sources } = request;
  const startedAt = clock.now();

  log.progress({ kind: "stage", stage: "discover", text: `reading ${sources.head.shown}` });
  refuseInputs(sources);
  const listing = (source: Source) => ({ trust: source.trust, timeoutSeconds: listingSeconds });
  // The canary flies while a base that was merged is read; nothing that is unreviewed is looked at before it is back.
  const merged = sources.base?.trust === "deploy-branch" ? readFlake(nix, sources.base, listing(sources.base)) : undefined;
  merged?.catch(() => {});
  const isolation = await ports.isolation;
  // Where it is not proven, the policy that was merged has a say, and is waited for.
  const exposure = mayBegin(
    isolation,
    request.holdings,
    isolation?.kind === "exposed" ? policyOf(await merged) : observeOnly,
    ports.noJail,
  );
  const [base, { outputs, lockChecked }] = await Promise.all([
    merged ?? (sources.base && readFlake(nix, sources.base, listing(sources.base))),
    beginReading(nix, sources.head, listing(sources.head)),
  ]);
  const head = withHosts(outputs, sources.head);
  // A change is not judged by what it brings along (invariant 3); where hosts are asked, their ledgers say which policy is in force.
  const [ruling, rulingRev] = request.deploy === undefined && base !== undefined ? [base, sources.base?.rev] : [head, sources.head.rev];
  const known = policyOf(ruling);
  // What a change brings is in force once it is merged, and would stop the run then.
  const brought = ruling === head ? known : policyOf(head);
  const fleet = [...new Set([...head.hosts, ...(base?.hosts ?? [])])].toSorted();
  const hosts = selectHosts(fleet, request.hosts);

  const inForce = policySource(ruling, rulingRev, known);
  const plan = async (
    { reports, escalations, costUsd }: Explained,
    judged: Pick<SecondOpinion, "session" | "notes">,
    preview: boolean,
  ): Promise<Plan> =>
    toPlan({
      tool: { version: request.version, nix: (await nix.version()).version },
      ...(request.repository === undefined ? {} : { repository: request.repository }),
      flake: request.flake,
      event: request.event,
      revision: { head: sources.head.rev, base: sources.base?.rev },
      startedAt,
      finishedAt: clock.now(),
      policy: inForce,
      ...(request.hosts.length === 0 ? {} : { fleet }),
      session: costUsd === 0 ? judged.session : { ...judged.session, costUsd: (judged.session.costUsd ?? 0) + costUsd },
      preview,
      detail: known.report.detail ?? request.detail,
      notes: [
        ...request.notes,
        ...(request.deploy === undefined ? sourceNotes(sources, base, head) : []),
        ...(exposure === undefined ? [] : [exposure]),
        ...(request.deploy === undefined ? ofPolicy() : []),
        ...judged.notes,
      ],
      hosts: reports.map((report) => ({ ...report, ...rebootOf(report, known, clock.now()) })),
      escalations,
      ...(preview ? {} : { timeline: timeline() }),
    });

  log.progress({ kind: "stage", stage: "build", text: `evaluating ${count(hosts.length, "host")}` });
  const evaluating = { nix, log, clock, jobs: poolSize(ports.machine), timeoutSeconds: known.evaluation.timeoutSeconds };
  const after = { ...head, trust: sources.head.trust };
  const evaluation = await evaluateTwice(hosts, revision(sources.base, base), after, evaluating, ports.patience);
  await lockChecked;
  const evaluated = evaluation.found;
  const ofPolicy = (): readonly string[] => {
    const after: PolicySide = { policy: brought, hosts: head.hosts, evaluated: evaluated.after };
    const before = base?.deployGate && { policy: known, hosts: base.hosts, evaluated: evaluated.before };
    return policyNotes(after, before, clock.now(), request.event === "shell" ? "whole" : "counted");
  };

  // What derivations tell is there in seconds; a pull request hears it while the build goes on.
  const preview = async (): Promise<Plan> => {
    const { trust } = evaluated;
    const compared = await previewCompared(unbuiltSides(evaluated), { nix, store, trust, timeoutSeconds: listingSeconds });
    const rules = judgeFleet(compared, { policy: known, phase: request.phase, commitMessage: request.commitMessage });
    const judged = new Map(
      [...rules.judged].map(([host, { judgement }]) => [host, { judgement: previewJudgement(judgement), session: "not-asked" as const }]),
    );
    return await plan(
      { reports: decideFleet(compared, judged, known), escalations: [], costUsd: 0 },
      { session: { ran: false, note: "a preview is judged by rules", changes: [] }, notes: rules.notes },
      true,
    );
  };
  if (!request.build) return await preview();
  const previewed = request.onPreview === undefined ? undefined : showPreview(preview, request.onPreview, log);

  const deploying =
    request.deploy === undefined
      ? undefined
      : await request.deploy.begin(evaluated, known, sources.head.rev, request.deploy, { ...ports, log });
  const policy = deploying?.policy ?? known;
  request.onPolicy?.(policy, request.deploy?.dryRun === false);

  log.progress({ kind: "stage", stage: "build", text: `building ${count(hosts.length, "host")}` });
  const building = { nix, files: store, log, clock, roots, timeoutSeconds: policy.build.timeoutSeconds };
  const built = await buildTwice(deploying?.toBuild ?? evaluated, building, ports.patience);
  await previewed;
  const sides = deploying === undefined ? built.found : await deploying.against(built.found);

  log.progress({ kind: "stage", stage: "diff", text: "comparing closures, units and files" });
  const [compared] = await Promise.all([
    compareFleet(sides, { nix, store, database: ports.database }),
    keepFromCollection(sides, { nix, log, roots }),
  ]);

  log.progress({ kind: "stage", stage: "classify", text: "judging the changes" });
  const rules = judgeFleet(compared, {
    policy,
    phase: request.phase,
    commitMessage: request.commitMessage,
    ...(deploying === undefined ? {} : { observed: deploying.facts, loosened: deploying.loosened }),
  });
  const judged = await secondOpinion(compared, rules.judged, {
    policy,
    policyRevision: inForce.revision,
    phase: request.phase,
    session: request.session,
  });

  log.progress({ kind: "stage", stage: "decide", text: "deciding what happens to each host" });
  const decided = (said?: Said): HostReport[] => decideFleet(compared, judged.judged, policy, said);
  const said = { session: judged.session, notes: [...evaluation.notes, ...built.notes, ...rules.notes, ...judged.notes] };
  // One for the whole run, so that what recovery asks and what the report asks are of one budget.
  const asked = diagnostician({
    policy,
    session: request.session,
    spentUsd: judged.session.costUsd ?? 0,
    told: (text) => log.progress({ kind: "stage", stage: "diagnose", text }),
  });
  const explained = async (reports: readonly HostReport[]): Promise<Explained> =>
    await explainFailures(
      {
        reports,
        sides,
        policy,
        session: request.session,
        asked,
        evidence: deploying?.evidence ?? new Map(),
        diagnosed: deploying?.diagnosed ?? new Map(),
        reach: deploying?.reach,
        trust: evaluated.trust,
        change: sources.inGit === undefined ? undefined : { ...sources.inGit, base: sources.base?.rev, head: sources.head.rev },
      },
      { nix, log, clock, database: ports.database },
    );
  if (deploying === undefined) return await plan(await explained(decided()), said, false);
  const { reports, approvals, notes } = await deploying.approved(decided);

  log.progress({ kind: "stage", stage: "apply", text: "bringing in what was decided" });
  if (request.deploy?.dryRun === false) request.onDecided?.(reports, policy, sources.head.rev);
  const done = await deploying.apply(reports, sides, approvals, asked);
  return await plan(await explained(done), { ...said, notes: [...said.notes, ...notes] }, false);
}

/** A preview that cannot be made or shown costs the run nothing but itself: the build's own report follows. */
async function showPreview(make: () => Promise<Plan>, show: (plan: Plan) => Promise<void>, log: Log): Promise<void> {
  try {
    await show(await make());
  } catch (error) {
    log.debug("no preview", { reason: error instanceof Error ? error.message : String(error) });
  }
}

/** Listing hosts forces none of them, so that it is short whatever the fleet is; the policy's own limit is not known before it. */
const listingSeconds = 300;

function revision(source: Source | undefined, outputs: FlakeOutputs | undefined): Revision | undefined {
  return source === undefined || outputs === undefined ? undefined : { flake: outputs.flake, trust: source.trust, hosts: outputs.hosts };
}
