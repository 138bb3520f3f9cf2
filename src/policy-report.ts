import * as z from "zod";

/** As GitHub takes the name of an environment, without what it would have to escape in its pages. */
const Environment = z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9 ._/-]{0,98}[A-Za-z0-9])?$/, "it is not the name of an environment");

/** What is shown of a run, and where. None of it decides anything. */
export const ReportPolicy = z.strictObject({
  detail: z.enum(["full", "names"]).optional(),
  /** One commit status for each host that changes, beside the one for all. */
  hostStatuses: z.boolean().default(false),
  /** Deployments of GitHub: one for each group of hosts, one for all of them under a name, or none. */
  deployments: z.union([z.enum(["groups", "off"]), z.strictObject({ environment: Environment })]).default("groups"),
});
export type ReportPolicy = z.infer<typeof ReportPolicy>;
