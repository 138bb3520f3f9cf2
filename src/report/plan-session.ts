import * as z from "zod";
import { Verdict } from "../classify/finding.ts";
import { Answer, ReasonCode } from "../classify/session/answer.ts";
import type { NoVerdict } from "../classify/session/session-judge.ts";
import { cutMiddle } from "./cut.ts";

/** What a session said, as plan.json holds it. Its prose is in here and nowhere else in the plan. */
const text = z.string();

const noVerdicts = [
  "not-installed",
  "too-old",
  "no-credential",
  "credential-refused",
  "usage-limit",
  "unavailable",
  "timed-out",
  "cancelled",
  "over-budget",
  "over-turns",
  "over-run-budget",
  "over-day-budget",
  "too-large",
  "refused",
  "invalid-answer",
  "wrong-nonce",
  "did-not-answer",
  "failed",
] as const satisfies readonly NoVerdict[];
true satisfies NoVerdict extends (typeof noVerdicts)[number] ? true : never;

const asked = {
  /** Hosts that share the change: it was asked about once for all of them. */
  hosts: z.array(text),
  costUsd: z.number().min(0),
  inputTokens: z.number().min(0),
  outputTokens: z.number().min(0),
  seconds: z.number().min(0),
};
export const PlanOpinion = z.discriminatedUnion("outcome", [
  z.object({
    ...asked,
    outcome: z.literal("answered"),
    /** The answer of an earlier run on the very same question; it cost nothing. */
    cached: z.boolean(),
    /** The session's own; the host's verdict is the highest of this and the rules'. */
    verdict: Verdict,
    reasons: z.array(ReasonCode),
    /** The rest is a model's prose about text that anyone may have written: not checked, and to be escaped wherever it is shown. */
    explanation: text,
    watch: z.array(text),
    findings: z.array(Answer.shape.findings.element),
    /** Findings that named nothing in the change, and were dropped. */
    dropped: z.int().min(0),
  }),
  z.object({ ...asked, outcome: z.literal("none"), reason: z.enum(noVerdicts), detail: text }),
]);
export type PlanOpinion = z.infer<typeof PlanOpinion>;

export const PlanSession = z.object({
  /** False: the rules alone judged, and every report says so in its first line. */
  ran: z.boolean(),
  /** Why there was none: a clause without a full stop, "no credential is set"; may be empty. */
  note: text,
  model: text.optional(),
  /** Of the Claude Code CLI. */
  cliVersion: text.optional(),
  costUsd: z.number().min(0).optional(),
  /** One entry for each distinct change that was put before the session; missing in a run without one. */
  changes: z.array(PlanOpinion).optional(),
});
export type PlanSession = z.infer<typeof PlanSession>;

type Given = Omit<PlanSession, "changes"> & { readonly changes?: readonly Readonly<GivenOpinion>[] | undefined };
type GivenOpinion = { [K in PlanOpinion["outcome"]]: ReadonlyLists<Extract<PlanOpinion, { outcome: K }>> }[PlanOpinion["outcome"]];
type ReadonlyLists<T> = { readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? readonly E[] : T[K] };
export type { Given as GivenSession };

/** A CLI's words and a model's are as long as they like. Lengths that the answer's own schema bounds are bounded again: what is kept may come from a file. */
export function boundedSession(session: Given): PlanSession {
  const { changes, ...rest } = session;
  if (changes === undefined) return rest;
  return {
    ...rest,
    changes: changes.map((change): PlanOpinion => {
      const hosts = [...change.hosts];
      if (change.outcome === "none") return { ...change, hosts, detail: cutMiddle(change.detail, 500) };
      return {
        ...change,
        hosts,
        reasons: [...change.reasons],
        explanation: cutMiddle(change.explanation, 1_500),
        watch: change.watch.slice(0, 5).map((line) => cutMiddle(line, 160)),
        findings: change.findings.slice(0, 8),
      };
    }),
  };
}

/** For strangers: hosts, codes, verdicts and costs. A model's prose quotes what it read. */
export function sessionNames(session: PlanSession): PlanSession {
  const { changes, ...rest } = session;
  return {
    ...rest,
    note: "",
    ...(changes === undefined
      ? {}
      : {
          changes: changes.map((change) =>
            change.outcome === "none" ? { ...change, detail: "" } : { ...change, explanation: "", watch: [], findings: [] },
          ),
        }),
  };
}
