import type { HostName } from "../discover/host.ts";
import type { HostReport } from "../host-report.ts";
import { issueToken } from "./approval-token.ts";
import { transitionOf, type RunningSystem, type UndatedTransition } from "./transition.ts";

export type IssueOptions = {
  /** `owner/name`; the flake's own address where there is no forge. */
  readonly repository: string;
  /** In full. */
  readonly revision: string;
  readonly now: Date;
  /** What each host said that it runs. Where one did not say, nothing about it can be approved. */
  readonly running: ReadonlyMap<HostName, RunningSystem>;
};

/** The transition that a report stands for, to be issued or to be compared with a token; undefined where nothing of it could be approved. */
export function transitionOfReport(report: HostReport, options: Omit<IssueOptions, "now">): UndatedTransition | undefined {
  const from = options.running.get(report.host);
  if (from === undefined || (report.state !== "changed" && report.state !== "added")) return undefined;
  return transitionOf(
    { repository: options.repository, host: report.host, revision: options.revision, from, to: report.to },
    report.judgement,
  );
}

/** Gives every held host that nobody rejected the token that approves it. Not for pull requests and previews: their revision is on no deploy branch, and their build not the one that is deployed. */
export function issueApprovals(reports: readonly HostReport[], options: IssueOptions): HostReport[] {
  return reports.map((report) => {
    const transition =
      report.decision.action === "hold" && report.decision.rejectedBy === undefined ? transitionOfReport(report, options) : undefined;
    if (transition === undefined) return report;
    return { ...report, approval: issueToken({ ...transition, issuedAt: Math.floor(options.now.getTime() / 1000) }) };
  });
}
