import type { Finding, Judgement, Mode } from "./finding.ts";

/**
 * What the rules can say before the build. They see less than there will be, so they may find hazards and can never rule them out: `unknown-until-built` stands where a
 * judgement of the built system would say `clean`.
 */
export type PreviewJudgement = {
  readonly verdict: "unknown-until-built" | "reboot" | "risky";
  /** At least this much; the build may ask for more. */
  readonly mode: Mode;
  readonly attended: boolean;
  readonly reversible: boolean;
  readonly findings: readonly Finding[];
};

/** A judgement over a preview. Findings stay as they are; only what says that there is nothing to worry about is taken back. */
export function previewJudgement(judgement: Judgement): PreviewJudgement {
  const { verdict, ...rest } = judgement;
  return { ...rest, verdict: verdict === "clean" ? "unknown-until-built" : verdict };
}
