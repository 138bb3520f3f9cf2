import * as z from "zod";
import type { ForgeClient } from "./forge-client.ts";
import type { CommitStatus, PostedStatus, Result, Written } from "./ports.ts";

const description = 140;
const context = 255;

const Posted = z.object({ id: z.number() });
/** Forgejo calls it `status` what GitHub calls `state`, and says nothing at all of a commit without one. */
const Combined = z.object({
  statuses: z
    .array(z.object({ context: z.string(), state: z.string().nullish(), status: z.string().nullish(), description: z.string().nullish() }))
    .nullish(),
});

/** A thousand contexts, which is what GitHub keeps of one commit. */
const furthestPage = 20;

/** Cuts at a character, never inside a surrogate pair; GitHub refuses a description of 141. */
export function cut(text: string, longest = description): string {
  const line = text.replace(/\s+/g, " ").trim();
  if (line.length <= longest) return line;
  return `${line
    .slice(0, longest - 1)
    .replace(/[\uD800-\uDBFF]$/u, "")
    .trimEnd()}…`;
}

/**
 * Posts one commit status. The route is the same on both forges. Posting twice leaves the same latest status, so an answer that got lost is simply repeated.
 * Only the four states are used that both know; Forgejo would take any word into a column of seven characters.
 */
export async function postStatus(
  client: ForgeClient,
  at: { owner: string; repo: string },
  sha: string,
  status: CommitStatus,
): Promise<Result<Written>> {
  const posted = await client.ask({
    route: "POST /repos/{owner}/{repo}/statuses/{sha}",
    parameters: {
      ...at,
      sha,
      state: status.state,
      context: cut(status.context, context),
      description: cut(status.description, description),
      target_url: status.url,
    },
    doing: "posting the commit status",
    permission: "statuses: write",
    repeatable: true,
    answer: Posted,
  });
  return posted.ok ? { ok: true, value: { action: "created", url: status.url, notes: [] } } : posted;
}

/** The latest status of each context. Forgejo's pages may be shorter than asked for and it counts nothing here, so that only a page without anything new is the last. */
export async function readStatuses(
  client: ForgeClient,
  at: { owner: string; repo: string },
  sha: string,
  size: Readonly<Record<string, number>>,
): Promise<Result<ReadonlyMap<string, PostedStatus>>> {
  const found = new Map<string, PostedStatus>();
  for (let page = 1; page <= furthestPage; page++) {
    const asked = await client.ask({
      route: "GET /repos/{owner}/{repo}/commits/{ref}/status",
      parameters: { ...at, ref: sha, ...size, page },
      doing: "looking at the commit statuses",
      permission: "statuses: read",
      repeatable: true,
      answer: Combined,
    });
    if (!asked.ok) return asked;
    const before = found.size;
    for (const one of asked.value.statuses ?? [])
      if (!found.has(one.context)) found.set(one.context, { state: one.state ?? one.status ?? "", description: one.description ?? "" });
    if (found.size === before) break;
  }
  return { ok: true, value: found };
}
