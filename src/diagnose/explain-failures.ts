import type { SessionAtHand } from "../classify/second-opinion.ts";
import type { HostSides } from "../build/sides.ts";
import { inPool } from "../build/pool.ts";
import type { HostName } from "../discover/host.ts";
import type { HostReport } from "../host-report.ts";
import type { Clock, Log, Nix, StoreDatabase, Trust } from "../io/ports.ts";
import type { Policy } from "../policy.ts";
import { askAboutBuild, askAboutHost, type Reach } from "./ask-about.ts";
import type { Change } from "./changed-since.ts";
import { collectBuildEvidence, failureAtBase } from "./collect-build-evidence.ts";
import type { Diagnosed } from "./diagnose.ts";
import type { Diagnostician } from "./diagnostician.ts";
import type { Escalation } from "./escalation.ts";
import { escalationOf } from "./escalation-of.ts";
import type { Evidence } from "./evidence.ts";
import { failedAlike, type FailedBuild } from "./failed-alike.ts";
import { hostDiagnosis } from "./host-diagnosis.ts";
import type { OpenToolbox } from "./session/diagnosis-tools.ts";
import { connectionEvidence, isNotWell, offerOf } from "./host-failure.ts";

export type FailuresCase = {
  readonly reports: readonly HostReport[];
  readonly sides: readonly HostSides[];
  readonly policy: Policy;
  readonly session: SessionAtHand | string;
  /** Who says why; it may have been asked while hosts were changed. */
  readonly asked: Diagnostician;
  /** What hosts said of their failures while they could; the last of each. */
  readonly evidence: ReadonlyMap<HostName, Evidence>;
  /** What was said of them meanwhile, of the failure as it was then: nobody is asked the same twice. */
  readonly diagnosed: ReadonlyMap<HostName, { readonly evidence: Evidence; readonly found: Diagnosed }>;
  /** By what they can be asked more; undefined where nothing was contacted. */
  readonly reach: Reach | undefined;
  /** Of what is built together, the least. */
  readonly trust: Trust;
  readonly change: Change | undefined;
};

export type Explained = {
  /** The same hosts; those that failed have their diagnosis, those that a strategy brought to a good end an entry for the edge-cases file. */
  readonly reports: HostReport[];
  /** What a person has to see to. Hosts that failed of one thing share one. */
  readonly escalations: readonly Escalation[];
  readonly costUsd: number;
};

/** What fifty different failures do not show, no person reads either. */
const mostFailures = 50;
const mostAtOnce = 4;

/**
 * Asks of every failure why: the known causes first, a session only where they are not certain and the policy's caps leave room. Nothing is done about it here.
 * A session may ask the host that failed for more, by read-only tools. One that cannot be explained costs the run nothing.
 */
