import * as z from "zod";

/** What a session is told of the fleet besides what the gate asks by itself. */
export const ContextPolicy = z.strictObject({
  /** Commands that are run on hosts as they stand and only look: `{ raid = { command = [ "mdadm" "--detail" "/dev/md0" ]; hosts = [ "nas*" ]; }; }`. As root. */
  commands: z
    .record(
      z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,40}$/, "it is not a short name"),
      z.strictObject({
        command: z
          .array(
            z
              .string()
              .max(1_000)
              .regex(/^[^\0]*$/, "it contains a null character"),
          )
          .min(1)
          .max(32)
          .refine(([program]) => program !== undefined && program !== "" && !program.startsWith("-"), "its first word is not a program"),
        hosts: z.array(z.string().min(1).max(100)).min(1).max(64).default(["*"]),
      }),
    )
    .refine((commands) => Object.keys(commands).length <= 16, "more than 16 commands")
    .default({}),
});
export type ContextPolicy = z.infer<typeof ContextPolicy>;
