/** What the loopback forge keeps of deployments, commits and pushes. Each answer is completed from the forge's own description. */
export type StoredDeployment = {
  id: number;
  sha: string;
  task: string;
  environment: string;
  payload: unknown;
  creator: { login: string; id: number };
  /** Newest last. */
  statuses: { state: string; description: string; log_url: string }[];
  body: Readonly<Record<string, unknown>>;
};

type Person = string | undefined;

/** A commit as the forge resolved it: whose e-mail addresses it knows, by login. */
export type StoredCommit = { readonly sha: string; readonly author: Person; readonly committer: Person };

export type StoredPush = { readonly ref: string; readonly before: string; readonly after: string; readonly by: Person };

type Reply = { status: number; json?: unknown; headers?: Record<string, string> };
type Asked = {
  readonly values: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
  readonly user: { readonly login: string; readonly id: number; readonly write: boolean };
  readonly forbidden: Reply;
  readonly sample: (status: number, given: Record<string, unknown>) => Record<string, unknown>;
  readonly shownUser: (user: { login: string; id: number }) => Record<string, unknown>;
};

export class LoopbackRecords {
  readonly deployments: StoredDeployment[] = [];
  /** Whether the job was granted `deployments: write`. */
  mayDeploy = true;
  /** Oldest first, of the one branch that there is. */
  readonly commits: StoredCommit[] = [];
  /** Oldest first, of all branches. */
  readonly pushes: StoredPush[] = [];
  #last = 9000;

  /** Undefined where the route is another's. */
  github(route: string, asked: Asked): Reply | undefined {
    const { values, query, body, user, sample } = asked;
    const text = (key: string, otherwise = ""): string => (typeof body[key] === "string" ? body[key] : otherwise);
    const page = <T>(all: readonly T[]): readonly T[] => {
      const size = Math.min(Number(query.get("per_page") ?? 30), 100);
      return all.slice((Number(query.get("page") ?? 1) - 1) * size).slice(0, size);
    };
    const creator = (who: { login: string; id: number }): Record<string, unknown> => asked.shownUser(who);
    const person = (login: Person): unknown => (login === undefined ? null : asked.shownUser({ login, id: 7 }));
    switch (route) {
      case "GET /deployments":
        if (!this.mayDeploy) return asked.forbidden;
        return {
          status: 200,
          json: page(
            this.deployments
              .filter((one) => one.environment === query.get("environment") && one.task === query.get("task"))
              .toReversed()
              .map((one) => sample(200, { ...shown(one), creator: creator(one.creator) })),
          ),
        };
      case "POST /deployments": {
        if (!this.mayDeploy || !user.write) return asked.forbidden;
        if (/^0{40}$/.test(text("ref"))) return { status: 422, json: { message: "No ref found for: " + text("ref") } };
        // With the defaults GitHub would merge, or refuse for a check that is not green.
        if (body["auto_merge"] !== false || JSON.stringify(body["required_contexts"]) !== "[]")
          return { status: 409, json: { message: "Conflict: Commit status checks failed for main.", errors: [] } };
        const made: StoredDeployment = {
          id: ++this.#last,
          sha: text("ref"),
          task: text("task", "deploy"),
          environment: text("environment", "production"),
          payload: body["payload"] ?? "",
          creator: user,
          statuses: [],
          body,
        };
        this.deployments.push(made);
        return { status: 201, json: sample(201, { ...shown(made), creator: creator(made.creator) }) };
      }
      case "GET /deployments/{deployment_id}/statuses":
      case "POST /deployments/{deployment_id}/statuses": {
        if (!this.mayDeploy) return asked.forbidden;
        const found = this.deployments.find(({ id }) => id === Number(values["deployment_id"]));
        if (found === undefined) return { status: 404, json: { message: "Not Found" } };
        if (route.startsWith("GET")) return { status: 200, json: page(found.statuses.toReversed().map((one) => sample(200, one))) };
        const one = {
          state: text("state"),
          description: text("description"),
          log_url: text("log_url"),
        };
        if (one.description.length > 140)
          return { status: 422, json: { message: "Validation Failed", errors: ["description is too long (maximum is 140 characters)"] } };
        found.statuses.push(one);
        return { status: 201, json: sample(201, one) };
      }
      case "GET /compare/{basehead}": {
        const between = this.#between(...((values["basehead"] ?? "").split("...") as [string, string]));
        if (between === undefined) return { status: 404, json: { message: "Not Found" } };
        return {
          status: 200,
          json: sample(200, {
            total_commits: between.length,
            commits: page(between).map(({ sha, author, committer }) => ({
              sha,
              node_id: "",
              url: "",
              html_url: "",
              comments_url: "",
              parents: [],
              commit: { url: "", author: null, committer: null, message: "", comment_count: 0, tree: { sha, url: "" } },
              author: person(author),
              committer: person(committer),
            })),
          }),
        };
      }
      case "GET /activity":
        return {
          status: 200,
          json: page(
            this.pushes
              .filter(({ ref }) => ref === query.get("ref"))
              .toReversed()
              .map(({ by, ...push }, i) => sample(200, { ...push, id: i + 1, activity_type: "push", actor: person(by) })),
          ),
        };
      default:
        return undefined;
    }
  }

  forgejo(route: string, { query, sample }: Asked): Reply | undefined {
    const page = <T>(all: readonly T[]): Reply => {
      const size = Math.min(Number(query.get("limit") ?? 30), 50);
      return {
        status: 200,
        json: all.slice((Number(query.get("page") ?? 1) - 1) * size).slice(0, size),
        headers: { "x-total-count": String(all.length) },
      };
    };
    const person = (login: Person): unknown => (login === undefined ? null : { login, id: 7 });
    switch (route) {
      case "GET /commits": {
        const between = this.#between(query.get("not") ?? "", query.get("sha") ?? "");
        if (between === undefined) return { status: 404, json: { message: "not found", url: "", errors: [] } };
        return page(
          between.toReversed().map(({ sha, author, committer }) => ({ sha, author: person(author), committer: person(committer) })),
        );
      }
      case "GET /activities/feeds":
        return page(
          this.pushes.toReversed().map(({ ref, before, after, by }, i) =>
            sample(200, {
              id: i + 1,
              op_type: "commit_repo",
              ref_name: ref,
              act_user: person(by) ?? { login: "Ghost", id: -1 },
              content: JSON.stringify({
                Commits: [],
                HeadCommit: { Sha1: after },
                CompareURL: `fleet/machines/compare/${before}...${after}`,
                Len: 1,
              }),
            }),
          ),
        );
      default:
        return undefined;
    }
  }

  #between(base: string, head: string): readonly StoredCommit[] | undefined {
    const at = (sha: string): number => this.commits.findIndex((commit) => commit.sha === sha);
    return at(base) < 0 || at(head) < 0 ? undefined : this.commits.slice(at(base) + 1, at(head) + 1);
  }
}

const shown = ({ id, sha, task, environment, payload }: StoredDeployment): Record<string, unknown> => ({
  id,
  sha,
  ref: sha,
  task,
  environment,
  payload,
  description: null,
});
