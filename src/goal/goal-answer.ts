import * as z from "zod";
import { actionKinds } from "../policy-goals.ts";

const line = (most: number) => z.string().max(most);

/**
 * What a session fills in at the end of a goal. Strict: an answer with anything else in it is none. All of it is a model's words about strangers' texts; what it wants
 * done is a word of a closed list with a host and a unit, and whether that is done is decided elsewhere.
 */
export const GoalAnswer = z.strictObject({
  nonce: z.string().max(64),
  /** One sentence: what it came to. */
  headline: z.string().min(1).max(300),
  findings: z
    .array(
      z.strictObject({
        /** Empty where it is about all. */
        host: line(63),
        severity: z.enum(["note", "warning", "urgent"]),
        what: z.string().min(1).max(600),
        /** Words of the context or of a tool's answer, as they stand there; a finding without one is opinion and shown as that. */
        quote: line(300),
      }),
    )
    .max(20),
  actions: z
    .array(
      z.strictObject({
        kind: z.enum(actionKinds),
        host: z.string().min(1).max(63),
        /** Of restart-unit; empty otherwise. */
        unit: line(255),
        reason: z.string().min(1).max(400),
      }),
    )
    .max(5),
  /** Of an edited copy: what the pull request says. Title empty where nothing was changed. */
  proposal: z.strictObject({
    title: line(100),
    why: line(4_000),
    alternatives: z.array(line(600)).max(5),
    /** Where the operator has to choose. */
    questions: z.array(line(400)).max(8),
  }),
  /** What it thinks of the wish or of the fleet, in plain words. */
  opinion: line(4_000),
  /** For the file of edge cases; symptom empty where there is nothing to learn. */
  edgeCase: z.strictObject({ symptom: line(300), cause: line(400), strategy: line(400) }),
});
export type GoalAnswer = z.infer<typeof GoalAnswer>;

/** The CLI validates with draft-07 and refuses a schema that names a later draft. */
export const goalAnswerSchema = (): Record<string, unknown> => z.toJSONSchema(GoalAnswer, { target: "draft-7" });

/** One thing to be done, parsed and whole. */
export type GoalAction = GoalAnswer["actions"][number];
