import * as z from "zod";

/** Who is told where something needs a person. */
export const NotifyPolicy = z.strictObject({
  /** An argument vector that runs on the gate's machine with a notification as JSON on its stdin. Found by PATH, or absolute: nothing of the checkout is ever run. */
  command: z
    .array(
      z
        .string()
        .min(1)
        .max(4_000)
        .regex(/^[^\0]*$/, "it contains a null character"),
    )
    .min(1)
    .max(64)
    .refine(
      ([program]) => program === undefined || program.startsWith("/") || !program.includes("/"),
      "its program is neither a name nor an absolute path",
    )
    .optional(),
  /** The same JSON is posted to it. */
  webhook: z
    .url({ protocol: /^https?$/ })
    .max(2_000)
    .optional(),
});
export type NotifyPolicy = z.infer<typeof NotifyPolicy>;
