import { oneLine, type Evidence, type EvidenceItem, type EvidenceKind, type FailureStage, type Origin } from "./evidence.ts";
import { isUnitName } from "../target/unit-name.ts";
import type { Remedy } from "./remedy.ts";

export type Confidence = "certain" | "likely";

/** What a recogniser says. `cause` is a sentence of ours; `culprit` and what a sentence quotes are untrusted, one line, bounded. */
export type Recognised = {
  readonly cause: string;
  readonly culprit?: string;
  readonly remedy: Remedy;
  readonly confidence: Confidence;
  /** The line that shows it. */
  readonly evidence: string;
};

export type Recogniser = {
  readonly id: string;
  readonly stages: readonly FailureStage[];
  readonly recognise: (evidence: Evidence) => Recognised | undefined;
};

/** A piece of evidence that fits. `group` gives a part of the match as one bounded line. */
export type Sign = {
  readonly item: EvidenceItem;
  readonly line: string;
  readonly group: (index: number) => string | undefined;
  readonly evidence: Evidence;
};

type Words = {
  readonly id: string;
  readonly stages: readonly FailureStage[];
  /** Where these words count. */
  readonly in: readonly EvidenceKind[];
  readonly pattern: RegExp;
  /** Only the last so many lines that are not empty: a builder that said it hours ago and went on did not fail of it. */
  readonly lastLines?: number;
  readonly cause: (sign: Sign) => string;
  readonly culprit?: (sign: Sign) => string | undefined;
  readonly remedy: Remedy | ((sign: Sign) => Remedy);
  readonly confidence: Confidence;
  /** Further evidence that must agree before these words are believed as certain. */
  readonly provided?: (sign: Sign) => boolean;
};

/**
 * A recogniser by words. However sure the row is, what a builder, a unit's process or a snippet printed is never more than likely, since whoever wrote it chose the
 * words; what Nix quotes from the configuration is certain only where nothing but a person acts on it.
 */
export function byWords(words: Words): Recogniser {
  return {
    id: words.id,
    stages: words.stages,
    recognise: (evidence) => {
      for (const item of evidence.items) {
        if (!words.in.includes(item.kind)) continue;
        const text = recent(item.text, evidence.since, words.lastLines);
        const match = words.pattern.exec(text);
        if (match === null) continue;
        const sign: Sign = {
          item,
          evidence,
          line: lineAt(text, match.index),
          group: (index) => (match[index] === undefined || match[index] === "" ? undefined : oneLine(match[index], 160)),
        };
        const remedy = typeof words.remedy === "function" ? words.remedy(sign) : words.remedy;
        const agreed = words.provided === undefined || words.provided(sign);
        const culprit = words.culprit?.(sign);
        return {
          cause: words.cause(sign),
          ...(culprit === undefined ? {} : { culprit }),
          remedy,
          confidence: agreed ? atMost(words.confidence, item.origin, remedy) : "likely",
          evidence: sign.line,
        };
      }
      return undefined;
    },
  };
}

function atMost(confidence: Confidence, origin: Origin, remedy: Remedy): Confidence {
  if (origin === "tool") return confidence;
  return origin === "flake" && remedy.kind === "escalate" ? confidence : "likely";
}

/** Lines of a journal carry their time (`1763852400.123456 web1 …`); what is older than the attempt is left out. */
function recent(text: string, since: number | undefined, lastLines: number | undefined): string {
  let lines = text.split("\n");
  if (since !== undefined)
    lines = lines.filter((line) => {
      const at = /^(\d{9,11})\.\d+ /.exec(line)?.[1];
      return at === undefined || Number(at) >= since;
    });
  if (lastLines !== undefined) lines = lines.filter((line) => line.trim() !== "").slice(-lastLines);
  return lines.join("\n");
}

function lineAt(text: string, index: number): string {
  const start = text.lastIndexOf("\n", index - 1) + 1;
  // A match may begin with a line end.
  const line = text.slice(start).trimStart().split("\n")[0] ?? "";
  return oneLine(line, 300);
}

export const escalate: Remedy = { kind: "escalate" };
export const retry: Remedy = { kind: "retry" };
export const rollback: Remedy = { kind: "rollback" };
export const wait = (condition: Extract<Remedy, { kind: "wait-until" }>["condition"], seconds: number): Remedy => ({
  kind: "wait-until",
  condition,
  seconds,
});

/** Restarts the unit that a piece of evidence is about; where that is none of the failed ones, a person looks. */
export function restartOf(sign: Sign): Remedy {
  const { subject } = sign.item;
  return isUnitName(subject) && sign.evidence.units.includes(subject) ? { kind: "restart-units", units: [subject] } : escalate;
}
