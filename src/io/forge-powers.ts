import * as z from "zod";
import type { Answer, ForgeClient } from "./forge-client.ts";
import type { ForgePowers, Power } from "./ports.ts";

const Repository = z.object({
  default_branch: z.string().max(255).nullish(),
  private: z.boolean().nullish(),
  permissions: z.object({ admin: z.boolean().nullish(), push: z.boolean().nullish() }).nullish(),
});
const Pulls = z.array(z.object({ number: z.number() }));
const Version = z.object({ version: z.string().max(200) });

/** No commit has it, so that a status for it can be made by nobody. */
const noCommit = "0".repeat(40);

/**
 * What a token can do in a repository, by asking for it in a way that cannot take effect: a status of a commit that does not exist, an empty comment. Both forges look
 * at what a token may do before they look at what it wants, so that a refusal of the content (404, 422, on Forgejo 500 for an unknown commit) says that it may.
 */
export async function askForgePowers(
  client: ForgeClient,
  kind: "github" | "forgejo",
  at: { readonly owner: string; readonly repo: string },
): Promise<ForgePowers> {
  const version = kind === "forgejo" ? await client.ask(ask("GET /version", {}, "asking its version", Version)) : undefined;
  const repository = await client.ask(ask("GET /repos/{owner}/{repo}", at, "looking at the repository", Repository));
  const told = version?.ok === true ? version.value.version : undefined;
  const none: Power = { kind: "unknown", why: "the repository could not be read" };
  if (!repository.ok)
    return {
      repository: { kind: "refused", failure: repository.failure },
      status: none,
      comment: none,
      deployments: undefined,
      scopes: undefined,
      version: told,
    };
  const { value } = repository;
  const header = repository.headers["x-oauth-scopes"];
  const scopes = typeof header === "string" ? header.split(/\s*,\s*/).filter((scope) => scope !== "") : undefined;
  const status = await client.ask({
    ...ask(
      "POST /repos/{owner}/{repo}/statuses/{sha}",
      { ...at, sha: noCommit, state: "success", context: "deploy-gate-doctor" },
      "asking for statuses",
      z.unknown(),
    ),
    repeatable: false,
  });
  return {
    repository: {
      kind: "read",
      defaultBranch: value.default_branch ?? undefined,
      visibility: value.private === true ? "private" : value.private === false ? "public" : "unknown",
      admin: value.permissions?.admin === true,
    },
    status: powerOf(status, { scopes, push: kind === "forgejo" ? value.permissions?.push === true : undefined }),
    comment: await commentPower(client, kind, at, scopes),
    deployments: kind === "github" ? await deploymentPower(client, at, scopes) : undefined,
    scopes,
    version: told,
  };
}

async function commentPower(
  client: ForgeClient,
  kind: "github" | "forgejo",
  at: { readonly owner: string; readonly repo: string },
  scopes: readonly string[] | undefined,
): Promise<Power> {
  const page = kind === "github" ? { per_page: 1 } : { limit: 1 };
  const pulls = await client.ask(
    ask("GET /repos/{owner}/{repo}/pulls", { ...at, state: "all", ...page }, "looking for a pull request", Pulls),
  );
  if (!pulls.ok) return { kind: "unknown", why: `the pull requests could not be read: ${pulls.failure.message}` };
  const number = pulls.value[0]?.number;
  if (number === undefined) return { kind: "unknown", why: "there is no pull request yet that it could be tried on" };
  const route =
    kind === "github" ? "POST /repos/{owner}/{repo}/issues/{issue_number}/comments" : "POST /repos/{owner}/{repo}/issues/{index}/comments";
  const words = { ...at, [kind === "github" ? "issue_number" : "index"]: number, body: "" };
  const tried = await client.ask({ ...ask(route, words, "asking for comments", z.unknown()), repeatable: false });
  return powerOf(tried, { scopes, push: undefined });
}

/** Of a commit that does not exist, which GitHub refuses only after it has looked at the token. */
async function deploymentPower(
  client: ForgeClient,
  at: { readonly owner: string; readonly repo: string },
  scopes: readonly string[] | undefined,
): Promise<Power> {
  const words = { ...at, ref: noCommit, environment: "deploy-gate-doctor", auto_merge: false, required_contexts: [] };
  const tried = await client.ask({
    ...ask("POST /repos/{owner}/{repo}/deployments", words, "asking for deployments", z.unknown()),
    repeatable: false,
  });
  return powerOf(tried, { scopes, push: undefined });
}

function ask<T>(route: string, parameters: Readonly<Record<string, unknown>>, doing: string, answer: z.ZodType<T>) {
  return { route, parameters, doing, permission: "contents: read", repeatable: true, answer };
}

function powerOf(
  answer: Answer<unknown>,
  known: { readonly scopes: readonly string[] | undefined; readonly push: boolean | undefined },
): Power {
  // It cannot have been carried out; were it, then it may.
  if (answer.ok) return { kind: "may" };
  const { status, failure } = answer;
  const said = (failure.detail ?? failure.message).split("\n")[0] ?? "";
  if (status === 401 || status === 403) return { kind: "may-not", said };
  // GitHub hides from a classic token what its scopes do not reach.
  if (status === 404 && known.scopes !== undefined && !known.scopes.some((scope) => ["repo", "public_repo", "repo:status"].includes(scope)))
    return { kind: "may-not", said: `its scopes are ${known.scopes.join(", ") || "none"}` };
  if (status === 400 || status === 404 || status === 409 || status === 422) return { kind: "may" };
  if (status !== undefined && status >= 500 && known.push === true) return { kind: "may" };
  return { kind: "unknown", why: said };
}
