import { type ApprovalJudgement, type Approver, judgeApproval, judgeRejection } from "../decide/approval.ts";
import { readTokens } from "../decide/approval-token.ts";
import type { Said } from "../decide/decide-fleet.ts";
import { transitionOfReport } from "../decide/issue-approvals.ts";
import { entriesOf, rejectionOf, type Rejection } from "../decide/rejection.ts";
import type { RunningSystem } from "../decide/transition.ts";
import type { HostName } from "../discover/host.ts";
import type { HostReport } from "../host-report.ts";
import type { Clock, Targets } from "../io/ports.ts";
import { lastApplied } from "../apply/history.ts";
import { appendLedger } from "../target/append-ledger.ts";
import type { Contact, DeployRequest } from "./contact.ts";
import { ledgerOf } from "./ledger-of.ts";

/** What each host said that it runs, as an approval names it. */
export function runningSystems({ fleet }: Contact): Map<HostName, RunningSystem> {
  return new Map(
    [...fleet.observations].flatMap(([host, { current, profile, specialisation }]) =>
      current === undefined || profile === undefined ? [] : [[host, { current, profile, specialisation }] as const],
    ),
  );
}

/**
 * What people said of single hosts, judged against what each change is now. A rejection is written to the host's ledger at once, so that no other run takes the approval
 * that it forbids. Throws where a token cannot be read; nothing has happened then.
 */
export async function sayApprovals(
  reports: readonly HostReport[],
  revision: string,
  contact: Contact,
  request: DeployRequest,
  { clock, targets }: { readonly clock: Clock; readonly targets: Targets },
): Promise<Said & { readonly notes: readonly string[]; readonly digests: ReadonlyMap<HostName, { by: string; digest: string }> }> {
  const approve = readTokens(request.approve);
  const reject = readTokens(request.reject);
  const running = runningSystems(contact);
  const approvals = new Map<HostName, ApprovalJudgement>();
  const rejections = new Map<HostName, Rejection>();
  const digests = new Map<HostName, { by: string; digest: string }>();
  const refusable = new Set<HostName>();
  const notes: string[] = [];
  const approver = approve === undefined && reject === undefined ? undefined : await request.approver();
  for (const report of reports) {
    const now = transitionOfReport(report, { repository: request.repository, revision, running });
    const observation = contact.fleet.observations.get(report.host);
    if (now === undefined || observation === undefined) continue;
    const ledger = ledgerOf(observation);
    const before = rejectionOf(now, ledger);
    if (before !== undefined) rejections.set(report.host, before);
    if (approver === undefined) continue;
    const no = reject?.tokens.get(report.host);
    if (no !== undefined) {
      refusable.add(report.host);
      const judged = judgeRejection({ token: no, now, ledger, clock: clock.now(), policy: contact.policy.approval, approver });
      if (judged.kind === "refused") notes.push(`The rejection for ${report.host} does not count: ${judged.failure.message}`);
      else {
        const address = contact.fleet.addresses.get(report.host);
        const written = address === undefined || request.dryRun ? undefined : await appendLedger(targets, address, judged.entry);
        rejections.set(report.host, { by: judged.by, at: Math.floor(clock.now().getTime() / 1000) });
        notes.push(
          written?.ok === true
            ? `${report.host}: rejected by ${judged.by}; its ledger says so.`
            : `${report.host}: rejected by ${judged.by}, but its ledger could not be written, so the next run asks again.`,
        );
      }
    }
    const token = approve?.tokens.get(report.host);
    if (token === undefined) continue;
    const applied = lastApplied(entriesOf(ledger));
    const last = applied?.revision;
    // What somebody switched to by hand is no revision of ours, so that nothing lies between it and this one.
    const runs = applied !== undefined && [observation.current, observation.profile].includes(applied.to) ? last : undefined;
    const author = contact.policy.approval.exceptAuthor ? await authorOf(approver.login, runs, revision, request) : undefined;
    const judged = judgeApproval({
      token,
      now,
      onDeployBranch: request.onDeployBranch,
      newer: last === undefined ? "unknown" : last === revision ? true : (contact.ancestry.get(`${last} ${revision}`) ?? "unknown"),
      ledger,
      clock: clock.now(),
      policy: contact.policy.approval,
      approver: { ...approver, ...author },
    });
    approvals.set(report.host, judged);
    if (judged.kind === "granted") digests.set(report.host, { by: judged.by, digest: judged.digest });
  }
  for (const [host] of approve?.tokens ?? [])
    if (!approvals.has(host)) notes.push(`The approval for ${host} was not used: nothing of that host can be approved in this run.`);
  for (const host of reject?.tokens.keys() ?? [])
    if (!refusable.has(host)) notes.push(`The rejection for ${host} was not used: nothing of that host can be rejected in this run.`);
  return { approvals, rejections, newlyManaged: contact.newlyManaged, notes, digests };
}

/** Where it is unknown what the host runs, everything that there is would come to it, and nobody can be shown to have had no hand in that. */
async function authorOf(
  login: string,
  base: string | undefined,
  head: string,
  { isAuthor }: DeployRequest,
): Promise<Pick<Approver, "isAuthor" | "authorUnknown">> {
  if (base === undefined) return { isAuthor: "unknown", authorUnknown: "it is not known which revision the host runs" };
  if (isAuthor === undefined) return { isAuthor: "unknown", authorUnknown: "no forge was asked" };
  const said = await isAuthor(login, base, head);
  return { isAuthor: said.answer, ...(said.answer === "unknown" ? { authorUnknown: said.why } : {}) };
}
