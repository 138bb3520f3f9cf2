import type { Evidence } from "./evidence.ts";
import { knownCauses, type KnownCause } from "./known-cause.ts";
import type { Proposal } from "./recovery.ts";
import { askDiagnosis, type DiagnosisOptions, type DiagnosisResult } from "./session/ask-diagnosis.ts";

export type Diagnosed = {
  readonly known: readonly KnownCause[];
  /** Undefined where nobody was asked: a cause is certain, or there is no session. */
  readonly session: DiagnosisResult | undefined;
  /** What may be asked of the recovery policy. Empty means that a person is called. */
  readonly proposals: readonly Proposal[];
};

/** Why something failed: the table first, which costs nothing, and a session only where the table is not certain. */
export async function diagnose(evidence: Evidence, session: DiagnosisOptions | undefined): Promise<Diagnosed> {
  const known = knownCauses(evidence);
  const certain = known.some((cause) => cause.confidence === "certain");
  const asked = certain || session === undefined ? undefined : await askDiagnosis(evidence, known, session);
  const proposals: Proposal[] = known.map(({ remedy, confidence }) => ({ remedy, confidence, by: "table" }));
  if (asked?.kind === "answered") proposals.push({ remedy: asked.diagnosis.remedy, confidence: asked.diagnosis.confidence, by: "session" });
  return { known, session: asked, proposals };
}
