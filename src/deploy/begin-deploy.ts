import type { Outcome } from "../apply/outcome.ts";
import type { EvaluatedFleet, HostSides } from "../build/sides.ts";
import type { HostFacts } from "../classify/host-facts.ts";
import type { Loosening } from "../classify/loosening.ts";
import { observedFacts } from "../classify/observed-facts.ts";
import type { Said } from "../decide/decide-fleet.ts";
import { issueApprovals } from "../decide/issue-approvals.ts";
import type { Reach } from "../diagnose/ask-about.ts";
import type { Diagnostician } from "../diagnose/diagnostician.ts";
import type { Evidence } from "../diagnose/evidence.ts";
import type { HostName } from "../discover/host.ts";
import { GateError } from "../failure.ts";
import type { HostReport } from "../host-report.ts";
import type { Clock, Log, Nix, StoreDatabase, StoreFiles, Targets } from "../io/ports.ts";
import type { Policy } from "../policy.ts";
import { applyDecided, isToBeChanged } from "./apply-decided.ts";
import { contact, type DeployRequest } from "./contact.ts";
import { leftUnconfirmed } from "./left-unconfirmed.ts";
import type { RecoveryWorld } from "./deploy-world.ts";
import { noteHolds } from "./note-holds.ts";
import { againstRunning, toBuild } from "./running-fleet.ts";
import { runningSystems, sayApprovals } from "./say-approvals.ts";

export type DeployPorts = {
  readonly nix: Nix;
  readonly store: StoreFiles;
  readonly database?: StoreDatabase;
  readonly clock: Clock;
  readonly log: Log;
};

type Approvals = ReadonlyMap<HostName, { readonly by: string; readonly digest: string }>;

/** A run that has asked its hosts and may change them: what each stage of the pipeline takes from that, in its order. */
export type Deploying = {
  /** In force, which is never looser than what was applied last. */
  readonly policy: Policy;
  readonly loosened: readonly Loosening[];
  readonly facts: ReadonlyMap<HostName, HostFacts>;
  readonly toBuild: EvaluatedFleet;
  /** Each managed host against what it runs. */
  against(built: readonly HostSides[]): Promise<HostSides[]>;
  /** Decides once without and once with what people said; held hosts get the token that approves them. */
  approved(decide: (said?: Said) => HostReport[]): Promise<{ reports: HostReport[]; approvals: Approvals; notes: readonly string[] }>;
  /** What hosts said of their failures while they were changed; the last of each. */
  readonly evidence: ReadonlyMap<HostName, Evidence>;
  /** Why hosts failed, where it was asked while they were changed. */
  readonly diagnosed: RecoveryWorld["diagnosed"];
  /** By what hosts can be asked more. */
  readonly reach: Reach;
  /** Does it. */
  apply(reports: readonly HostReport[], sides: readonly HostSides[], approvals: Approvals, asked: Diagnostician): Promise<HostReport[]>;
};

export type BeginDeploy = typeof beginDeploy;

/** Asks the managed hosts. `pushed` is the policy of the revision that is to be deployed. */
export async function beginDeploy(
  evaluated: EvaluatedFleet,
  pushed: Policy,
  revision: string | undefined,
  request: DeployRequest,
  ports: DeployPorts,
): Promise<Deploying> {
  const { nix, store, clock, log } = ports;
  const targets: Targets = await request.openTargets(pushed);
  log.progress({ kind: "stage", stage: "discover", text: "asking the hosts what they run" });
  const asked = await contact(evaluated, pushed, revision, request, { targets, log });
  const { fleet, policy } = asked;
  const facts = new Map(
    [...fleet.observations].flatMap(([host, observation]) => {
      const address = fleet.addresses.get(host);
      return address === undefined ? [] : [[host, observedFacts(address, observation)] as const];
    }),
  );
  const evidence = new Map<HostName, Evidence>();
  const diagnosed: RecoveryWorld["diagnosed"] = new Map();
  return {
    policy,
    evidence,
    diagnosed,
    reach: { targets, addresses: fleet.addresses },
    loosened: asked.loosened,
    facts,
    toBuild: toBuild(evaluated, fleet),
    against: async (built) => await againstRunning(built, evaluated, fleet, { nix, store }),
    approved: async (decide) => {
      const alone = decide({ newlyManaged: asked.newlyManaged });
      if (revision === undefined) return { reports: alone, approvals: new Map(), notes: ["Without a commit nothing can be approved."] };
      const nobody =
        fleet.asked.size === 0 ? ["The policy hands none of these hosts to the gate (deploy = true), so none was contacted."] : [];
      const { notes, digests, ...said } = await sayApprovals(alone, revision, asked, request, { clock, targets });
      const reports = decide(said);
      const running = runningSystems(asked);
      return {
        reports: issueApprovals(reports, { repository: request.repository, revision, now: clock.now(), running }),
        approvals: digests,
        notes: [...nobody, ...notes],
      };
    },
    apply: async (reports, sides, approvals, diagnostician) => {
      const database = ports.database;
      const newer = await overtakenNow(request, log);
      if (newer !== undefined) return reports.map((report): HostReport => ({ ...report, outcome: leftToNewer(report, newer) }));
      const recovery = { asked: diagnostician, diagnosed, database };
      const hands = { targets, nix, store, database, clock, log, evidence, recovery };
      const [outcomes] = await Promise.all([
        applyDecided(reports, sides, revision, approvals, asked, request, hands),
        request.dryRun ? undefined : noteHolds(reports, revision, asked, { targets, clock, log }),
      ]);
      const passed = (report: HostReport): Outcome | undefined =>
        request.only?.includes(report.host) === false && isToBeChanged(report) ? passedOver : undefined;
      const left = (report: HostReport): Outcome | undefined => leftUnconfirmed(report, fleet.observations.get(report.host));
      return reports.map((report): HostReport => ({
        ...report,
        outcome: outcomes.get(report.host) ?? passed(report) ?? left(report) ?? standing(report),
      }));
    },
  };
}

/** A forge that does not answer now is no reason to stop: every host is asked for the order of revisions once more, under its own lock. */
async function overtakenNow({ overtaken }: DeployRequest, log: Log): Promise<string | undefined> {
  try {
    return await overtaken?.();
  } catch (error) {
    if (!(error instanceof GateError) || error.failure.code !== "git-fetch-failed") throw error;
    log.progress({ kind: "warning", text: `Whether a newer push has come meanwhile cannot be told: ${error.failure.message}` });
    return undefined;
  }
}

const passedOver: Outcome = {
  outcome: "held",
  reasons: ["This run brings in only what was approved by name; the next push or run on the branch brings in the rest."],
  misses: [],
  attempts: [],
};

function leftToNewer(report: HostReport, newer: string): Outcome {
  return isToBeChanged(report) ? { outcome: "superseded", reasons: [newer], misses: [], attempts: [] } : standing(report);
}

/** Of a host that nothing was done to. */
function standing(report: HostReport): Outcome {
  const { action, reasons } = report.decision;
  const kind = {
    nothing: "unchanged",
    observe: "not-managed",
    hold: "held",
    // A machine that answers and is not the right one is no silent one.
    fail:
      report.state === "failed" &&
      report.stage === "observe" &&
      report.failure.code.startsWith("target-") &&
      report.failure.code !== "target-address"
        ? "unreachable"
        : "failed",
    build: "failed",
    deploy: "failed",
    "deploy-then-reboot": "failed",
    stage: "failed",
  } as const;
  return {
    outcome: kind[action],
    reasons,
    ...(report.state === "failed" ? { failure: report.failure } : {}),
    misses: [],
    attempts: [],
  };
}
