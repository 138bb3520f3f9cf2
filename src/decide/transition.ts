import { createHash } from "node:crypto";
import type { Finding, Mode, Verdict } from "../classify/finding.ts";
import { maxVerdict } from "../classify/finding.ts";
import type { Assessment } from "../classify/preview.ts";
import type { HostName } from "../discover/host.ts";
import { canonicalJson } from "./canonical-json.ts";

/** What a host runs, as it said itself: what is active, what boots, and the specialisation that is active, where one is. */
export type RunningSystem = { readonly current: string; readonly profile: string; readonly specialisation?: string | undefined };

/** What a finding of the rules is to whoever approves it. Hazard, evidence and advice are prose: a better wording must not void an approval. */
export type AcceptedFinding = Pick<Finding, "rule" | "verdict" | "mode" | "subject" | "from" | "to">;

/** One change of one host, as a person approves it (invariant 2): all that follows from the approval is in here, and nothing that does not. */
export type Transition = {
  /** `owner/name`; the flake's own address where there is no forge. */
  readonly repository: string;
  readonly host: HostName;
  /** In full. */
  readonly revision: string;
  /** When the token was made, in seconds since 1970, so that no time zone has a say. */
  readonly issuedAt: number;
  readonly from: RunningSystem;
  /** The toplevel. */
  readonly to: string;
  readonly mode: Mode;
  readonly attended: boolean;
  readonly reversible: boolean;
  readonly findings: readonly AcceptedFinding[];
  /** Where the session judged higher than every rule: its verdict, and no word more. */
  readonly sessionRaise?: Verdict | undefined;
};

/** Where and when a transition happens; the judgement says the rest. */
export type TransitionPlace = Pick<Transition, "repository" | "host" | "revision" | "from" | "to">;

/** A transition that has no time of issue yet. */
export type UndatedTransition = Omit<Transition, "issuedAt">;

/**
 * The transition that a judgement stands for. Nothing that is known before the build can be approved, so a preview has no transition. Findings are taken whole, never
 * from a report: a report cuts what is long.
 */
export function transitionOf(place: TransitionPlace, judgement: Assessment): UndatedTransition | undefined {
  if (judgement.verdict === "unknown-until-built") return undefined;
  const byRules = judgement.findings.filter((finding) => finding.rule !== "session");
  const worst = byRules.reduce<Verdict>((verdict, finding) => maxVerdict(verdict, finding.verdict), "clean");
  const { repository, host, revision, from, to } = place;
  return {
    repository,
    host,
    revision,
    from,
    to,
    mode: judgement.mode,
    attended: judgement.attended,
    reversible: judgement.reversible,
    findings: byRules,
    ...(judgement.verdict === worst ? {} : { sessionRaise: judgement.verdict }),
  };
}

/** The text that is hashed. Findings are sorted, so that the order of the rules in our own code says nothing; two equal ones stay two. */
export function transitionText(transition: Transition): string {
  const { repository, host, revision, issuedAt, from, to, mode, attended, reversible, findings, sessionRaise } = transition;
  return canonicalJson({
    schema: 1,
    repository,
    host,
    revision,
    issuedAt,
    from: { current: from.current, profile: from.profile, specialisation: from.specialisation },
    to,
    mode,
    attended,
    reversible,
    findings: findings
      .map((finding) => ({
        rule: finding.rule,
        verdict: finding.verdict,
        mode: finding.mode,
        subject: finding.subject,
        from: finding.from,
        to: finding.to,
      }))
      .map((finding) => ({ finding, text: canonicalJson(finding) }))
      .toSorted((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0))
      .map(({ finding }) => finding),
    sessionRaise,
  });
}

/** The first 128 bits of SHA-256 over the canonical JSON, as 32 hexadecimal digits. */
export function transitionDigest(transition: Transition): string {
  return createHash("sha256").update(transitionText(transition), "utf8").digest("hex").slice(0, 32);
}