export async function explainFailures(
  given: FailuresCase,
  ports: { nix: Nix; log: Log; clock: Clock; database?: StoreDatabase | undefined },
): Promise<Explained> {
  const { reports, policy, session, asked } = given;
  const { log } = ports;
  const builds = failedAlike(reports);
  // Evidence of an earlier stage is of a failure that a strategy has resolved.
  const fell = ({ host, outcome }: HostReport): boolean =>
    outcome?.outcome === "deployed-with-misses" && given.evidence.get(host)?.stage === "verification";
  const hosts = reports.filter((report) => isNotWell(report) || fell(report));
  const ended = reports.filter((report) => !isNotWell(report) && !fell(report) && given.evidence.has(report.host));
  if (builds.length + hosts.length + ended.length === 0) return { reports: [...reports], escalations: [], costUsd: asked.costUsd() };

  if (builds.length + hosts.length > 0) log.progress({ kind: "stage", stage: "diagnose", text: "asking why it failed" });
  const explained = new Map<HostName, Partial<Pick<HostReport, "diagnosis" | "edgeCase">>>();
  const escalations: { readonly at: number; readonly one: Escalation }[] = [];
  const order = (host: HostName): number => reports.findIndex((report) => report.host === host);
  const explain = async (evidence: Evidence, worthAsking: boolean, open: OpenToolbox | undefined): Promise<Diagnosed> =>
    await asked.diagnose(evidence, worthAsking, open);
  const isAskedAbout = (host: HostName): boolean =>
    (typeof session !== "string" && session.everyHost) || (Object.hasOwn(policy.hosts, host) && policy.hosts[host]?.deploy === true);

  await inPool(builds.slice(0, mostFailures), mostAtOnce, async (failed) => {
    await unharmed(failed.hosts, log, async () => {
      const evidence = await buildEvidence(failed, given, ports.nix);
      // What the base has as well is no news to whoever reads this change.
      const open = askAboutBuild(evidence, toplevelDrvOf(failed, given.sides), given.trust, ports);
      const found = await explain(evidence, !failed.atBase && failed.hosts.some(isAskedAbout), open);
      const diagnosis = hostDiagnosis(evidence.stage, found);
      if (diagnosis !== undefined) for (const host of failed.hosts) explained.set(host, { diagnosis });
      const of = reports.filter((report) => failed.hosts.includes(report.host));
      escalations.push({ at: order(failed.first), one: escalationOf(of, evidence, found, given.sides) });
    });
  });
  await inPool(hosts.slice(0, mostFailures), mostAtOnce, async (report) => {
    await unharmed([report.host], log, async () => {
      const evidence = given.evidence.get(report.host) ?? connectionEvidence(report);
      if (evidence === undefined) return;
      const before = given.diagnosed.get(report.host);
      const found =
        before?.evidence === evidence
          ? before.found
          : await explain(evidence, true, askAboutHost(report.host, evidence, systemsOf(report), given.reach, ports));
      const diagnosis = hostDiagnosis(evidence.stage, found);
      if (diagnosis !== undefined) explained.set(report.host, { diagnosis });
      escalations.push({ at: order(report.host), one: escalationOf([report], evidence, found, given.sides) });
    });
  });
  const day = ports.clock.now().toISOString().slice(0, 10);
  for (const report of ended) {
    const edgeCase = offerOf(report, given.evidence.get(report.host), day);
    // What chose the remedy that helped.
    const before = given.diagnosed.get(report.host);
    const diagnosis = before === undefined ? undefined : hostDiagnosis(before.evidence.stage, before.found);
    explained.set(report.host, { ...(edgeCase === undefined ? {} : { edgeCase }), ...(diagnosis === undefined ? {} : { diagnosis }) });
  }
  return {
    reports: reports.map((report): HostReport => ({ ...report, ...explained.get(report.host) })),
    escalations: escalations.toSorted((a, b) => a.at - b.at).map(({ one }) => one),
    costUsd: asked.costUsd(),
  };
}

/** The failure is known without its explanation; one that breaks off is for the debug log. */
async function unharmed(hosts: readonly HostName[], log: Log, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    log.debug("no diagnosis", { hosts: hosts.slice(0, 10), reason: error instanceof Error ? error.message : String(error) });
  }
}

const toplevelDrvOf = ({ first }: FailedBuild, sides: readonly HostSides[]): string | undefined => {
  const after = sides.find((one) => one.host === first)?.after;
  return after?.kind === "failed" ? after.evaluation?.drvPath : undefined;
};

const systemsOf = (report: HostReport): { from: string | undefined; to: string | undefined } => ({
  from: report.state === "changed" ? report.from : undefined,
  to: report.state === "changed" || report.state === "added" ? report.to : undefined,
});

async function buildEvidence(failed: FailedBuild, { sides, trust, change }: FailuresCase, nix: Nix): Promise<Evidence> {
  const of = sides.find((one) => one.host === failed.first);
  const { before } = of ?? {};
  const base =
    before?.kind === "failed" && before.stage !== "observe"
      ? failureAtBase({ ok: false, failure: before.failure })
      : failureAtBase(before?.kind === "known" ? { ok: true, value: before } : undefined);
  return await collectBuildEvidence(
    {
      stage: failed.stage,
      host: failed.first,
      failure: failed.failure,
      toplevelDrv: toplevelDrvOf(failed, sides),
      atBase: failed.atBase ? "fails" : base,
      change,
    },
    nix,
    trust,
  );
}
