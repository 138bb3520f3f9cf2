import type { PlanOutcome } from "./plan-outcome.ts";
import type { Plan, PlanHost } from "./plan.ts";

/**
 * What a host means to the person who reads, in one word, worst first. Headline, table, terminal and status all count in these, so that they cannot disagree.
 * `unbuilt` is a change of a preview that may turn out clean. `risky` is a risky change that nobody is asked about because the host is only observed. `needs-person` is
 * a host that the run gave up on in the middle; in a run that changes hosts the others are the kinds of outcome.
 */
export const standings = [
  "needs-person",
  "live-but-old-boots",
  "left-unconfirmed",
  "failed",
  "reboot-failed",
  "rolled-back",
  "unreachable",
  "superseded",
  "deployed-with-misses",
  "held",
  "reboot-held",
  "needs-you",
  "not-reached",
  "handed-over",
  "risky",
  "reboot",
  "unbuilt",
  "clean",
  "would-stage",
  "would-deploy",
  "would-reboot",
  "offline",
  "reboot-pending",
  "deployed-reboot-pending",
  "staged",
  "rebooted",
  "deployed",
  "removed",
  "unchanged",
] as const;
export type Standing = (typeof standings)[number];

/** What became of the host, in a run that changed hosts; else what is thought of its change. */
export function standing(host: PlanHost): Standing {
  const { outcome, state } = host;
  if (outcome === undefined || outcome.outcome === "not-managed" || state === "removed") return judged(host);
  return outcome.outcome === "failed" && isEscalated(outcome) ? "needs-person" : outcome.outcome;
}

/** What is thought of the host's change, whatever became of it. */
export function judged(host: PlanHost): Standing {
  switch (host.state) {
    case "failed":
      return "failed";
    case "unchanged":
      return "unchanged";
    case "removed":
      return "removed";
    case "added":
    case "changed":
      if (host.decision.action === "fail") return "failed";
      if (host.decision.action === "hold") return "needs-you";
      return host.judgement.verdict === "unknown-until-built" ? "unbuilt" : host.judgement.verdict;
  }
}

/** The run could change hosts: each has what became of it, and reports say what happened instead of what will happen. */
export const hasOutcomes = (plan: Pick<Plan, "hosts">): boolean => plan.hosts.some((host) => host.outcome !== undefined);

const well: ReadonlySet<PlanOutcome["outcome"]> = new Set([
  "unchanged",
  "not-managed",
  "deployed",
  "staged",
  "deployed-reboot-pending",
  "would-deploy",
  "would-stage",
  "rebooted",
  "offline",
  "reboot-pending",
  "would-reboot",
]);
/** It is what was wanted, or will be after the reboot that was wanted: a row says everything. */
export const isWell = ({ outcome }: Pick<PlanOutcome, "outcome">): boolean => well.has(outcome);

/** Every way that helps was tried, and the host is not where anybody wants it. */
export const isEscalated = (outcome: PlanOutcome): boolean => outcome.failure?.code === "activation-escalated";

/** Built and compared only: the gate never touches this host. */
export const isObserved = (host: PlanHost): boolean => host.decision.action === "observe";

/** Only counted: it is what it was, and nothing was wanted of it. */
export const isQuiet = (host: PlanHost): boolean => host.state === "unchanged" && standing(host) === "unchanged";

/** Worst first, hosts that the gate acts on before those that it only watches, then by name in code units. */
export function compareHosts(a: PlanHost, b: PlanHost): number {
  return (
    Number(escalated(b)) - Number(escalated(a)) ||
    standings.indexOf(standing(a)) - standings.indexOf(standing(b)) ||
    Number(isObserved(a)) - Number(isObserved(b)) ||
    findings(b) - findings(a) ||
    (a.host < b.host ? -1 : a.host > b.host ? 1 : 0)
  );
}

const escalated = (host: PlanHost): boolean => host.outcome !== undefined && isEscalated(host.outcome);

const findings = (host: PlanHost): number =>
  host.state === "changed" || host.state === "added"
    ? host.judgement.findings.filter((finding) => finding.verdict === host.judgement.verdict).length
    : 0;
