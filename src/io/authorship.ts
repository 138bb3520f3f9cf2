import * as z from "zod";
import type { ForgeClient } from "./forge-client.ts";
import type { Authorship, Result } from "./ports.ts";

type At = { readonly owner: string; readonly repo: string };

const Sha = z.string().regex(/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/);
/** GitHub gives an object without fields for a user that is gone. */
const Person = z.object({ login: z.string().optional(), id: z.number().optional(), type: z.string().optional() }).nullish();
const Commit = z.object({ sha: Sha, author: Person, committer: Person });
const Compared = z.object({ commits: z.array(Commit) });
const Activity = z.object({ before: z.string(), after: z.string(), ref: z.string(), actor: Person });
const Feed = z.object({ op_type: z.string(), ref_name: z.string().nullish(), content: z.string().nullish(), act_user: Person });
const Pushed = z.object({ CompareURL: z.string() });

/** A host that is further behind than that is approved by somebody whom the policy lets, or in a shell. */
const mostCommits = 1_000;
/** Of pushes or, on Forgejo, of whatever happened in the repository. */
const mostActivities = 400;

type Named = Authorship["commits"][number];
type Push = Authorship["pushes"][number];
const named = ({ sha, author, committer }: z.infer<typeof Commit>): Named => ({
  sha,
  author: author?.login,
  committer: committer?.login,
});

/**
 * GitHub: `GET …/compare/BASE...HEAD` names author and committer of each commit, `GET …/activity` who pushed or merged (REST API, "Compare two commits" and "List
 * repository activities"). The latter is paged by cursors in Link headers, which are not followed: its newest hundred have to do.
 */
export async function githubAuthorship(
  client: ForgeClient,
  at: At,
  base: string,
  head: string,
  branch: string,
): Promise<Result<Authorship>> {
  const commits: Named[] = [];
  for (let page = 1; commits.length < mostCommits; page++) {
    const asked = await client.ask({
      route: "GET /repos/{owner}/{repo}/compare/{basehead}",
      parameters: { ...at, basehead: `${base}...${head}`, per_page: 100, page },
      doing: "asking who made the commits",
      permission: "contents: read",
      repeatable: true,
      answer: Compared,
    });
    if (!asked.ok) return asked;
    commits.push(...asked.value.commits.map(named));
    if (asked.value.commits.length < 100) break;
  }
  const ref = `refs/heads/${branch}`;
  const asked = await client.ask({
    route: "GET /repos/{owner}/{repo}/activity",
    parameters: { ...at, ref, per_page: 100 },
    doing: "asking who pushed them",
    permission: "contents: read",
    repeatable: true,
    answer: z.array(Activity),
  });
  if (!asked.ok) return asked;
  const pushes = asked.value.filter((one) => one.ref === ref).map(({ before, after, actor }) => ({ before, after, by: person(actor) }));
  return { ok: true, value: { commits, pushes } };
}

/**
 * Forgejo: `GET …/commits?sha=HEAD&not=BASE` names author and committer, `GET …/activities/feeds` who pushed: `commit_repo` entries, whose `content` is JSON with
 * a `CompareURL` that ends in `/compare/BEFORE...AFTER` (services/feed/action.go and services/repository/push.go, version 16). A feed leaves out whoever keeps their
 * activity private, and all of a private repository for a job's own token; what is missing is unknown then.
 */
export async function forgejoAuthorship(
  client: ForgeClient,
  at: At,
  base: string,
  head: string,
  branch: string,
): Promise<Result<Authorship>> {
  const listed = async <T>(
    route: string,
    parameters: Record<string, unknown>,
    answer: z.ZodType<T>,
    most: number,
  ): Promise<Result<T[]>> => {
    const all: T[] = [];
    for (let page = 1; all.length < most; page++) {
      const asked = await client.ask({
        route: `GET /repos/{owner}/{repo}/${route}`,
        parameters: { ...at, ...parameters, limit: 50, page },
        doing: "asking who made and pushed the commits",
        permission: "a token of this repository",
        repeatable: true,
        answer: z.array(answer),
      });
      if (!asked.ok) return asked;
      all.push(...asked.value);
      if (asked.value.length === 0 || all.length >= Number(asked.headers["x-total-count"] ?? Number.NaN)) break;
    }
    return { ok: true, value: all };
  };
  const commits = await listed("commits", { sha: head, not: base, stat: false, verification: false, files: false }, Commit, mostCommits);
  if (!commits.ok) return commits;
  const feed = await listed("activities/feeds", {}, Feed, mostActivities);
  if (!feed.ok) return feed;
  const pushes = feed.value.flatMap((one): Push[] => {
    if (one.op_type !== "commit_repo" || one.ref_name !== `refs/heads/${branch}`) return [];
    const [, before, after] = /\/compare\/([0-9a-f]{40,64})\.\.\.([0-9a-f]{40,64})$/.exec(compareUrl(one.content ?? "")) ?? [];
    return before === undefined || after === undefined ? [] : [{ before, after, by: person(one.act_user) }];
  });
  return { ok: true, value: { commits: commits.value.map(named), pushes } };
}

/** Apps of GitHub have names in brackets; on Forgejo a job's own user and who is gone have no number of their own. */
function person(user: z.infer<typeof Person>): string | undefined {
  if (user?.login === undefined || user.login.endsWith("[bot]") || user.type === "Bot" || (user.id ?? 0) <= 0) return undefined;
  return user.login;
}

function compareUrl(content: string): string {
  try {
    return Pushed.safeParse(JSON.parse(content)).data?.CompareURL ?? "";
  } catch {
    return "";
  }
}
