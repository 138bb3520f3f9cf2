import * as z from "zod";
import { githubAuthorship } from "./authorship.ts";
import { postStatus, readStatuses } from "./commit-status.ts";
import type { Answer, ForgeClient } from "./forge-client.ts";
import { GitHubDeployments } from "./github-deployments.ts";
import { writeOwn, type Place, type Posted } from "./own-text.ts";
import { askPermission } from "./permission.ts";
import type {
  Authorship,
  CommitStatus,
  Deployments,
  Forge,
  ForgeAbout,
  ForgeReport,
  Marker,
  Permission,
  PostedStatus,
  Result,
  Written,
} from "./ports.ts";

const Text = z
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
const Pull = z.object({ head: z.object({ sha: z.string() }) });
const Viewer = z.object({ data: z.object({ viewer: z.object({ login: z.string() }) }) });
const ActionRun = z.object({ id: z.number(), head_sha: z.string() });

/** Ten thousand comments; nobody reads further either. */
const furthestPage = 100;

/** GitHub, github.com and GHES alike. */
export class GitHub implements Forge {
  readonly kind = "github";
  readonly deployments: Deployments;
  readonly #client: ForgeClient;
  readonly #at: { readonly owner: string; readonly repo: string };
  #about: Promise<ForgeAbout> | undefined;

  constructor(client: ForgeClient, repository: { readonly owner: string; readonly name: string }) {
    this.#client = client;
    this.#at = { owner: repository.owner, repo: repository.name };
    this.deployments = new GitHubDeployments(client, this.#at, async () => (await this.about()).login);
  }

  about(): Promise<ForgeAbout> {
    return (this.#about ??= this.#askAbout());
  }

  /** GET /user is closed to the tokens of apps, the job's own among them; GraphQL's viewer is open to all. */
  async #askAbout(): Promise<ForgeAbout> {
    const viewer = await this.#client.ask({
      route: `POST ${this.#client.apiUrl.replace(/\/v3$/, "")}/graphql`,
      parameters: { query: "query { viewer { login } }" },
      doing: "asking whose token this is",
      permission: "contents: read",
      repeatable: true,
      answer: Viewer,
    });
    if (viewer.ok) return { version: undefined, login: viewer.value.data.viewer.login, id: undefined, notes: [] };
    return {
      version: undefined,
      login: "github-actions[bot]",
      id: undefined,
      notes: [`GitHub did not say whose token this is, so it is taken for the job's own: ${viewer.failure.message}`],
    };
  }

  async upsertComment(pullRequest: number, headSha: string, report: ForgeReport): Promise<Result<Written>> {
    const doing = "looking at the pull request";
    const pull = await this.#client.ask({
      route: "GET /repos/{owner}/{repo}/pulls/{pull_number}",
      parameters: { ...this.#at, pull_number: pullRequest },
      doing,
      permission: "pull-requests: read",
      repeatable: true,
      answer: Pull,
    });
    if (!pull.ok) return pull;
    if (pull.value.head.sha !== headSha) return { ok: true, value: superseded(headSha, pull.value.head.sha) };
    return await writeOwn(
      await this.#place("the comment", {
        list: { route: "/repos/{owner}/{repo}/issues/{issue_number}/comments", parameters: { issue_number: pullRequest } },
        one: "/repos/{owner}/{repo}/issues/comments/{comment_id}",
        write: "pull-requests: write",
        change: "pull-requests: write",
      }),
      report,
    );
  }

  postStatus(sha: string, status: CommitStatus): Promise<Result<Written>> {
    return postStatus(this.#client, this.#at, sha, status);
  }

  authorship(base: string, head: string, branch: string): Promise<Result<Authorship>> {
    return githubAuthorship(this.#client, this.#at, base, head, branch);
  }

  statuses(sha: string): Promise<Result<ReadonlyMap<string, PostedStatus>>> {
    return readStatuses(this.#client, this.#at, sha, { per_page: 100 });
  }

  permission(login: string): Promise<Result<Permission>> {
    return askPermission(this.#client, this.#at, login, "metadata: read");
  }

  /** A commit comment: creating one takes contents: read, changing it contents: write. */
  async commitReport(sha: string, report: ForgeReport): Promise<Result<Written>> {
    return await writeOwn(
      await this.#place("the commit comment", {
        list: { route: "/repos/{owner}/{repo}/commits/{commit_sha}/comments", parameters: { commit_sha: sha } },
        one: "/repos/{owner}/{repo}/comments/{comment_id}",
        write: "contents: read",
        change: "contents: write",
      }),
      report,
    );
  }

  async #place(
    what: string,
    routes: { list: { route: string; parameters: Record<string, unknown> }; one: string; write: string; change: string },
  ): Promise<Place> {
    const me = await this.about();
    const client = this.#client;
    const list = { ...this.#at, ...routes.list.parameters };
    return {
      host: client.host,
      what,
      isOurs: (posted) => posted.login === me.login,
      list: () => this.#pages(routes.list.route, list, `looking for ${what}`, routes.write),
      create: (body) =>
        client.ask({
          route: `POST ${routes.list.route}`,
          parameters: { ...list, body },
          doing: `writing ${what}`,
          permission: routes.write,
          repeatable: false,
          answer: Text,
        }),
      update: (id, body) =>
        client.ask({
          route: `PATCH ${routes.one}`,
          parameters: { ...this.#at, comment_id: id, body },
          doing: `changing ${what}`,
          permission: routes.change,
          repeatable: true,
          answer: Text,
        }),
      remove: (id) =>
        client.ask({
          route: `DELETE ${routes.one}`,
          parameters: { ...this.#at, comment_id: id },
          doing: `removing a copy of ${what}`,
          permission: routes.change,
          repeatable: true,
          answer: z.unknown(),
        }),
      runExists: (marker) => this.#runExists(marker),
    };
  }

  /** Page by page with our own count: a Link header may lead to another host. */
  async #pages(route: string, parameters: Record<string, unknown>, doing: string, permission: string): Promise<Answer<readonly Posted[]>> {
    const all: Posted[] = [];
    for (let page = 1; ; page++) {
      const asked = await this.#client.ask({
        route: `GET ${route}`,
        parameters: { ...parameters, per_page: 100, page },
        doing,
        permission,
        repeatable: true,
        answer: z.array(Text),
      });
      if (!asked.ok) return asked;
      all.push(...asked.value);
      if (asked.value.length < 100 || page === furthestPage) return { ...asked, value: all };
    }
  }

  async #runExists(marker: Marker): Promise<boolean | undefined> {
    const run = await this.#client.ask({
      route: "GET /repos/{owner}/{repo}/actions/runs/{run_id}",
      parameters: { ...this.#at, run_id: marker.runId },
      doing: "looking for a later run",
      permission: "actions: read",
      repeatable: true,
      answer: ActionRun,
    });
    if (run.ok) return run.value.head_sha === marker.sha;
    return run.status === 404 ? false : undefined;
  }
}

/** The result where the head moved on while we worked: the run of the new head reports. */
export function superseded(ours: string, now: string): Written {
  return {
    action: "superseded",
    url: undefined,
    notes: [`The pull request has moved on from ${ours.slice(0, 12)} to ${now.slice(0, 12)}; its own run reports on that.`],
  };
}
