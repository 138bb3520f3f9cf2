import { failure, type Failure } from "../failure.ts";
import type { Permission } from "../io/ports.ts";
import type { ApprovalPolicy } from "../policy-deploy.ts";
import type { LedgerEntry } from "../target/ledger.ts";
import type { ApprovalToken } from "./approval-token.ts";
import { whatMoved } from "./moved.ts";
import { entriesOf, rejectionOf, type KnownLedger } from "./rejection.ts";
import { transitionDigest, type UndatedTransition } from "./transition.ts";

/** Who approves, and how they said so. */
export type Approver = {
  readonly login: string;
  /** As the forge says it. */
  readonly permission: Permission;
  /** Of the run that carries the approval; on Forgejo a run that is started again keeps the name of who started it first. */
  readonly attempt: number;
  /** Who pressed the button, where the forge tells that apart from the actor. */
  readonly triggeredBy?: string | undefined;
  /** Author, committer or pusher of any commit between what the host runs and the revision. Looked at only where the policy asks. */
  readonly isAuthor: boolean | "unknown";
  /** Why it is unknown, as a clause. */
  readonly authorUnknown?: string | undefined;
};

export type ApprovalCase = {
  readonly token: ApprovalToken;
  /** As it is now, computed anew from the host, the build and the rules; nothing of it comes from a report. */
  readonly now: UndatedTransition;
  readonly onDeployBranch: boolean | "unknown";
  /** True where the revision is the one that the host runs, too. */
  readonly newer: boolean | "unknown";
  readonly ledger: KnownLedger;
  readonly clock: Date;
  readonly policy: ApprovalPolicy;
  readonly approver: Approver;
};

export type ApprovalJudgement =
  | { readonly kind: "granted"; readonly by: string; readonly digest: string }
  | { readonly kind: "refused"; readonly by: string; readonly failure: Failure };

/** How far a token may seem to come from the future: runners' clocks are not one clock. */
const skewSeconds = 300;

/**
 * Whether a token approves this change now (invariant 2). Judged when it is given and again right before the activation, against what the host then is; whatever
 * cannot be shown refuses. The token is a stranger's text and the host's ledger may lie: a lie in it can cost that host an approval or repeat one on that host alone.
 */
export function judgeApproval(given: ApprovalCase): ApprovalJudgement {
  const { approver, now } = given;
  const refusal =
    person(given) ??
    (given.policy.exceptAuthor && approver.isAuthor !== false
      ? failure("approval-author", {
          host: now.host,
          by: approver.login,
          known: approver.isAuthor === true,
          why: approver.authorUnknown,
        })
      : undefined) ??
    place(given) ??
    order(given) ??
    time(given) ??
    history(given);
  return refusal === undefined
    ? { kind: "granted", by: approver.login, digest: given.token.digest }
    : { kind: "refused", by: approver.login, failure: refusal };
}

export type RejectionJudgement =
  | {
      readonly kind: "rejected";
      readonly by: string;
      /** To be written to the host's ledger. */ readonly entry: Extract<LedgerEntry, { event: "rejected" }>;
    }
  | { readonly kind: "refused"; readonly by: string; readonly failure: Failure };

/** Whether a token rejects this change. Who may approve may reject, their own work too; age, branch and order do not matter to a no. */
export function judgeRejection(
  given: Pick<ApprovalCase, "token" | "now" | "ledger" | "clock" | "policy" | "approver">,
): RejectionJudgement {
  const { approver, token, clock } = given;
  const refusal = person(given) ?? place(given) ?? history(given);
  if (refusal !== undefined) return { kind: "refused", by: approver.login, failure: refusal };
  return {
    kind: "rejected",
    by: approver.login,
    entry: {
      v: 1,
      event: "rejected",
      at: Math.floor(clock.getTime() / 1000),
      digest: token.digest,
      issuedAt: token.issuedAt,
      by: approver.login.slice(0, 100),
    },
  };
}

function person({ approver, now, policy }: Pick<ApprovalCase, "approver" | "now" | "policy">): Failure | undefined {
  const { login, permission, attempt, triggeredBy } = approver;
  const host = now.host;
  const nobody = (problem: string, forge = false): Failure => failure("approval-nobody", { host, by: login, problem, forge });
  if (attempt !== 1) return failure("approval-rerun", { host, attempt });
  if (triggeredBy !== undefined && !sameLogin(triggeredBy, login)) return nobody(`the run was started by ${triggeredBy}`);
  // Where the policy names people, it decides; a forge that says that such a person may not even write is believed all the same.
  if (policy.by !== undefined && !policy.by.some((one) => sameLogin(one, login))) return nobody("the policy names others (approval.by)");
  if (permission === "read" || permission === "none") return nobody("the forge says that they may not write to the repository");
  if (permission === "unknown" && policy.by === undefined)
    return nobody("the forge does not say whether they may write to the repository", true);
  return undefined;
}

/** Both forges take logins whatever their case. */
export const sameLogin = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

function place({ token, now }: Pick<ApprovalCase, "token" | "now">): Failure | undefined {
  if (token.host !== now.host) return failure("approval-other-host", { host: now.host, token: token.host });
  if (!now.revision.startsWith(token.revision))
    return failure("approval-other-revision", { host: now.host, token: token.revision, revision: now.revision });
  return undefined;
}

function order({ now, onDeployBranch, newer, ledger }: ApprovalCase): Failure | undefined {
  const { host, revision } = now;
  if (onDeployBranch !== true) return failure("approval-not-merged", { host, revision, known: onDeployBranch === false });
  // A host that no gate ever deployed has no revision that anything could be older than: the person who approves its first deploy sees that it is one.
  const first = newer === "unknown" && ledger !== "unreadable" && !entriesOf(ledger).some((entry) => entry.event === "started");
  return newer === true || first ? undefined : failure("approval-older", { host, revision, known: newer === false });
}

function time({ token, now: { host }, clock, policy: { ttlHours } }: ApprovalCase): Failure | undefined {
  const age = clock.getTime() / 1000 - token.issuedAt;
  const issued = moment(token.issuedAt);
  // Written so that an age which is no number refuses.
  if (!(age >= -skewSeconds)) return failure("approval-early", { host, issued, now: moment(clock.getTime() / 1000) });
  return age <= ttlHours * 3600 ? undefined : failure("approval-expired", { host, issued, hours: ttlHours });
}

function history({ token, now, ledger }: Pick<ApprovalCase, "token" | "now" | "ledger">): Failure | undefined {
  const { host } = now;
  if (ledger === "unreadable") return failure("approval-ledger", { host });
  for (const entry of entriesOf(ledger)) {
    if (entry.event === "started" && entry.attempt.digest === token.digest) return failure("approval-used", { host, at: moment(entry.at) });
    if (entry.event === "rejected" && entry.digest === token.digest)
      return failure("approval-rejected", { host, by: entry.by, at: moment(entry.at) });
  }
  if (transitionDigest({ ...now, issuedAt: token.issuedAt }) !== token.digest)
    return failure("approval-changed", { host, moved: whatMoved(token, now, ledger) });
  // Several reports print several tokens for one change. A no to one of them is a no to all that were there by then.
  const rejected = rejectionOf(now, ledger);
  return rejected !== undefined && rejected.at >= token.issuedAt
    ? failure("approval-rejected", { host, by: rejected.by, at: moment(rejected.at) })
    : undefined;
}

/** `2026-11-22 23:05 UTC`: whoever reads it may be anywhere. */
function moment(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? "a time that is none" : `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
