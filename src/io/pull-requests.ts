import * as z from "zod";
import type { Failure } from "../failure.ts";
import type { ForgeClient } from "./forge-client.ts";

/** One pull request that a branch of ours is to have. */
export type WantedPullRequest = {
  /** `owner/name` */
  readonly repository: string;
  readonly branch: string;
  /** The branch that it goes to. */
  readonly into: string;
  readonly title: string;
  readonly body: string;
};

export type PullRequestDone =
  | { readonly ok: true; readonly kind: "opened" | "updated" | "unchanged"; readonly url: string }
  | { readonly ok: false; readonly failure: Failure };

const Pull = z.object({
  number: z.int(),
  html_url: z.string(),
  title: z.string(),
  body: z.string().nullish(),
  head: z.object({ ref: z.string(), repo: z.object({ full_name: z.string() }).nullish() }),
});
type Pull = z.infer<typeof Pull>;
const mostPages = 20;

/** Opens the pull request of a branch, or brings the one that is open up to date. One that a person closed is not opened again by this: the branch then has a new one. */
export async function openPullRequest(
  client: ForgeClient,
  kind: "github" | "forgejo",
  wanted: WantedPullRequest,
): Promise<PullRequestDone> {
  const [owner = "", repo = ""] = wanted.repository.split("/");
  const found = await findOpen(client, kind, { ...wanted, owner, repo });
  if ("failure" in found) return { ok: false, failure: found.failure };
  const { open } = found;
  if (open !== undefined && open.title === wanted.title && same(open.body ?? "", wanted.body))
    return { ok: true, kind: "unchanged", url: open.html_url };
  const answer =
    open === undefined
      ? await client.ask({
          route: "POST /repos/{owner}/{repo}/pulls",
          parameters: { owner, repo, head: wanted.branch, base: wanted.into, title: wanted.title, body: wanted.body },
          doing: "opening the pull request",
          permission: "pull-requests: write",
          repeatable: false,
          answer: Pull,
        })
      : await client.ask({
          route: `PATCH /repos/{owner}/{repo}/pulls/${open.number}`,
          parameters: { owner, repo, title: wanted.title, body: wanted.body },
          doing: "updating the pull request",
          permission: "pull-requests: write",
          repeatable: true,
          answer: Pull,
        });
  if (answer.ok) return { ok: true, kind: open === undefined ? "opened" : "updated", url: answer.value.html_url };
  // An opening whose answer was lost may have worked: another look tells.
  const again = open === undefined ? await findOpen(client, kind, { ...wanted, owner, repo }) : undefined;
  if (again !== undefined && "open" in again && again.open !== undefined) return { ok: true, kind: "opened", url: again.open.html_url };
  return { ok: false, failure: answer.failure };
}

async function findOpen(
  client: ForgeClient,
  kind: "github" | "forgejo",
  { owner, repo, branch, into, repository }: WantedPullRequest & { readonly owner: string; readonly repo: string },
): Promise<{ readonly open: Pull | undefined } | { readonly failure: Failure }> {
  // Forgejo cannot be asked for a branch; its list is looked through.
  for (let page = 1; page <= (kind === "github" ? 1 : mostPages); page++) {
    const listed = await client.ask({
      route: "GET /repos/{owner}/{repo}/pulls",
      parameters: {
        owner,
        repo,
        state: "open",
        page,
        ...(kind === "github" ? { head: `${owner}:${branch}`, base: into, per_page: 10 } : { limit: 50 }),
      },
      doing: "looking for the pull request",
      permission: "pull-requests: read",
      repeatable: true,
      answer: z.array(Pull),
    });
    if (!listed.ok) return { failure: listed.failure };
    // A fork may have a branch of the same name, and what a forge does not name the repository of is a fork that is gone: our words would vouch for a stranger's commits.
    const open = listed.value.find(({ head }) => head.ref === branch && head.repo?.full_name.toLowerCase() === repository.toLowerCase());
    if (open !== undefined || listed.value.length === 0) return { open };
  }
  return { open: undefined };
}

/** Forms of browsers and Forgejo's editor store CRLF, and take away what stands at the end. */
const same = (a: string, b: string): boolean => a.replaceAll("\r\n", "\n").trimEnd() === b.trimEnd();
