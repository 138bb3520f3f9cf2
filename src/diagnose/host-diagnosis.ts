import { callLines } from "./calls-fold.ts";
import type { FailureStage } from "./evidence.ts";
import type { KnownCause } from "./known-cause.ts";
import type { Confidence } from "./recogniser.ts";
import { terms, type Remedy } from "./remedy.ts";
import type { DiagnosisResult } from "./session/ask-diagnosis.ts";

/** Why a host failed, by the best that is known. Strings quote logs, and a session's are a model's prose: untrusted, bounded, redacted. */
export type HostDiagnosis = {
  readonly by: "known-cause" | "session";
  /** One or two sentences. */
  readonly cause: string;
  /** Commit, file, input, package, unit or path that is to blame. */
  readonly culprit?: string;
  readonly confidence: Confidence;
  /** What would be tried; absent where only a person can help. Nothing is tried because it stands here. */
  readonly remedy?: Remedy;
  /** The lines that show it, at most a few. */
  readonly evidence: readonly string[];
  /** A change to the flake that a session proposes, as text alone. */
  readonly patch?: string;
  /** What the session asked of hosts or of Nix before it answered, one call a line; absent where it asked nothing. */
  readonly asked?: readonly string[];
};

/**
 * The one diagnosis that is shown. What the table is certain of wins; a session that is more than guessing comes before what the table thinks likely, since it has read
 * that as well; undefined where nobody knows. Pure.
 */
export function hostDiagnosis(
  stage: FailureStage,
  { known, session }: { readonly known: readonly KnownCause[]; readonly session: DiagnosisResult | undefined },
): HostDiagnosis | undefined {
  const [best] = known;
  const said = session?.kind === "answered" ? session.diagnosis : undefined;
  if (said !== undefined && best?.confidence !== "certain" && (!said.doubtful || best === undefined))
    return {
      by: "session",
      cause: said.cause,
      ...(said.culprit === undefined ? {} : { culprit: said.culprit }),
      confidence: said.confidence,
      ...remedyOf(said.remedy, stage),
      evidence: [said.quote],
      ...(said.patch === undefined ? {} : { patch: said.patch }),
      ...(session === undefined || session.calls.length === 0 ? {} : { asked: callLines(session.calls) }),
    };
  if (best === undefined) return undefined;
  return {
    by: "known-cause",
    cause: best.cause,
    ...(best.culprit === undefined ? {} : { culprit: best.culprit }),
    confidence: best.confidence,
    ...remedyOf(best.remedy, stage),
    evidence: best.evidence === "" ? [] : [best.evidence],
  };
}

/** What the recovery policy has for a failure of this stage, whoever proposes it. */
const remedyOf = (remedy: Remedy, stage: FailureStage): { remedy?: Remedy } =>
  remedy.kind !== "escalate" && terms[remedy.kind].stages.includes(stage) ? { remedy } : {};
