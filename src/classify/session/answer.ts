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

/** A session's word on one change. Its texts are a model's prose about a stranger's text: escape, bound and mark them wherever they are shown. */
export type SessionVerdict = {
  readonly verdict: Verdict;
  readonly findings: readonly Finding[];
  /** Findings that named nothing that is in the document. */
  readonly dropped: number;
  readonly reasons: readonly ReasonCode[];
  readonly watch: readonly string[];
  readonly explanation: string;
};

export type AnswerProblem = "invalid-answer" | "wrong-nonce";

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
      subject: finding.subject,
      hazard: finding.hazard,
      evidence: [finding.quote],
      check: finding.check,
    })),
    dropped: answer.findings.length - kept.length,
    reasons: [...new Set(kept.map((finding) => finding.reason))].toSorted(),
    watch: answer.watch,
    explanation: answer.explanation,
  };
}

const folded = (text: string): string => text.replace(/\s+/g, " ").trim();
