import * as z from "zod";
import { type Finding, maxVerdict, Verdict } from "../finding.ts";

/** Why a session raises its hand: a closed list, so that reports and approvals can name it without carrying a model's prose. */
export const ReasonCode = z.enum([
  "lock-out",
  "network-loss",
  "boot-failure",
  "data-loss",
  "data-migration",
  "quorum-loss",
  "long-outage",
  "no-effect-until-reboot",
  "no-effect-at-all",
  "secret-exposed",
  "service-breaks",
  "addresses-reviewer",
  "other",
]);
export type ReasonCode = z.infer<typeof ReasonCode>;

/** What the session is asked to fill in. Lengths are bounded here, where the session is told so and tries again, rather than cut afterwards. */
export const Answer = z.strictObject({
  nonce: z.string().max(64),
  verdict: Verdict,
  findings: z
    .array(
      z.strictObject({
        reason: ReasonCode,
        verdict: Verdict,
        subject: z.string().min(1).max(160),
        quote: z.string().min(3).max(240),
        hazard: z.string().min(1).max(300),
        check: z.string().min(1).max(300),
      }),
    )
    .max(8),
  watch: z.array(z.string().min(1).max(160)).max(5),
  explanation: z.string().min(1).max(1500),
});
export type Answer = z.infer<typeof Answer>;

/** The CLI validates with draft-07 and refuses a schema that names a later draft. */
export function answerSchema(): Record<string, unknown> {
  return z.toJSONSchema(Answer, { target: "draft-7" });
}

/** What a model said of one hazard. Its words stand here and nowhere else, so that no report can mistake them for what a rule saw. */
export type SaidFinding = Answer["findings"][number];

/** A session's word on one change. `said`, `watch` and `explanation` are a model's prose about a stranger's text: escape, bound and mark them wherever they are shown. */
export type SessionVerdict = {
  readonly verdict: Verdict;
  /** Findings in our own words; subject and quote stand in the document. */
  readonly findings: readonly Finding[];
  readonly said: readonly SaidFinding[];
  /** Findings that named nothing that is in the document. */
  readonly dropped: number;
  readonly reasons: readonly ReasonCode[];
  readonly watch: readonly string[];
  readonly explanation: string;
};

export type AnswerProblem = "invalid-answer" | "wrong-nonce";

/** What a reason means, as a finding's hazard: an approval, a decision and a table quote it, and a model's sentence has no place there. */
const hazards: Readonly<Record<ReasonCode, string>> = {
  "lock-out": "The session sees a way to lose access to the host.",
  "network-loss": "The session sees a way to lose the network.",
  "boot-failure": "The session sees a boot that may fail.",
  "data-loss": "The session sees data at risk.",
  "data-migration": "The session sees data that the new version changes for good.",
  "quorum-loss": "The session sees a cluster that may lose its quorum.",
  "long-outage": "The session sees an outage that is longer than a restart.",
  "no-effect-until-reboot": "The session sees a part that only a boot brings in.",
  "no-effect-at-all": "The session sees a part that has no effect.",
  "secret-exposed": "The session sees a secret that others can read.",
  "service-breaks": "The session sees a service that may not come back as it was.",
  "addresses-reviewer": "The session sees a text that speaks to whoever reviews the change.",
  other: "The session sees a hazard of another kind.",
};

/**
 * What an answer is worth. The nonce proves that it answers this document and not another host's, or a text inside the document that dictated an answer. A finding
 * whose subject or quote is not in the document is dropped: it is about something that the session made up. The verdict is never lowered by that: a session that
 * raises without evidence still holds the host, and the report says that it showed none.
 */
export function readAnswer(value: unknown, nonce: string, document: string): SessionVerdict | AnswerProblem {
  const parsed = Answer.safeParse(value);
  if (!parsed.success) return "invalid-answer";
  const answer = parsed.data;
  if (answer.nonce.trim() !== nonce) return "wrong-nonce";

  const text = folded(document);
  const kept = answer.findings.filter((finding) => text.includes(folded(finding.subject)) && text.includes(folded(finding.quote)));
  const verdict = kept.reduce<Verdict>((worst, finding) => maxVerdict(worst, finding.verdict), answer.verdict);
  return {
    verdict,
    findings: kept.map((finding) => ({
      rule: "session",
      verdict: finding.verdict,
      mode: finding.verdict === "reboot" ? "switch-then-reboot" : "switch",
      attended: false,
      reversible: finding.reason !== "data-migration",
      subject: folded(finding.subject),
      hazard: hazards[finding.reason],
      evidence: [folded(finding.quote)],
    })),
    said: kept,
    dropped: answer.findings.length - kept.length,
    reasons: [...new Set(kept.map((finding) => finding.reason))].toSorted(),
    watch: answer.watch,
    explanation: answer.explanation,
  };
}

const folded = (text: string): string => text.replace(/\s+/g, " ").trim();
