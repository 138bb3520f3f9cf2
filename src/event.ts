import * as z from "zod";
import { gateError } from "./failure.ts";
import type { Environment } from "./inputs.ts";

/**
 * What started the run, in one shape for both forges.
 *
 * The payload is written by strangers as far as titles, branches and names go. Only the fields that the gate needs are read, and leniently: the two forges differ
 * in what they send (Forgejo says `synchronized`, gives `pusher` as a user, leaves the repository out on a schedule and uses bare refs there until version 15).
 */
export type Run = {
  readonly forge: "github" | "forgejo";
  readonly owner: string;
  readonly repository: string;
  /** The repository's page, as people reach it; not the address that the runner uses, which may be an internal one. */
  readonly repositoryUrl: string;
  /** The page of this run. */
  readonly url: string;
  readonly apiUrl: string;
  readonly workflow: string;
  readonly job: string;
  readonly id: number;
  readonly number: number;
  /** 1 unless the run was started again. */
  readonly attempt: number;
  /** Who caused the event. On GitHub `triggeredBy` is who pressed "re-run"; Forgejo keeps the first and does not tell. */
  readonly actor: string;
  readonly triggeredBy: string | undefined;
  readonly sha: string;
  /** In full, `refs/heads/main`. */
  readonly ref: string;
  readonly visibility: "public" | "private" | "unknown";
  /** undefined where the payload does not say (Forgejo on a schedule). */
  readonly defaultBranch: string | undefined;
};

export type PullRequestEvent = {
  readonly kind: "pull-request";
  readonly number: number;
  readonly headSha: string;
  /** Short name of the branch that it asks to change. */
  readonly baseRef: string;
  /** Tip of the base when the event happened; it may have moved since. */
  readonly baseSha: string;
  /** Short name, or `refs/pull/7/head` where there is no branch (AGit, or the branch is gone). */
  readonly headRef: string;
  /** `owner/name`; undefined where the fork is gone. */
  readonly headRepository: string | undefined;
  /** True wherever it cannot be shown that the head was pushed by someone who may push here. Then the token is read-only and the code is a stranger's. */
  readonly fromFork: boolean;
  readonly author: string;
  readonly draft: boolean;
  readonly url: string;
};
export type PushEvent = {
  readonly kind: "push";
  readonly branch: string;
  /** undefined for a new branch. */
  readonly before: string | undefined;
  readonly after: string;
  readonly pusher: string | undefined;
};
export type DispatchEvent = {
  readonly kind: "dispatch";
  readonly branch: string;
  readonly inputs: Readonly<Record<string, string>>;
  readonly actor: string;
};
export type ScheduleEvent = { readonly kind: "schedule"; readonly branch: string };
export type Event = PullRequestEvent | PushEvent | DispatchEvent | ScheduleEvent;

const Sha = z.string().regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/, "not a commit id");
const Name = z.string().min(1).max(255);
const Ref = z.string().min(1).max(1024);
const User = z.object({ login: Name.optional(), username: Name.optional(), name: Name.optional() });
const HtmlUrl = z.url({ protocol: /^https?$/ }).max(2048);
const Repository = z.object({
  id: z.number().optional(),
  full_name: z.string().min(3).max(512),
  html_url: HtmlUrl.optional(),
  private: z.boolean().optional(),
  default_branch: Name.optional(),
});
const Payload = z.object({ repository: Repository.nullish(), sender: User.nullish() });
const PullRequestPayload = z.object({
  pull_request: z.object({
    number: z.int().positive(),
    html_url: HtmlUrl.optional(),
    draft: z.boolean().nullish(),
    user: User.nullish(),
    head: z.object({ sha: Sha, ref: Ref, repo: Repository.nullish() }),
    base: z.object({ sha: Sha, ref: Ref, repo: Repository.nullish() }),
  }),
});
const PushPayload = z.object({ ref: Ref, before: z.string(), after: z.string(), pusher: User.nullish() });
const DispatchPayload = z.object({ inputs: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).nullish() });

const nobody = /^0+$/;
const login = (user: z.infer<typeof User> | null | undefined): string | undefined => user?.login ?? user?.username ?? user?.name;

/** `main` → `refs/heads/main`: until version 15 Forgejo gives a scheduled run the bare name. */
export function fullRef(ref: string): string {
  return ref.startsWith("refs/") ? ref : `refs/heads/${ref}`;
}

function branchOf(ref: string, event: string): string {
  const full = fullRef(ref);
  if (full.startsWith("refs/heads/")) return full.slice("refs/heads/".length);
  throw gateError("event-unsupported", { event: `${event} of ${full}`, problem: "only branches are deployed" });
}

/**
 * Reads the environment of the runner and the event's payload. Throws the GateError `event-unsupported` for an event that the gate does not serve, `event-unsafe`
 * for one that would give a stranger's code the repository's secrets, and `event-unreadable` where the runner's variables or the payload are not as documented.
 */
export function readEvent(environment: Environment, payload: unknown): { readonly run: Run; readonly event: Event } {
  const name = required(environment, "GITHUB_EVENT_NAME");
  if (name === "pull_request_target" || name === "issue_comment" || name === "workflow_run")
    throw gateError("event-unsafe", { event: name });
  const common = parse(Payload, payload, name);
  const run = readRun(environment, common);
  switch (name) {
    case "pull_request":
      return { run, event: pullRequest(parse(PullRequestPayload, payload, name), run) };
    case "push":
      return { run, event: push(parse(PushPayload, payload, name)) };
    case "workflow_dispatch": {
      const inputs = parse(DispatchPayload, payload, name).inputs ?? {};
      const texts = Object.entries(inputs).flatMap(([key, value]) => (value === null ? [] : [[key, String(value)] as const]));
      return {
        run,
        event: {
          kind: "dispatch",
          branch: branchOf(run.ref, name),
          inputs: Object.fromEntries(texts),
          actor: login(common.sender) ?? run.actor,
        },
      };
    }
    case "schedule":
      return { run, event: { kind: "schedule", branch: branchOf(run.ref, name) } };
    default:
      throw gateError("event-unsupported", { event: name, problem: "it serves pull_request, push, workflow_dispatch and schedule" });
  }
}

