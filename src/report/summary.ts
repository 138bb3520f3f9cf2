import { comment, type CommentOptions } from "./comment.ts";
import type { Plan } from "./plan.ts";

/** A step summary may be 1 MiB; what is longer is dropped by the forge as a whole. Some is left for what else the step writes there. */
const limitBytes = 1_000_000;

/** The report for the step summary: the comment, with room for far more details. Pure. */
export function summary(plan: Plan, options: Pick<CommentOptions, "detail" | "links" | "approve">): string {
  return comment(plan, { ...options, limit: limitBytes, measure: (text) => Buffer.byteLength(text, "utf8") });
}
