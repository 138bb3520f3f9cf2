import * as z from "zod";
import { forgejoAuthorship } from "./authorship.ts";
import { postStatus, readStatuses } from "./commit-status.ts";
import type { Answer, ForgeClient } from "./forge-client.ts";
import { ActionRun, Changed, ChangedIssue, Issue, MergedPull, Pull, Text, User, Version } from "./forgejo-answers.ts";
import { superseded } from "./github.ts";
import { writeOwn, type Place, type Posted } from "./own-text.ts";
import { askPermission } from "./permission.ts";
import type {
  Authorship,
  CommitStatus,
  Forge,
  ForgeAbout,
  ForgeReport,
  Marker,
  Permission,
  PostedStatus,
  Result,
  Written,
} from "./ports.ts";

/** The user behind every job's automatic token. It has no row in the database, so routes that look users up do not know it. */
const automatic = { login: "forgejo-actions", id: -2 };
const oldest = 15;
const furthestPage = 200;

/** Forgejo 15 and later. What it lacks is found by asking, not by its version. */
export class Forgejo implements Forge {
  readonly kind = "forgejo";
  readonly deployments = undefined;
  readonly #client: ForgeClient;
  readonly #at: { readonly owner: string; readonly repo: string };
  #about: Promise<ForgeAbout> | undefined;

  constructor(client: ForgeClient, repository: { readonly owner: string; readonly name: string }) {
    this.#client = client;
    this.#at = { owner: repository.owner, repo: repository.name };
  }

