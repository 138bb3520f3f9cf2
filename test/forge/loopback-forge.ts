import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Description, type DescriptionName } from "./description.ts";
import { LoopbackRecords } from "./loopback-records.ts";

/** A user as the forge knows it; `write` is what the token may do. */
export type TokenUser = { readonly login: string; readonly id: number; readonly write: boolean; readonly scopes?: string };
export type StoredText = { id: number; body: string; user: { login: string; id: number }; edits: number };
export type StoredStatus = { sha: string; state: string; context: string; description: string; target_url: string };
type StoredIssue = StoredText & { title: string; state: string };

/** What goes wrong, once for each entry, at the first request that it fits. */
export type Fault = {
  readonly method?: string;
  readonly path?: RegExp;
  readonly does:
    | { readonly answer: number; readonly body?: unknown; readonly text?: string; readonly headers?: Record<string, string> }
    | "cut-before"
    | "cut-after"
    | "never-answers"
    | { readonly redirect: string; readonly status?: number };
  times?: number;
};

type Reply = { status: number; json?: unknown; text?: string; headers?: Record<string, string> };

export const jobToken = "f0".repeat(20);
export const readToken = "ee".repeat(20);
const strangerPassing = { login: "mallory", id: 666 };

/**
 * A forge on 127.0.0.1 that holds one repository, `fleet/machines`. Every request is checked against the forge's own description and so is every answer that it
 * gives; what does not fit is in `violations`. It behaves as the real one where the description says nothing, as far as that is known.
 */
export class LoopbackForge {
  readonly kind: "github" | "forgejo";
  readonly comments = new Map<number, StoredText[]>();
  readonly commitComments = new Map<string, StoredText[]>();
  readonly issues: StoredIssue[] = [];
  readonly statuses: StoredStatus[] = [];
  readonly records = new LoopbackRecords();
  /** Head of each pull request by its number, and by merge commit. */
  readonly pulls = new Map<number, { head: string }>();
  readonly mergedBy = new Map<string, number>();
  readonly runs = new Map<number, { sha: string }>();
  /** Of users by login in lower case, as the forge words it; a user that is not here does not exist. */
  readonly permissions = new Map<string, string>();
  /** Whether the job's token is one of an administrator, which Forgejo asks for. */
  tokenIsAdmin = false;
  /** Pull requests that were opened by the API. */
  readonly opened: { number: number; head: string; base: string; title: string; body: string; open: boolean; edits: number }[] = [];
  /** Runs that were started by `workflow_dispatch`. */
  readonly dispatches: { workflow: string; ref: string; inputs: Record<string, string> }[] = [];
  readonly faults: Fault[] = [];
  readonly violations: string[] = [];
  readonly requests: { method: string; path: string; authorization: string | undefined }[] = [];
  /** Forgejo may not know the user of the automatic token. */
  userIsKnown = true;
  /** Forgejo answers some edits with 204 and nothing. */
  editsAnswerNothing = false;
  /** What GET …/version says; undefined is a 404, as on something that only looks like Forgejo. */
  version: string | undefined;
  readonly users: Map<string, TokenUser>;
  readonly #description: Description;
  readonly #server: Server;
  #last = 100;

