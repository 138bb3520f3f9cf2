import { entriesOf, type KnownLedger } from "../decide/rejection.ts";
import type { ActivationOutcome, Attempt, LedgerEntry } from "../target/ledger.ts";
import { atGate, failed, inconclusive, onHost, passed, type Answer } from "./answer.ts";

/** `a` is an ancestor of `b`, or the same. Unknown where history is not at hand. */
export type IsAncestor = (a: string, b: string) => boolean | "unknown";

/** An attempt and how it ended; undefined where its end was never written: the host lost power, or the supervisor was killed. */
export type Tried = {
  readonly attempt: Attempt;
  readonly bootId: string;
  readonly at: number;
  readonly ended: { readonly outcome: ActivationOutcome; readonly reason: string; readonly at: number } | undefined;
};

/** Attempts in the order in which they began. An end without a beginning, cut off with the oldest lines, tells nothing and is passed over. */
export function triedOf(entries: readonly LedgerEntry[]): Tried[] {
  const ends = new Map(entries.flatMap((entry) => (entry.event === "ended" ? [[entry.id, entry] as const] : [])));
  return entries.flatMap((entry): Tried[] => {
    if (entry.event !== "started") return [];
    const end = ends.get(entry.attempt.id);
    const ended = end === undefined ? undefined : { outcome: end.outcome, reason: end.reason, at: end.at };
    return [{ attempt: entry.attempt, bootId: entry.bootId, at: entry.at, ended }];
  });
}

/** The new system was brought in, at least as what runs or as what boots. */
export const tookEffect: ReadonlySet<ActivationOutcome> = new Set(["deployed", "staged", "live-but-old-boots", "left-unconfirmed"]);

const unreadable = (what: string): Answer => ({
  outcome: "error",
  sentence: `The host's ledger cannot be read, so ${what} cannot be shown.`,
  next: onHost("tail /var/lib/nixos-deploy-gate/ledger.jsonl"),
});

/** The revision of what the ledger says was applied last. A rollback counts with the revision that it brought back, where it has one. */
export function lastApplied(entries: readonly LedgerEntry[]): Attempt | undefined {
  return triedOf(entries).findLast(
    ({ attempt, ended }) => attempt.operation !== "reboot" && ended !== undefined && tookEffect.has(ended.outcome),
  )?.attempt;
}

/**
 * An older commit is never deployed over a newer one by accident (invariant 7). Commit times are not asked: whoever makes a commit writes them. Where nothing was ever
 * applied by a gate, what the host runs is what the plan was made for, and `from` has shown that.
 */
export function notOlder(ledger: KnownLedger, revision: string | undefined, isAncestor: IsAncestor, fromAsPlanned: boolean): Answer {
  if (ledger === "unreadable") return unreadable("whether this revision is newer than what was applied last");
  const entries = entriesOf(ledger);
  const applied = lastApplied(entries);
  if (applied === undefined) {
    return fromAsPlanned
      ? passed("No gate has applied anything on this host before.")
      : inconclusive(
          "No gate has applied anything on this host before, and it does not run what was planned for.",
          atGate("nixos-deploy-gate deploy --dry-run --hosts HOST", "compares with what it runs now"),
        );
  }
  if (applied.operation === "rollback" && applied.revision === undefined)
    return passed("What was applied last was a rollback, which has no revision to be compared with.");
  if (applied.revision === undefined || revision === undefined) {
    const which = revision === undefined ? "what is to be applied" : "what was applied last";
    return inconclusive(
      `The revision of ${which} is not known, so their order cannot be shown.`,
      atGate("nixos-deploy-gate deploy --hosts HOST --despite order", "where it is the newer one"),
    );
  }
  const short = (commit: string): string => commit.slice(0, 9);
  if (applied.revision === revision) return passed(`The revision ${short(revision)} was applied last, too.`);
  const forward = isAncestor(applied.revision, revision);
  if (forward === true) return passed(`The revision ${short(revision)} follows on ${short(applied.revision)}, which was applied last.`);
  const backward = isAncestor(revision, applied.revision);
  const next = atGate(`git log --graph --oneline ${short(applied.revision)} ${short(revision)}`);
  if (backward === true)
    return failed(
      `The revision ${short(revision)} is older than ${short(applied.revision)}, which was applied last.`,
      atGate("nixos-deploy-gate rollback HOST", "if going back is what you want"),
    );
  if (forward === "unknown" || backward === "unknown")
    return inconclusive(
      `Whether ${short(revision)} follows on ${short(applied.revision)}, which was applied last, cannot be told: the history is not all here.`,
      atGate("git fetch --unshallow"),
    );
  return failed(
    `The revision ${short(revision)} does not follow on ${short(applied.revision)}, which was applied last: history was rewritten, or another branch was applied.`,
    next,
  );
}