  about(): Promise<ForgeAbout> {
    return (this.#about ??= this.#askAbout());
  }

  async #askAbout(): Promise<ForgeAbout> {
    const notes: string[] = [];
    const version = await this.#client.ask({
      route: `GET ${this.#client.apiUrl.replace(/\/v1$/, "/forgejo/v1/version")}`,
      doing: "asking for the version",
      permission: "nothing",
      repeatable: true,
      answer: Version,
    });
    if (!version.ok) notes.push("This forge does not say that it is Forgejo; what follows is only known to work on Forgejo 15 and newer.");
    else if (Number.parseInt(version.value.version, 10) < oldest)
      notes.push(`This is Forgejo ${version.value.version}; the gate is made for ${oldest} and newer.`);
    const user = await this.#client.ask({
      route: "GET /user",
      doing: "asking whose token this is",
      permission: "nothing",
      repeatable: true,
      answer: User,
    });
    const me = user.ok ? user.value : automatic;
    return { version: version.ok ? version.value.version : undefined, login: me.login, id: me.id, notes };
  }

  async upsertComment(pullRequest: number, headSha: string, report: ForgeReport): Promise<Result<Written>> {
    const pull = await this.#client.ask({
      route: "GET /repos/{owner}/{repo}/pulls/{index}",
      parameters: { ...this.#at, index: pullRequest },
      doing: "looking at the pull request",
      permission: "a token of this repository",
      repeatable: true,
      answer: Pull,
    });
    if (!pull.ok) return pull;
    if (pull.value.head.sha !== headSha) return { ok: true, value: superseded(headSha, pull.value.head.sha) };
    return await writeOwn(await this.#comments(pullRequest), report);
  }

  postStatus(sha: string, status: CommitStatus): Promise<Result<Written>> {
    return postStatus(this.#client, this.#at, sha, status);
  }

  authorship(base: string, head: string, branch: string): Promise<Result<Authorship>> {
    return forgejoAuthorship(this.#client, this.#at, base, head, branch);
  }

  statuses(sha: string): Promise<Result<ReadonlyMap<string, PostedStatus>>> {
    return readStatuses(this.#client, this.#at, sha, { limit: 50 });
  }

  permission(login: string): Promise<Result<Permission>> {
    return askPermission(this.#client, this.#at, login, "a token of an administrator of the repository");
  }

  /** There are no commit comments: the merged pull request is where people look, and where there is none, one issue that stays. */
  async commitReport(sha: string, report: ForgeReport): Promise<Result<Written>> {
    const pull = await this.#client.ask({
      route: "GET /repos/{owner}/{repo}/commits/{sha}/pull",
      parameters: { ...this.#at, sha },
      doing: "looking for the merged pull request",
      permission: "a token of this repository",
      repeatable: true,
      answer: MergedPull,
    });
    if (!pull.ok && pull.status !== 404) return pull;
    const deployed: ForgeReport = { ...report, marker: { ...report.marker, key: `${report.marker.key}-push`.slice(0, 32) } };
    return await writeOwn(pull.ok ? await this.#comments(pull.value.number) : await this.#issues(), deployed);
  }

  async #comments(index: number): Promise<Place> {
    const route = "/repos/{owner}/{repo}/issues/{index}/comments";
    const one = "/repos/{owner}/{repo}/issues/comments/{id}";
    const list = { ...this.#at, index };
    const [what, permission] = ["the comment", "a token that may write to this repository"];
    return {
      ...(await this.#common(what)),
      // All comments come in one answer, whatever page is asked for.
      list: () =>
        this.#client.ask({
          route: `GET ${route}`,
          parameters: list,
          doing: `looking for ${what}`,
          permission,
          repeatable: true,
          answer: z.array(Text),
        }),
      create: (body) =>
        this.#client.ask({
          route: `POST ${route}`,
          parameters: { ...list, body },
          doing: `writing ${what}`,
          permission,
          repeatable: false,
          answer: Text,
        }),
      update: (id, body) =>
        this.#client.ask({
          route: `PATCH ${one}`,
          parameters: { ...this.#at, id, body },
          doing: `changing ${what}`,
          permission,
          repeatable: true,
          answer: Changed,
        }),
      remove: (id) =>
        this.#client.ask({
          route: `DELETE ${one}`,
          parameters: { ...this.#at, id },
          doing: `removing a copy of ${what}`,
          permission,
          repeatable: true,
          answer: z.unknown(),
        }),
    };
  }

  /** Issues as a place: ours is open, by us, and begins with our marker. A copy is closed, not deleted, since deleting takes an administrator. */
  async #issues(): Promise<Place> {
    const route = "/repos/{owner}/{repo}/issues";
    const one = "/repos/{owner}/{repo}/issues/{index}";
    const [what, permission] = ["the issue", "a token that may write to this repository"];
    const change = (index: number, changes: Record<string, unknown>): Promise<Answer<Posted | undefined>> =>
      this.#client.ask({
        route: `PATCH ${one}`,
        parameters: { ...this.#at, index, ...changes },
        doing: `changing ${what}`,
        permission,
        repeatable: true,
        answer: ChangedIssue,
      });
    return {
      ...(await this.#common(what)),
      list: () => this.#pages(route, { state: "open", type: "issues" }, `looking for ${what}`, permission),
      create: (body) =>
        this.#client.ask({
          route: `POST ${route}`,
          parameters: { ...this.#at, title: "Deploy gate: the latest deployment", body },
          doing: `writing ${what}`,
          permission,
          repeatable: false,
          answer: Issue,
        }),
      update: (index, body) => change(index, { body }),
      remove: (index) => change(index, { state: "closed" }),
    };
  }

  async #common(what: string): Promise<Pick<Place, "host" | "what" | "isOurs" | "runExists">> {
    const me = await this.about();
    return { host: this.#client.host, what, isOurs: (posted) => posted.userId === me.id, runExists: (marker) => this.#runExists(marker) };
  }

  /** Page by page until the count that the forge gives is reached: its pages may be shorter than asked for, and some routes ignore the page altogether. */
  async #pages(route: string, parameters: Record<string, unknown>, doing: string, permission: string): Promise<Answer<readonly Posted[]>> {
    const all = new Map<number, Posted>();
    for (let page = 1; ; page++) {
      const asked = await this.#client.ask({
        route: `GET ${route}`,
        parameters: { ...this.#at, ...parameters, limit: 50, page },
        doing,
        permission,
        repeatable: true,
        answer: z.array(Issue),
      });
      if (!asked.ok) return asked;
      const before = all.size;
      for (const posted of asked.value) all.set(posted.id, posted);
      const total = Number(asked.headers["x-total-count"]);
      if (all.size === before || all.size >= total || page === furthestPage) return { ...asked, value: [...all.values()] };
    }
  }

  async #runExists(marker: Marker): Promise<boolean | undefined> {
    const run = await this.#client.ask({
      route: "GET /repos/{owner}/{repo}/actions/runs/{run_id}",
      parameters: { ...this.#at, run_id: marker.runId },
      doing: "looking for a later run",
      permission: "a token of this repository",
      repeatable: true,
      answer: ActionRun,
    });
    if (run.ok) return run.value.commit_sha === marker.sha;
    return run.status === 404 ? false : undefined;
  }
}
