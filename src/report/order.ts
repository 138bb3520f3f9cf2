import type { PlanHost } from "./plan.ts";

/**
 * What a host means to the person who reads, in one word, worst first. Headline, table, terminal and status all count in these, so that they cannot disagree.
 * `unbuilt` is a change of a preview that may turn out clean. `risky` is a risky change that nobody is asked about because the host is only observed.
 */
export const standings = ["failed", "needs-you", "risky", "reboot", "unbuilt", "clean", "removed", "unchanged"] as const;
export type Standing = (typeof standings)[number];

export function standing(host: PlanHost): Standing {
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

/** Built and compared only: the gate never touches this host. */
export const isObserved = (host: PlanHost): boolean => host.decision.action === "observe";

/** Worst first, hosts that the gate acts on before those that it only watches, then by name in code units. */
export function compareHosts(a: PlanHost, b: PlanHost): number {
  return (
    standings.indexOf(standing(a)) - standings.indexOf(standing(b)) ||
    Number(isObserved(a)) - Number(isObserved(b)) ||
    findings(b) - findings(a) ||
    (a.host < b.host ? -1 : a.host > b.host ? 1 : 0)
  );
}

const findings = (host: PlanHost): number =>
  host.state === "changed" || host.state === "added"
    ? host.judgement.findings.filter((finding) => finding.verdict === host.judgement.verdict).length
    : 0;