/**
 * Whether this toplevel may be tried, by what became of it before. One that failed, was taken back or left behind is not tried again by itself; one whose attempt never
 * ended is tried once more. `approved`: a person has said since, by a token that no attempt has used, that it is to be tried.
 */
export function mayTry(ledger: KnownLedger, to: string, bootId: string, approved: boolean): Answer {
  if (ledger === "unreadable") return unreadable("how often this system was tried");
  let verdict: string | undefined;
  let unended = 0;
  let loader = 0;
  let unconfirmed = 0;
  let lately: Tried | undefined;
  for (const tried of triedOf(entriesOf(ledger))) {
    const { attempt, ended } = tried;
    if (attempt.operation === "reboot") continue;
    if (attempt.to !== to) {
      const left =
        attempt.operation === "rollback" && ended?.outcome === "deployed" && (attempt.from.current === to || attempt.from.profile === to);
      if (left) verdict = `A person went back from it (attempt ${attempt.id}).`;
      continue;
    }
    lately = tried;
    if (ended === undefined) {
      unended += 1;
      continue;
    }
    switch (ended.outcome) {
      case "deployed":
      case "staged":
        [verdict, unended, loader, unconfirmed] = [undefined, 0, 0, 0];
        break;
      case "rolled-back":
        // Nobody has said anything against it: a gate that is killed confirms nothing either. Once more, since it may as well have cut the host off.
        if (ended.reason.startsWith("not-confirmed")) unconfirmed += 1;
        if (unconfirmed === 1 && ended.reason.startsWith("not-confirmed")) break;
        verdict = `It was tried and taken back (attempt ${attempt.id}: ${ended.reason}).`;
        break;
      case "rollback-failed":
        verdict = `It was tried and could not be taken back (attempt ${attempt.id}: ${ended.reason}).`;
        break;
      case "left-unconfirmed":
        verdict = `It was left running unconfirmed (attempt ${attempt.id}: ${ended.reason}).`;
        break;
      case "live-but-old-boots":
        loader += 1;
        if (loader > 1) verdict = `Twice the boot loader could not be set for it (attempt ${attempt.id}: ${ended.reason}).`;
        break;
      case "refused":
      case "superseded":
        break;
    }
  }
  if (unended > 1) verdict ??= `It was tried ${unended} times and no attempt came to its end.`;
  if (verdict !== undefined)
    return approved
      ? passed(`${verdict} A person has approved another try since.`)
      : failed(
          `${verdict} It is not tried again by itself.`,
          atGate("nixos-deploy-gate deploy --hosts HOST --despite attempts", "or push a commit that corrects it"),
        );
  if (unconfirmed === 1 && lately !== undefined)
    return passed(`The attempt ${lately.attempt.id} at it was not confirmed in time, by whatever fault; it is tried once more.`);
  if (unended === 1 && lately !== undefined) {
    const how = lately.bootId === bootId ? "broke off without a result" : "was cut off by a reboot or a loss of power";
    return passed(`The attempt ${lately.attempt.id} at it ${how}; it is tried once more.`);
  }
  return lately === undefined ? passed("It was not tried here before.") : passed("Nothing that became of it before speaks against it.");
}

/** Approvals are used once (invariant 2). Where there is no ledger nothing was ever applied by a gate, so nothing was used. */
export function unspent(ledger: KnownLedger, approval: { readonly by: string; readonly digest: string } | undefined): Answer {
  if (approval === undefined) return passed("It needs no approval.");
  if (ledger === "unreadable") return unreadable("whether the approval was used before");
  for (const entry of entriesOf(ledger)) {
    if (entry.event === "rejected" && entry.digest === approval.digest)
      return failed(
        `This very change was rejected by ${entry.by}.`,
        atGate("nixos-deploy-gate plan --hosts HOST", "then push a commit that settles it"),
      );
    if (entry.event === "started" && entry.attempt.digest === approval.digest)
      return failed(
        `The approval of ${approval.by} was used before, by attempt ${entry.attempt.id}.`,
        atGate("nixos-deploy-gate deploy --dry-run --hosts HOST", "then approve the token that it shows"),
      );
  }
  return passed(`${approval.by} approved it, and nothing has used the approval before.`);
}
