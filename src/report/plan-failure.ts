import * as z from "zod";

/** A failure as plan.json holds it; `detail` is what the tool underneath said. */
export const PlanFailure = z.object({ code: z.string(), message: z.string(), next: z.string(), detail: z.string().optional() });
export type PlanFailure = z.infer<typeof PlanFailure>;

/** For strangers: the code stays, it is a word of ours. Message and next step carry names of derivations and Nix's own words. */
export const failureNames = ({ code }: PlanFailure): PlanFailure => ({ code, message: "", next: "" });
