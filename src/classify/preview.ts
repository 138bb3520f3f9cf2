import { judgement, type Finding, type Judgement, type Mode } from "./finding.ts";

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

/** What is known of a change: what the rules said of a system that is built, or what they can say before that. */
export type Assessment = Judgement | PreviewJudgement;

/** The rule that calls it a hazard when something could not be compared. Before the build that is so by nature, and said in the diff's `unknown`. */
const notCompared = "not-compared";

/** A judgement over a preview. What the rules found stays; only what says that there is nothing to worry about is taken back. */
export function previewJudgement(whole: Judgement): PreviewJudgement {
  const { verdict, ...rest } = judgement(whole.findings.filter((finding) => finding.rule !== notCompared));
  return { ...rest, verdict: verdict === "clean" ? "unknown-until-built" : verdict };
}
