import type { Repository } from "../scenario/flake.ts";
import { LoopbackForge, jobToken } from "./loopback-forge.ts";

/** A forge on which a story is played: what people do there, and what they see. Git goes by `remote`, whatever serves it. */
export interface StoryForge {
  readonly kind: "github" | "forgejo";
  readonly serverUrl: string;
  readonly apiUrl: string;
  readonly token: string;
  /** `owner/name` */
  readonly repository: string;
  /** Who does it all, and may. */
  readonly person: string;
  readonly remote: string;
  /** So that git may push there. */
  readonly gitEnvironment: Readonly<Record<string, string>>;
  openPull(branch: string, head: string): Promise<number>;
  /** After a push to the pull request's branch. */
  synchronized(pull: number, head: string): Promise<void>;
  /** Merges, and answers with the commit that main is at then. */
  merge(pull: number): Promise<string>;
  comments(pull: number): Promise<readonly string[]>;
  /** The state of the status `deploy-gate`, as it is now. */
  status(sha: string): Promise<string | undefined>;
  /** All that was written about a commit after it was pushed. `pull` is the one that it merged. */
  reports(sha: string, pull: number | undefined): Promise<readonly string[]>;
}

/** The loopback forge, with a git repository beside it that people push to. */
export class LoopbackStory implements StoryForge {
  readonly forge: LoopbackForge;
  readonly #origin: Repository;
  readonly token = jobToken;
  readonly repository = "fleet/machines";
  readonly person = "alice";
  readonly gitEnvironment = {};
  #pulls = 6;
  readonly #branches = new Map<number, string>();

  constructor(forge: LoopbackForge, origin: Repository) {
    this.forge = forge;
    this.#origin = origin;
    origin.git("config", "uploadpack.allowAnySHA1InWant", "true");
    origin.git("config", "receive.denyCurrentBranch", "ignore");
    forge.permissions.set(this.person, "write");
    // GitHub tells a job's token what people may do; on Forgejo the token has to be an administrator's.
    forge.tokenIsAdmin = true;
  }
  get kind(): "github" | "forgejo" {
    return this.forge.kind;
  }
  get serverUrl(): string {
    return this.forge.serverUrl;
  }
  get apiUrl(): string {
    return this.forge.apiUrl;
  }
  get remote(): string {
    return `file://${this.#origin.directory}`;
  }

  openPull(branch: string, head: string): Promise<number> {
    const pull = ++this.#pulls;
    this.#branches.set(pull, branch);
    return this.synchronized(pull, head).then(() => pull);
  }
  synchronized(pull: number, head: string): Promise<void> {
    this.forge.pulls.set(pull, { head });
    this.#origin.git("update-ref", `refs/pull/${pull}/head`, head);
    return Promise.resolve();
  }
  merge(pull: number): Promise<string> {
    const main = this.#origin.git("rev-parse", "refs/heads/main");
    const head = this.#origin.git("rev-parse", `refs/heads/${this.#branches.get(pull) ?? ""}`);
    const merged = this.#origin.git("commit-tree", `${head}^{tree}`, "-p", main, "-p", head, "-m", `Merge pull request ${pull}`);
    this.#origin.git("update-ref", "refs/heads/main", merged);
    this.forge.mergedBy.set(merged, pull);
    return Promise.resolve(merged);
  }
  comments(pull: number): Promise<readonly string[]> {
    return Promise.resolve((this.forge.comments.get(pull) ?? []).map(({ body }) => body));
  }
  status(sha: string): Promise<string | undefined> {
    return Promise.resolve(this.forge.statuses.findLast((one) => one.sha === sha && one.context === "deploy-gate")?.state);
  }
  async reports(sha: string, pull: number | undefined): Promise<readonly string[]> {
    if (this.kind === "github") return (this.forge.commitComments.get(sha) ?? []).map(({ body }) => body);
    return pull === undefined ? this.forge.issues.map(({ body }) => body) : await this.comments(pull);
  }
}
