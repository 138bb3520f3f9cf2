import * as z from "zod";
import { visible } from "../../classify/session/fence.ts";
import { oneLine, type Evidence } from "../evidence.ts";
import { isUnitName } from "../../target/unit-name.ts";
import type { Confidence } from "../recogniser.ts";
import { isUntouchable } from "../recovery.ts";
import { longestWaitSeconds, mostUnits, remedyKinds, waitConditions, type Remedy } from "../remedy.ts";

/**
 * What a session is asked to fill in. The remedy is a word of the closed list; units and the condition are only read where the remedy takes them. Strict, so that an
 * answer with anything else in it is no answer.
 */
export const DiagnosisAnswer = z.strictObject({
  nonce: z.string().max(64),
  cause: z.string().min(1).max(600),
  /** Commit, file, input, package or unit, spelled as in the evidence; empty where none is to blame. */
  culprit: z.string().max(200),
  /** A line of the evidence, word for word. */
  quote: z.string().min(3).max(300),
  confidence: z.enum(["high", "medium", "low"]),
  remedy: z.enum(remedyKinds),
  units: z.array(z.string().max(255)).max(mostUnits),
  condition: z.enum([...waitConditions, "none"]),
  waitSeconds: z.int().min(0).max(longestWaitSeconds),
  patch: z.string().max(4_000),
});

/** The CLI validates with draft-07 and refuses a schema that names a later draft. */
export function diagnosisSchema(): Record<string, unknown> {
  return z.toJSONSchema(DiagnosisAnswer, { target: "draft-7" });
}

/** A model's words about strangers' texts: escape and mark them wherever they are shown. */
export type Diagnosis = {
  readonly cause: string;
  readonly culprit: string | undefined;
  readonly quote: string;
  /** Never certain: one in seven is wrong. */
  readonly confidence: Extract<Confidence, "likely">;
  readonly doubtful: boolean;
  readonly remedy: Remedy;
  /** A proposal in words. Nothing applies it. */
  readonly patch: string | undefined;
};

export type DiagnosisProblem = "invalid-answer" | "wrong-nonce" | "no-evidence" | "forbidden-remedy";

/**
 * What an answer is worth. It must answer this document, quote it or what the gate answered besides word for word, and name a remedy that is whole: units that the evidence is about and that may be
 * touched, a condition that can be waited for. Anything less is no answer, and no answer calls a person.
 */
export function readDiagnosis(value: unknown, nonce: string, document: string, evidence: Evidence): Diagnosis | DiagnosisProblem {
  const parsed = DiagnosisAnswer.safeParse(value);
  if (!parsed.success) return "invalid-answer";
  const answer = parsed.data;
  if (answer.nonce.trim() !== nonce) return "wrong-nonce";
  const text = folded(document);
  if (!text.includes(folded(answer.quote))) return "no-evidence";
  const remedy = remedyOf(answer, evidence);
  if (remedy === undefined) return "forbidden-remedy";
  const culprit = oneLine(answer.culprit, 200);
  return {
    cause: oneLine(answer.cause, 600),
    // A culprit that stands nowhere was made up.
    culprit: culprit !== "" && text.includes(folded(culprit)) ? culprit : undefined,
    quote: oneLine(answer.quote, 300),
    confidence: "likely",
    doubtful: answer.confidence === "low",
    // A guess is told to a person and not acted on.
    remedy: answer.confidence === "low" ? { kind: "escalate" } : remedy,
    patch: answer.patch.trim() === "" ? undefined : visible(answer.patch),
  };
}

function remedyOf(answer: z.infer<typeof DiagnosisAnswer>, evidence: Evidence): Remedy | undefined {
  switch (answer.remedy) {
    case "retry":
    case "retry-as-boot-and-reboot":
    case "rollback":
    case "escalate":
      return { kind: answer.remedy };
    case "restart-units":
    case "stop-then-switch": {
      const units = [...new Set(answer.units)];
      const known = units.length > 0 && units.every((unit) => isUnitName(unit) && evidence.units.includes(unit) && !isUntouchable(unit));
      return known ? { kind: answer.remedy, units } : undefined;
    }
    case "wait-until":
      return answer.condition === "none" || answer.waitSeconds === 0
        ? undefined
        : { kind: "wait-until", condition: answer.condition, seconds: answer.waitSeconds };
  }
}

const folded = (text: string): string => text.replace(/\s+/g, " ").trim();
