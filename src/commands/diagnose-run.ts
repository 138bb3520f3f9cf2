import { askAboutBuild, askAboutHost } from "../diagnose/ask-about.ts";
import { failedAlike } from "../diagnose/failed-alike.ts";
import { collectBuildEvidence } from "../diagnose/collect-build-evidence.ts";
import { collectHostEvidence } from "../diagnose/collect-host-evidence.ts";
import { type Diagnostician, diagnostician } from "../diagnose/diagnostician.ts";
import { escalation, type Escalation } from "../diagnose/escalation.ts";
import type { Evidence } from "../diagnose/evidence.ts";
import { hostDiagnosis } from "../diagnose/host-diagnosis.ts";
import type { OpenToolbox } from "../diagnose/session/diagnosis-tools.ts";
import type { HostName } from "../discover/host.ts";
import { type ExitCode, type Failure, type FailureCode, failureCodes } from "../failure.ts";
import type { GateLog } from "../io/log.ts";
import { observeOnly, type Policy } from "../policy.ts";
import { diagnosisJson, diagnosisText, type DiagnosedAgain } from "../report/diagnosis-text.ts";
import type { PlanFailure } from "../report/plan-failure.ts";
import type { Plan, PlanHost } from "../report/plan.ts";
import { personAt } from "./deploy-run.ts";
import { withFleet } from "./fleet-setup.ts";
import { sessionOf } from "./shell-session.ts";
import type { Prepared } from "./prepare.ts";
import type { Options, Shell } from "./shell.ts";
import { sshWords } from "./ssh-words.ts";

/** Collects evidence again and prints the diagnosis. Nothing is built and nothing on a host is changed. Exit code 0: it was asked, whatever the answer is. */
export async function runDiagnose(
  plan: Plan,
  failed: readonly PlanHost[],
  prepared: Prepared,
  options: Options,
  shell: Shell,
  log: GateLog,
): Promise<ExitCode> {
  const session = options["session"] === true ? sessionOf(options, shell, prepared) : "no session was asked for";
  const told = (text: string): void => log.progress({ kind: "stage", stage: "diagnose", text });
  const asked = (policy: Policy): Diagnostician => diagnostician({ policy, session, spentUsd: 0, told });
  told("asking why it failed");
  const builds = await diagnosedBuilds(plan, failed, prepared, asked(observeOnly));
  const hosts = failed.filter((host) => host.state !== "failed" || host.stage === "observe");
  const onHosts = hosts.length === 0 ? [] : await diagnosedHosts(plan, hosts, prepared, options, shell, log, asked);
  const all = [...onHosts, ...builds];
  log.close();
  shell.out(
    options["json"] === true ? diagnosisJson(all) : diagnosisText(all, { ...shell.terminal, verbose: options["verbose"] === true }),
  );
  return 0;
}

async function diagnosedBuilds(
  plan: Plan,
  failed: readonly PlanHost[],
  { ports, sources }: Prepared,
  asked: Diagnostician,
): Promise<DiagnosedAgain[]> {
  const reports = failed.flatMap((host) =>
    host.state === "failed"
      ? [{ state: host.state, stage: host.stage, host: host.host, failure: failureOf(host.failure), atBase: host.atBase }]
      : [],
  );
  const made: DiagnosedAgain[] = [];
  for (const { first, hosts, stage, failure, atBase } of failedAlike(reports)) {
    const { base, head } = plan.revision;
    const about = {
      stage,
      host: first,
      failure,
      toplevelDrv: undefined,
      atBase: atBase ? "fails" : "unknown",
      change: sources.inGit === undefined ? undefined : { ...sources.inGit, base, head },
    } as const;
    const evidence = await collectBuildEvidence(about, ports.nix, "deploy-branch");
    const nows = hosts.map((host) => ({ host, outcome: "failed", now: undefined, untouched: true }) as const);
    made.push(await answered(evidence, asked, failure, failure.message, nows, askAboutBuild(evidence, undefined, "deploy-branch", ports)));
  }
  return made;
}

