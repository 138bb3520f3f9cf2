import * as z from "zod";
import type { Posted } from "./own-text.ts";

export const Text = z
  .object({
    id: z.number(),
    body: z.string().nullish(),
    html_url: z.string().optional(),
    user: z.object({ login: z.string(), id: z.number() }).nullish(),
  })
  .transform((text): Posted => ({
    id: text.id,
    login: text.user?.login ?? "",
    userId: text.user?.id,
    body: text.body ?? "",
    url: text.html_url,
  }));
export const Issue = z
  .object({
    number: z.number(),
    body: z.string().nullish(),
    html_url: z.string().optional(),
    user: z.object({ login: z.string(), id: z.number() }).nullish(),
  })
  .transform((text): Posted => ({
    id: text.number,
    login: text.user?.login ?? "",
    userId: text.user?.id,
    body: text.body ?? "",
    url: text.html_url,
  }));
/** A change may be answered with 204 and no body. */
export const Changed = z.union([Text, z.literal("").transform(() => undefined)]);
export const ChangedIssue = z.union([Issue, z.literal("").transform(() => undefined)]);
export const Pull = z.object({ number: z.number(), head: z.object({ sha: z.string() }) });
export const MergedPull = z.object({ number: z.number(), merged: z.boolean().nullish() });
export const Version = z.object({ version: z.string().max(200) });
export const User = z.object({ id: z.number(), login: z.string() });
export const ActionRun = z.object({ id: z.number(), commit_sha: z.string() });