  constructor(name: DescriptionName) {
    this.kind = name === "github" ? "github" : "forgejo";
    this.#description = new Description(name);
    this.version = name === "forgejo-15" ? "15.0.3+gitea-1.22.0" : "16.0.0+gitea-1.22.0";
    const automatic = this.kind === "github" ? { login: "github-actions[bot]", id: 41898282 } : { login: "forgejo-actions", id: -2 };
    this.users = new Map([
      [jobToken, { ...automatic, write: true }],
      [readToken, { ...automatic, write: false }],
    ]);
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
  get serverUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }
  get apiUrl(): string {
    return `${this.serverUrl}${this.#base}`;
  }
  get #base(): string {
    return this.kind === "github" ? "/api/v3" : "/api/v1";
  }

  /** Puts a comment there as somebody else would have: a stranger unless told otherwise. */
  leaveComment(pull: number, body: string, user: { login: string; id: number } = strangerPassing): StoredText {
    const text = { id: ++this.#last, body, user, edits: 0 };
    this.comments.set(pull, [...(this.comments.get(pull) ?? []), text]);
    return text;
  }
  get writes(): string[] {
    return this.requests
      .filter((request) => request.method !== "GET" && !request.path.endsWith("/graphql"))
      .map((request) => `${request.method} ${request.path}`);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.serverUrl);
    const method = request.method ?? "GET";
    let raw = "";
    for await (const piece of request) raw += String(piece);
    this.requests.push({ method, path: url.pathname, authorization: request.headers.authorization });
    const fault = this.faults.find((one) => (one.method ?? method) === method && (one.path ?? /^/).test(url.pathname));
    if (fault !== undefined && --((fault.times ??= 1), fault).times! === 0) this.faults.splice(this.faults.indexOf(fault), 1);
    if (fault?.does === "never-answers") return;
    if (fault?.does === "cut-before") return void request.socket.destroy();
    let reply: Reply;
    if (fault !== undefined && typeof fault.does === "object")
      reply =
        "redirect" in fault.does
          ? { status: fault.does.status ?? 307, text: "", headers: { location: fault.does.redirect } }
          : faultReply(fault.does);
    else reply = this.#answer(method, url, raw === "" ? undefined : JSON.parse(raw), request.headers.authorization);
    if (fault?.does === "cut-after") return void request.socket.destroy();
    const text = reply.text ?? (reply.json === undefined ? undefined : JSON.stringify(reply.json));
    const type = reply.json === undefined ? "text/plain;charset=utf-8" : "application/json; charset=utf-8";
    response.writeHead(reply.status, { ...(text === undefined ? {} : { "content-type": type }), ...reply.headers }).end(text);
  }

  #answer(method: string, url: URL, body: unknown, authorization: string | undefined): Reply {
    const user = this.users.get(/^(?:token|bearer) (.+)$/i.exec(authorization ?? "")?.[1] ?? "");
    // Which version it is, Forgejo tells everybody.
    const open = this.kind === "forgejo" && /^\/api\/(?:forgejo\/)?v1\/version$/.test(url.pathname) && authorization === undefined;
    if (open) return this.version === undefined ? this.#nothing() : { status: 200, json: { version: this.version } };
    if (user === undefined)
      return {
        status: 401,
        json:
          this.kind === "github"
            ? { message: "Bad credentials", documentation_url: "https://docs.github.com/rest" }
            : { message: "invalid token", url: "" },
      };
    if (this.kind === "github" && url.pathname === "/api/graphql")
      return { status: 200, json: { data: { viewer: { login: user.login } } } };
    if (this.kind === "forgejo" && url.pathname === "/api/forgejo/v1/version" && this.version !== undefined)
      return { status: 200, json: { version: this.version } };
    const path = url.pathname.startsWith(this.#base) ? url.pathname.slice(this.#base.length) : "";
    const route = this.#description.route(method, path);
    if (route === undefined || (path.startsWith("/repos/") && !path.startsWith("/repos/fleet/machines"))) return this.#nothing();
    this.violations.push(...this.#description.requestProblems(method, path, url.searchParams, body));
    const reply = this.#handle(method, route.template, route.values, url.searchParams, (body ?? {}) as Record<string, string>, user);
    if (reply.status < 400) this.violations.push(...this.#description.answerProblems(method, path, reply.status, reply.json));
    return reply;
  }

  #nothing(): Reply {
    return this.kind === "github"
      ? { status: 404, json: { message: "Not Found", documentation_url: "https://docs.github.com/rest" } }
      : { status: 404, text: "Not found.\n" };
  }

  #handle(
    method: string,
    template: string,
    values: Record<string, string>,
    query: URLSearchParams,
    body: Record<string, string>,
    user: TokenUser,
  ): Reply {
    const short = template.replace("/repos/{owner}/{repo}", "");
    const forbidden: Reply =
      this.kind === "github"
        ? { status: 403, json: { message: "Resource not accessible by integration", documentation_url: "https://docs.github.com/rest" } }
        : { status: 403, json: { message: "user should have a permission to write to the repo", url: "" } };
    const path = template.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? "");
    const sample = (status: number, given: Record<string, unknown>): Record<string, unknown> =>
      this.#description.sample(method, path, status, given);
    const shown = (text: StoredText): Record<string, unknown> =>
      sample(method === "POST" ? 201 : 200, {
        id: text.id,
        number: text.id,
        body: text.body,
        html_url: `${this.serverUrl}/fleet/machines/#${text.id}`,
        user: this.#shownUser(text.user),
      });
    const number = Number(
      values["issue_number"] ?? values["pull_number"] ?? values["index"] ?? values["comment_id"] ?? values["id"] ?? values["run_id"],
    );
    const paged = (texts: StoredText[]): Reply => {
      const size = Number(query.get(this.kind === "github" ? "per_page" : "limit") ?? 30);
      const from = (Number(query.get("page") ?? 1) - 1) * Math.min(size, this.kind === "github" ? 100 : 50);
      return { status: 200, json: texts.slice(from, from + size).map(shown), headers: { "x-total-count": String(texts.length) } };
    };
    const change = (lists: Iterable<StoredText[]>): Reply => {
      for (const list of lists) {
        const found = list.findIndex((text) => text.id === number);
        const text = list[found];
        if (text === undefined) continue;
        // On Forgejo whoever posted may edit, and every job's token is the same user.
        if (!user.write && !(this.kind === "forgejo" && text.user.id === user.id)) return forbidden;
        if (method === "DELETE") {
          list.splice(found, 1);
          return { status: 204 };
        }
        if (body["body"] !== undefined) text.body = this.#stored(body["body"]);
        if (body["state"] !== undefined) (text as StoredIssue).state = body["state"];
        text.edits += 1;
        if (short === "/issues/{index}")
          return {
            status: 201,
            json: this.#description.sample(method, path, 201, { number: text.id, body: text.body, user: this.#shownUser(text.user) }),
          };
        return this.editsAnswerNothing ? { status: 204 } : { status: 200, json: shown(text) };
      }
      return this.#nothing();
    };
    const create = (list: StoredText[], more: Record<string, unknown> = {}): Reply => {
      if (this.kind === "github" && (body["body"] ?? "").length > 65_536)
        return {
          status: 422,
          json: { message: "Validation Failed", errors: ["Body is too long (maximum is 65536 characters)"], documentation_url: "" },
        };
      const text = {
        id: ++this.#last,
        body: this.#stored(body["body"] ?? ""),
        user: { login: user.login, id: user.id },
        edits: 0,
        ...more,
      };
      list.push(text);
      return { status: 201, json: shown(text) };
    };
    const listOf = <K>(lists: Map<K, StoredText[]>, key: K): StoredText[] => lists.get(key) ?? lists.set(key, []).get(key) ?? [];

    switch (`${method} ${short}`) {
      case "GET ":
        return {
          status: 200,
          json: sample(200, {
            default_branch: "main",
            private: true,
            ...(this.kind === "github" ? {} : { permissions: { admin: this.tokenIsAdmin, push: user.write, pull: true } }),
          }),
          ...(user.scopes === undefined ? {} : { headers: { "x-oauth-scopes": user.scopes } }),
        };
      case "GET /version":
        return this.version === undefined ? this.#nothing() : { status: 200, json: { version: this.version } };
      case "GET /user":
        return this.userIsKnown ? { status: 200, json: { id: user.id, login: user.login } } : forbidden;
      case "GET /pulls/{pull_number}":
      case "GET /pulls/{index}": {
        const pull = this.pulls.get(number);
        return pull === undefined ? this.#nothing() : { status: 200, json: sample(200, { number, head: { sha: pull.head } }) };
      }
      case "GET /commits/{sha}/pull": {
        const merged = this.mergedBy.get(values["sha"] ?? "");
        return merged === undefined
          ? { status: 404, json: { message: "not found", url: "", errors: [] } }
          : { status: 200, json: sample(200, { number: merged, merged: true }) };
      }
      case "GET /issues/{issue_number}/comments":
        return paged(listOf(this.comments, number));
      case "GET /issues/{index}/comments":
        return {
          status: 200,
          json: listOf(this.comments, number).map(shown),
          headers: { "x-total-count": String(listOf(this.comments, number).length) },
        };
      case "POST /issues/{issue_number}/comments":
        if (user.write && body["body"] === "") return { status: 422, json: { message: "Validation Failed", documentation_url: "" } };
        return user.write ? create(listOf(this.comments, number)) : forbidden;
      case "POST /issues/{index}/comments":
        // Looked at before the content is, and so is what a token's scopes are.
        if (user.scopes !== undefined && !user.scopes.includes("write:issue")) return forbidden;
        if (body["body"] === "") return { status: 422, json: { message: "[Body]: Required", url: "" } };
        return create(listOf(this.comments, number));
      case "PATCH /issues/comments/{comment_id}":
      case "PATCH /issues/comments/{id}":
      case "DELETE /issues/comments/{comment_id}":
      case "DELETE /issues/comments/{id}":
        return change(this.comments.values());
      case "GET /commits/{commit_sha}/comments":
        return paged(listOf(this.commitComments, values["commit_sha"] ?? ""));
      case "POST /commits/{commit_sha}/comments":
        return user.write ? create(listOf(this.commitComments, values["commit_sha"] ?? "")) : forbidden;
      case "PATCH /comments/{comment_id}":
      case "DELETE /comments/{comment_id}":
        return change(this.commitComments.values());
      case "GET /issues":
        return paged(this.issues.filter((issue) => issue.state === query.get("state")));
      case "POST /issues":
        return create(this.issues, { title: body["title"], state: "open" });
      case "PATCH /issues/{index}":
        return change([this.issues]);
      case "POST /statuses/{sha}": {
        if (!user.write) return user.scopes !== undefined && this.kind === "github" ? this.#nothing() : forbidden;
        // Of a commit that does not exist: GitHub refuses the content, Forgejo breaks down over it.
        if (/^0{40}$/.test(values["sha"] ?? ""))
          return this.kind === "github"
            ? { status: 422, json: { message: `No commit found for SHA: ${values["sha"]}`, documentation_url: "" } }
            : { status: 500, json: { message: "", url: "" } };
        const status = {
          state: body["state"] ?? "",
          context: body["context"] ?? "",
          description: body["description"] ?? "",
          target_url: body["target_url"] ?? "",
        };
        if (this.kind === "github" && status.description.length > 140)
          return {
            status: 422,
            json: { message: "Validation Failed", errors: ["description is too long (maximum is 140 characters)"], documentation_url: "" },
          };
        this.statuses.push({ sha: values["sha"] ?? "", ...status });
        const { state, ...rest } = status;
        return {
          status: 201,
          json: sample(201, { id: ++this.#last, ...rest, ...(this.kind === "github" ? { state } : { status: state }) }),
        };
      }
      case "GET /actions/runs/{run_id}": {
        const run = this.runs.get(number);
        return run === undefined
          ? this.#nothing()
          : {
              status: 200,
              json: sample(200, { id: number, ...(this.kind === "github" ? { head_sha: run.sha } : { commit_sha: run.sha }) }),
            };
      }
      case "GET /collaborators/{username}/permission":
      case "GET /collaborators/{collaborator}/permission": {
        const login = values["username"] ?? values["collaborator"] ?? "";
        const permission = this.permissions.get(login.toLowerCase());
        if (this.kind === "forgejo" && !this.tokenIsAdmin && login !== user.login)
          return {
            status: 403,
            json: { message: "Only admins can query all permissions, repo admins can query all repo permissions", url: "" },
          };
        if (permission === undefined) return this.#nothing();
        return {
          status: 200,
          json: sample(200, {
            permission,
            role_name: permission,
            user: { ...this.#shownUser({ login, id: 5 }), ...(this.kind === "github" ? { role_name: permission } : {}) },
          }),
        };
      }
      case "GET /commits/{ref}/status": {
        const latest = new Map(this.statuses.filter(({ sha }) => sha === values["ref"]).map((status) => [status.context, status]));
        const size = Math.min(Number(query.get("per_page") ?? query.get("limit") ?? 30), this.kind === "github" ? 100 : 50);
        const from = (Number(query.get("page") ?? 1) - 1) * size;
        const statuses = [...latest.values()]
          .slice(from, from + size)
          .map(({ state, context, description, target_url }) => ({ state, rest: { context, description, target_url } }))
          .map(({ state, rest }) =>
            this.kind === "forgejo"
              ? { ...rest, status: state }
              : {
                  ...rest,
                  state,
                  url: "",
                  avatar_url: null,
                  id: 1,
                  node_id: "",
                  created_at: "2026-11-22T12:00:00Z",
                  updated_at: "2026-11-22T12:00:00Z",
                },
          );
        // Forgejo says nothing at all of a commit that has none.
        return { status: 200, json: this.kind === "forgejo" && latest.size === 0 ? { state: "" } : sample(200, { statuses }) };
      }
      case "GET /pulls": {
        const wanted = query.get("head")?.split(":")[1];
        const others =
          wanted === undefined ? [...this.pulls].map(([index, { head }]) => sample(200, { number: index, head: { sha: head } })) : [];
        const ours = this.opened.filter(({ open, head }) => open && (wanted === undefined || head === wanted));
        const shownPulls = [...others, ...ours.map((pull) => this.#shownPull(pull, sample))];
        return { status: 200, json: Number(query.get("page") ?? 1) > 1 ? [] : shownPulls };
      }
      case "POST /pulls": {
        if (!user.write) return forbidden;
        const pull = {
          number: ++this.#last,
          head: body["head"] ?? "",
          base: body["base"] ?? "",
          title: body["title"] ?? "",
          body: this.#stored(body["body"] ?? ""),
          open: true,
          edits: 0,
        };
        if (this.opened.some(({ open, head }) => open && head === pull.head))
          return this.kind === "github"
            ? { status: 422, json: { message: "Validation Failed", errors: [], documentation_url: "" } }
            : { status: 409, json: { message: "pull request already exists for these targets", url: "" } };
        this.opened.push(pull);
        return { status: 201, json: this.#shownPull(pull, sample, 201) };
      }
      case "PATCH /pulls/{pull_number}":
      case "PATCH /pulls/{index}": {
        if (!user.write) return forbidden;
        const pull = this.opened.find((one) => one.number === number);
        if (pull === undefined) return this.#nothing();
        Object.assign(pull, { title: body["title"] ?? pull.title, body: this.#stored(body["body"] ?? pull.body), edits: pull.edits + 1 });
        const status = this.kind === "github" ? 200 : 201;
        return { status, json: this.#shownPull(pull, sample, status) };
      }
      case "POST /actions/workflows/{workflow_id}/dispatches":
      case "POST /actions/workflows/{workflowfilename}/dispatches": {
        if (!user.write) return forbidden;
        const { ref, inputs } = body as unknown as { ref: string; inputs?: Record<string, string> };
        const given = inputs ?? {};
        if (this.kind === "github" && JSON.stringify(given).length > 65_535)
          return { status: 422, json: { message: "inputs are too large.", documentation_url: "" } };
        this.dispatches.push({ workflow: values["workflow_id"] ?? values["workflowfilename"] ?? "", ref, inputs: given });
        return { status: 204 };
      }
      default:
        return (
          this.records[this.kind](`${method} ${short}`, {
            values,
            query,
            body,
            user,
            forbidden,
            sample,
            shownUser: (shownOf) => this.#shownUser(shownOf),
          }) ?? this.#nothing()
        );
    }
  }

  #shownPull(
    { number, head, title, body }: { number: number; head: string; title: string; body: string },
    sample: (status: number, given: Record<string, unknown>) => Record<string, unknown>,
    status = 200,
  ): Record<string, unknown> {
    const whole = sample(status, { number, title, body, state: "open", html_url: `${this.serverUrl}/fleet/machines/pulls/${number}` });
    const one = (Array.isArray(whole) ? whole[0] : whole) as Record<string, unknown>;
    const sampleHead = (one["head"] ?? {}) as Record<string, unknown>;
    return {
      ...one,
      number,
      title,
      body,
      html_url: `${this.serverUrl}/fleet/machines/pulls/${number}`,
      head: { ...sampleHead, ref: head, repo: { ...(sampleHead["repo"] as object), full_name: "fleet/machines" } },
    };
  }
  /** Forms of browsers, and Forgejo's editor, store CRLF; nothing may hang on it. */
  #stored(body: string): string {
    return this.kind === "forgejo" ? body.trimEnd().replaceAll("\n", "\r\n") : body;
  }
  #shownUser(user: { login: string; id: number }): Record<string, unknown> {
    if (this.kind === "forgejo") return user;
    const addresses = [
      "avatar_url",
      "events_url",
      "followers_url",
      "following_url",
      "gists_url",
      "html_url",
      "organizations_url",
      "received_events_url",
      "repos_url",
      "starred_url",
      "subscriptions_url",
      "url",
    ];
    return {
      ...user,
      gravatar_id: null,
      node_id: "",
      site_admin: false,
      type: user.login.endsWith("[bot]") ? "Bot" : "User",
      ...Object.fromEntries(addresses.map((name) => [name, "http://127.0.0.1/"])),
    };
  }
}

function faultReply(fault: { answer: number; body?: unknown; text?: string; headers?: Record<string, string> }): Reply {
  return {
    status: fault.answer,
    ...(fault.body === undefined ? { text: fault.text ?? "" } : { json: fault.body }),
    ...(fault.headers === undefined ? {} : { headers: fault.headers }),
  };
}