function pullRequest({ pull_request: pull }: z.infer<typeof PullRequestPayload>, run: Run): PullRequestEvent {
  const [head, base] = [pull.head.repo, pull.base.repo];
  const sameId = head?.id !== undefined && base?.id !== undefined ? head.id === base.id : true;
  const here = `${run.owner}/${run.repository}`.toLowerCase();
  // Anyone who may read can push to refs/for/… on Forgejo (AGit): such a head lives in the base repository, though a stranger wrote it.
  const noBranch = pull.head.ref.startsWith("refs/");
  return {
    kind: "pull-request",
    number: pull.number,
    headSha: pull.head.sha,
    baseRef: pull.base.ref.replace(/^refs\/heads\//, ""),
    baseSha: pull.base.sha,
    headRef: pull.head.ref,
    headRepository: head?.full_name,
    fromFork: head == null || noBranch || !sameId || head.full_name.toLowerCase() !== here,
    author: login(pull.user) ?? "unknown",
    draft: pull.draft ?? false,
    url: pull.html_url ?? `${run.repositoryUrl}/${run.forge === "forgejo" ? "pulls" : "pull"}/${pull.number}`,
  };
}

function push(payload: z.infer<typeof PushPayload>): PushEvent {
  const branch = branchOf(payload.ref, "push");
  if (nobody.test(payload.after))
    throw gateError("event-unsupported", { event: `push that deletes ${branch}`, problem: "nothing is left to look at" });
  const after = Sha.safeParse(payload.after);
  if (!after.success) throw gateError("event-unreadable", { what: "the payload of push", problem: "after is not a commit id" });
  const before = Sha.safeParse(payload.before);
  return {
    kind: "push",
    branch,
    after: after.data,
    before: before.success && !nobody.test(payload.before) ? payload.before : undefined,
    pusher: login(payload.pusher),
  };
}

function readRun(environment: Environment, { repository, sender }: z.infer<typeof Payload>): Run {
  const forge = environment["FORGEJO_ACTIONS"] === "true" || environment["GITEA_ACTIONS"] === "true" ? "forgejo" : "github";
  const [owner = "", name = "", ...rest] = required(environment, "GITHUB_REPOSITORY").split("/");
  if (![owner, name].every((part) => /^[A-Za-z0-9_.-]{1,255}$/.test(part) && !/^\.+$/.test(part)) || rest.length > 0)
    throw gateError("event-unreadable", { what: "GITHUB_REPOSITORY", problem: "it is not OWNER/NAME" });
  const server = url(environment, "GITHUB_SERVER_URL");
  const repositoryUrl = repository?.html_url ?? `${server}/${owner}/${name}`;
  const [id, number] = [count(environment, "GITHUB_RUN_ID"), count(environment, "GITHUB_RUN_NUMBER")];
  const sha = Sha.safeParse(required(environment, "GITHUB_SHA"));
  if (!sha.success) throw gateError("event-unreadable", { what: "GITHUB_SHA", problem: "it is not a commit id" });
  return {
    forge,
    owner,
    repository: name,
    repositoryUrl,
    // Forgejo's pages count the runs of a repository, its API the runs of the instance.
    url: `${repositoryUrl}/actions/runs/${forge === "forgejo" ? number : id}`,
    apiUrl: url(environment, "GITHUB_API_URL"),
    workflow: environment["GITHUB_WORKFLOW"] ?? "",
    job: environment["GITHUB_JOB"] ?? "",
    id,
    number,
    attempt: environment["GITHUB_RUN_ATTEMPT"] === undefined ? 1 : count(environment, "GITHUB_RUN_ATTEMPT"),
    actor: environment["GITHUB_ACTOR"] ?? login(sender) ?? "unknown",
    triggeredBy: environment["GITHUB_TRIGGERING_ACTOR"],
    sha: sha.data,
    ref: fullRef(required(environment, "GITHUB_REF")),
    visibility: repository?.private === undefined ? "unknown" : repository.private ? "private" : "public",
    defaultBranch: repository?.default_branch,
  };
}

function required(environment: Environment, name: string): string {
  const value = environment[name]?.trim();
  if (value === undefined || value === "") throw gateError("event-unreadable", { what: name, problem: "it is not set" });
  return value;
}

function count(environment: Environment, name: string): number {
  const text = required(environment, name);
  if (!/^[1-9][0-9]{0,14}$/.test(text)) throw gateError("event-unreadable", { what: name, problem: "it is not a number above 0" });
  return Number(text);
}

function url(environment: Environment, name: string): string {
  const text = required(environment, name);
  const parsed = HtmlUrl.safeParse(text);
  if (!parsed.success) throw gateError("event-unreadable", { what: name, problem: "it is not an http address" });
  return text.replace(/\/+$/, "");
}

function parse<T>(shape: z.ZodType<T>, payload: unknown, event: string): T {
  const parsed = shape.safeParse(payload);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw gateError("event-unreadable", {
    what: `the payload of ${event}`,
    problem: `${issue?.path.join(".") || "it"}: ${issue?.message ?? "not the expected shape"}`,
  });
}