async function diagnosedHosts(
  plan: Plan,
  failed: readonly PlanHost[],
  prepared: Prepared,
  options: Options,
  shell: Shell,
  log: GateLog,
  asked: (policy: Policy) => Diagnostician,
): Promise<DiagnosedAgain[]> {
  const setup = { ...personAt(shell), ...sshWords(options, "diagnose"), dryRun: true };
  const names = failed.map(({ host }) => host);
  return await withFleet({ prepared, hosts: names, log, setup }, async ({ policy, fleet, targets }) => {
    const one = asked(policy);
    const made: DiagnosedAgain[] = [];
    for (const host of failed) {
      const address = fleet.addresses.get(host.host);
      if (address === undefined) continue;
      const { outcome } = host;
      const planned = outcome?.failure ?? (host.state === "failed" ? host.failure : undefined);
      const failure = planned === undefined ? undefined : failureOf(planned);
      const { evidence, now } = await collectHostEvidence(targets, address, {
        stage: outcome === undefined || outcome.outcome === "unreachable" ? "connection" : stageOf(host),
        failure,
        exit: undefined,
        // The host's clock may be another than the one that wrote the plan.
        since: Date.parse(plan.startedAt) / 1000 - 120,
        units: [],
        log: outcome?.log,
        atBase: "unknown",
      });
      const sides =
        host.state === "changed" ? { from: host.from || undefined, to: host.to || undefined } : { from: undefined, to: undefined };
      const state = {
        host: host.host,
        outcome: outcome?.outcome ?? "unreachable",
        now,
        ...sides,
        failedUnits: failedNow(evidence, now !== undefined),
      };
      const happened = outcome?.reasons[0] ?? failure?.message ?? `${host.host} failed.`;
      const open =
        now === undefined ? undefined : askAboutHost(host.host, evidence, sides, { targets, addresses: fleet.addresses }, prepared.ports);
      made.push(await answered(evidence, one, failure, happened, [state], open));
    }
    return made;
  });
}

const stageOf = (host: PlanHost): "copy" | "activation" | "reboot" => {
  if (host.outcome?.failure?.code.startsWith("copy-") === true) return "copy";
  return host.outcome?.outcome === "reboot-failed" ? "reboot" : "activation";
};

/** The host named those that are failed; the plan named none. */
const failedNow = (evidence: Evidence, answers: boolean): readonly string[] => (answers ? evidence.units : []);

async function answered(
  evidence: Evidence,
  asked: Diagnostician,
  failure: Failure | undefined,
  happened: string,
  hosts: readonly (Pick<Parameters<typeof escalation>[0]["hosts"][number], "host" | "outcome" | "now"> &
    Partial<Parameters<typeof escalation>[0]["hosts"][number]>)[],
  open: OpenToolbox | undefined,
): Promise<DiagnosedAgain> {
  const found = await asked.diagnose(evidence, true, open);
  const said = found.session?.kind === "answered" ? found.session.diagnosis : undefined;
  const told: Escalation = escalation({
    stage: evidence.stage,
    code: failure?.code ?? hosts[0]?.outcome ?? "failed",
    happened,
    hosts: hosts.map((host) => ({ from: undefined, to: undefined, failedUnits: [], ...host })),
    known: found.known,
    session: said === undefined ? undefined : { cause: said.cause, culprit: said.culprit, confidence: said.confidence, patch: said.patch },
    calls: found.session?.calls ?? [],
    tried: [],
    stopped: found.session?.kind === "none" ? [`A Claude session gave no diagnosis (${found.session.reason}).`] : [],
    evidence: evidence.items,
    next: failure?.next === "" ? undefined : failure?.next,
  });
  return { hosts: hosts.map(({ host }) => host as HostName), diagnosis: hostDiagnosis(evidence.stage, found), escalation: told };
}

const codes: ReadonlySet<string> = new Set(failureCodes());

/** Of a plan that another version wrote, a code that this one does not know is told by its message alone. */
function failureOf({ code, message, next, detail }: PlanFailure): Failure {
  const known = codes.has(code) ? (code as FailureCode) : "internal";
  return { code: known, message, next, ...(detail === undefined ? {} : { detail }) };
}
