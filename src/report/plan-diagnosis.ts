import * as z from "zod";
import type { Escalation } from "../diagnose/escalation.ts";
import { failureStages } from "../diagnose/evidence.ts";
import type { HostDiagnosis } from "../diagnose/host-diagnosis.ts";
import { remedyKinds, waitConditions } from "../diagnose/remedy.ts";
import { HostName } from "../discover/host.ts";
import { cutEnd, cutMiddle, cutStart } from "./cut.ts";
import { boundedReasons } from "./bounds.ts";

/** Why a host failed and what a person is told of it, as plan.json holds it. Its strings quote logs, or are a model's: to be escaped wherever they are shown. */
const text = z.string();

export const PlanDiagnosis = z.object({
  /** `known-cause`: recognised without asking anybody. `session`: a Claude session's opinion, never certain. */
  by: z.enum(["known-cause", "session"]),
  /** Empty only where `detail` of the plan is `names`. */
  cause: text,
  culprit: text.optional(),
  confidence: z.enum(["certain", "likely"]),
  /** What would help, of a closed list; missing where only a person can. Nothing was done because it stands here. */
  remedy: z.object({ kind: z.enum(remedyKinds), units: z.array(text).optional(), condition: z.enum(waitConditions).optional() }).optional(),
  /** The lines that show it. */
  evidence: z.array(text),
  /** A change to the flake that a session proposes. Nobody has tried it. */
  patch: text.optional(),
  /** What the session asked of hosts or of Nix before it answered, one call a line. */
  asked: z.array(text).optional(),
});
export type PlanDiagnosis = z.infer<typeof PlanDiagnosis>;

export const PlanEscalation = z.object({
  /** The same failure has the same key in every run. */
  key: text,
  hosts: z.array(HostName),
  stage: z.enum(failureStages),
  happened: text,
  /** What each host is in now. */
  states: z.array(z.object({ host: HostName, sentence: text, urgent: z.boolean() })),
  causes: z.array(
    z.object({ by: z.enum(["table", "session"]), confidence: z.enum(["certain", "likely"]), cause: text, culprit: text.optional() }),
  ),
  tried: z.array(z.object({ remedy: text, ended: text })),
  /** Why nothing more was tried. */
  stopped: z.array(text),
  /** Evidence; `leftOut` in bytes. */
  folds: z.array(z.object({ title: text, text, leftOut: z.int() })),
  /** Commands to type, the one that matters first. */
  next: z.array(text),
});
export type PlanEscalation = z.infer<typeof PlanEscalation>;

const limits = { hosts: 1_000, escalations: 100, folds: 8, foldText: 4_000, patch: 4_000, edgeCase: 2_000, calls: 20 } as const;

export function boundedDiagnosis(given: HostDiagnosis): PlanDiagnosis {
  const { by, cause, culprit, confidence, remedy, evidence, patch, asked } = given;
  return {
    by,
    cause: cutMiddle(cause, 1_000),
    ...(culprit === undefined ? {} : { culprit: cutMiddle(culprit, 300) }),
    confidence,
    ...(remedy === undefined
      ? {}
      : {
          remedy: {
            kind: remedy.kind,
            ...("units" in remedy ? { units: [...remedy.units] } : {}),
            ...("condition" in remedy ? { condition: remedy.condition } : {}),
          },
        }),
    evidence: evidence.slice(0, 4).map((line) => cutMiddle(line, 500)),
    ...(patch === undefined ? {} : { patch: cutEnd(patch, limits.patch) }),
    ...(asked === undefined ? {} : { asked: asked.slice(0, limits.calls).map((line) => cutMiddle(line, 500)) }),
  };
}

export const boundedEdgeCase = (entry: string): string => cutEnd(entry, limits.edgeCase);

/** Evidence was redacted when it was collected. */
export function boundedEscalations(given: readonly Escalation[]): PlanEscalation[] {
  return given.slice(0, limits.escalations).map((one) => ({
    key: cutMiddle(one.key, 500),
    hosts: one.hosts.slice(0, limits.hosts).map((host) => HostName.parse(host)),
    stage: one.stage,
    happened: cutMiddle(one.happened, 1_000),
    states: one.states.slice(0, limits.hosts).map(({ host, sentence, urgent }) => ({
      host: HostName.parse(host),
      sentence: cutMiddle(sentence, 1_000),
      urgent,
    })),
    causes: one.causes.map(({ by, confidence, cause, culprit }) => ({
      by,
      confidence,
      cause: cutMiddle(cause, 1_000),
      ...(culprit === undefined ? {} : { culprit: cutMiddle(culprit, 300) }),
    })),
    tried: one.tried.slice(0, 20).map(({ remedy, ended }) => ({ remedy, ended: cutMiddle(ended, 500) })),
    stopped: boundedReasons(one.stopped.slice(0, 20)),
    folds: one.folds.slice(0, limits.folds).map((fold) => {
      const kept = cutStart(fold.text, limits.foldText);
      return { title: cutMiddle(fold.title, 300), text: kept, leftOut: fold.leftOut };
    }),
    next: one.next.map((command) => cutEnd(command, 1_000)),
  }));
}

/** For strangers: how sure it is and what kind of remedy there is. */
export function diagnosisNames({ by, confidence, remedy }: PlanDiagnosis): PlanDiagnosis {
  return { by, cause: "", confidence, ...(remedy === undefined ? {} : { remedy: { kind: remedy.kind } }), evidence: [] };
}

export function escalationNames({ key, hosts, stage }: PlanEscalation): PlanEscalation {
  return { key, hosts, stage, happened: "", states: [], causes: [], tried: [], stopped: [], folds: [], next: [] };
}
