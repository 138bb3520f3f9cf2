import { randomBytes } from "node:crypto";
import type { StoryForge } from "./story-forge.ts";

/** A repository on a real Forgejo, made for one story and removed after it. Everything goes by the forge's API, as its web pages would do it. */
export class LiveForgejo implements StoryForge {
  readonly kind = "forgejo";
  readonly serverUrl: string;
  readonly token: string;
  readonly person: string;
  readonly repository: string;
  readonly #remote: string | undefined;

  private constructor(serverUrl: string, token: string, person: string, name: string, remote: string | undefined) {
    this.serverUrl = serverUrl;
    this.token = token;
    this.person = person;
    this.repository = `${person}/${name}`;
    this.#remote = remote;
  }

  /** `token` is of a user who may make and remove repositories (write:repository, write:issue, write:user). `remote` only where git is served elsewhere. */
  static async make(url: string, token: string, remote?: string): Promise<LiveForgejo> {
    const serverUrl = url.replace(/\/+$/, "");
    const { login } = (await call(serverUrl, token, "GET", "/user")) as { login: string };
    const name = `gate-story-${randomBytes(6).toString("hex")}`;
    await call(serverUrl, token, "POST", "/user/repos", { name, private: true, default_branch: "main", auto_init: false });
    return new LiveForgejo(serverUrl, token, login, name, remote);
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#call("DELETE", "");
  }

  get apiUrl(): string {
    return `${this.serverUrl}/api/v1`;
  }
  get remote(): string {
    return this.#remote ?? `${this.serverUrl}/${this.repository}.git`;
  }
  get gitEnvironment(): Readonly<Record<string, string>> {
    const basic = Buffer.from(`${this.person}:${this.token}`).toString("base64");
    return {
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: `http.${this.serverUrl}/.extraHeader`,
      GIT_CONFIG_VALUE_0: `Authorization: Basic ${basic}`,
    };
  }

  async openPull(branch: string): Promise<number> {
    const made = (await this.#call("POST", "/pulls", { title: `Story: ${branch}`, head: branch, base: "main" })) as { number: number };
    return made.number;
  }
  /** Forgejo looks at a pull request's branch in the background. */
  async synchronized(pull: number, head: string): Promise<void> {
    for (let tries = 0; tries < 60; tries++) {
      if (((await this.#call("GET", `/pulls/${pull}`)) as { head: { sha: string } }).head.sha === head) return;
      await new Promise((done) => setTimeout(done, 500));
    }
    throw new Error(`Forgejo does not see that pull request ${pull} is at ${head}.`);
  }
  async merge(pull: number): Promise<string> {
    // It answers 405 for as long as it has not found out whether there is a conflict.
    for (let tries = 0; ; tries++)
      try {
        await this.#call("POST", `/pulls/${pull}/merge`, { Do: "merge" });
        break;
      } catch (error) {
        if (tries === 30 || !String(error).includes(" 405 ")) throw error;
        await new Promise((done) => setTimeout(done, 1000));
      }
    return ((await this.#call("GET", `/pulls/${pull}`)) as { merge_commit_sha: string }).merge_commit_sha;
  }
  async comments(pull: number): Promise<readonly string[]> {
    return ((await this.#call("GET", `/issues/${pull}/comments`)) as { body: string }[]).map(({ body }) => body);
  }
  async status(sha: string): Promise<string | undefined> {
    const said = (await this.#call("GET", `/commits/${sha}/status`)) as { statuses?: { context: string; status: string }[] | null };
    return said.statuses?.find(({ context }) => context === "deploy-gate")?.status;
  }
  async reports(_: string, pull: number | undefined): Promise<readonly string[]> {
    if (pull !== undefined) return await this.comments(pull);
    return ((await this.#call("GET", "/issues?state=open&type=issues")) as { body: string }[]).map(({ body }) => body);
  }

  async #call(method: string, path: string, body?: object): Promise<unknown> {
    return await call(this.serverUrl, this.token, method, `/repos/${this.repository}${path}`, body);
  }
}

async function call(serverUrl: string, token: string, method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(`${serverUrl}/api/v1${path}`, {
    method,
    headers: { authorization: `token ${token}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    redirect: "error",
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 300)}`);
  return text === "" ? undefined : JSON.parse(text);
}
