import * as z from "zod";
import type { ForgeClient } from "./forge-client.ts";
import type { CommitStatus, Result, Written } from "./ports.ts";

const description = 140;
const context = 255;

const Posted = z.object({ id: z.number() });

/** Cuts at a character, never inside a surrogate pair; GitHub refuses a description of 141. */
function cut(text: string, longest: number): string {
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
