/**
 * Event payloads as the two forges send them, cut to the fields that tell them apart and those that the gate reads. GitHub's follow its own examples
 * (@octokit/webhooks-examples), Forgejo's its structs (modules/structs/hook.go of version 16).
 */
type Kind = "github" | "forgejo";

function user(kind: Kind, login: string, id: number): Record<string, unknown> {
  return kind === "github"
    ? { login, id, type: "User", site_admin: false }
    : { id, login, username: login, login_name: "", full_name: "", email: `${login}@noreply.localhost` };
}

export function repository(kind: Kind, serverUrl: string, fullName = "fleet/machines", id = 1, isPrivate = true): Record<string, unknown> {
  const [owner = "", name = ""] = fullName.split("/");
  const url = kind === "github" ? `${serverUrl}/api/v3/repos/${fullName}` : `${serverUrl}/api/v1/repos/${fullName}`;
  return {
    id,
    name,
    full_name: fullName,
    private: isPrivate,
    owner: user(kind, owner, id + 100),
    html_url: `${serverUrl}/${fullName}`,
    url,
    default_branch: "main",
    fork: id !== 1,
  };
}

export function pullRequestPayload(
  kind: Kind,
  serverUrl: string,
  event: { number: number; head: string; base: string; fork?: boolean; isPrivate?: boolean },
  fullName = "fleet/machines",
): Record<string, unknown> {
  const base = repository(kind, serverUrl, fullName, 1, event.isPrivate ?? true);
  const head = event.fork === true ? repository(kind, serverUrl, "mallory/machines", 2, false) : base;
  const side = (ref: string, sha: string, repo: Record<string, unknown>): Record<string, unknown> =>
    kind === "github"
      ? { label: `fleet:${ref}`, ref, sha, repo, user: repo["owner"] }
      : { label: ref, ref, sha, repo_id: repo["id"], repo };
  return {
    action: kind === "github" ? "synchronize" : "synchronized",
    number: event.number,
    pull_request: {
      id: 1000 + event.number,
      number: event.number,
      html_url: `${serverUrl}/${fullName}/${kind === "github" ? "pull" : "pulls"}/${event.number}`,
      title: "Update @everyone ::error::",
      state: "open",
      ...(kind === "github" ? { draft: false } : {}),
      user: user(kind, event.fork === true ? "mallory" : "alice", 5),
      head: side("update", event.head, head),
      base: side("main", event.base, base),
      merged: false,
    },
    repository: base,
    sender: user(kind, "alice", 5),
    ...(kind === "forgejo" ? { requested_reviewer: null, commit_id: "", review: null } : {}),
  };
}

export function pushPayload(
  kind: Kind,
  serverUrl: string,
  event: { before: string; after: string; isPrivate?: boolean; branch?: string },
  fullName = "fleet/machines",
): Record<string, unknown> {
  const common = {
    ref: `refs/heads/${event.branch ?? "main"}`,
    before: event.before,
    after: event.after,
    commits: [],
    head_commit: null,
    repository: repository(kind, serverUrl, fullName, 1, event.isPrivate ?? true),
    sender: user(kind, "alice", 5),
  };
  return kind === "github"
    ? {
        ...common,
        compare: "",
        created: false,
        deleted: false,
        forced: false,
        base_ref: null,
        pusher: { name: "alice", email: "alice@example.org" },
      }
    : { ...common, compare_url: "", total_commits: 0, pusher: user(kind, "alice", 5) };
}

export function dispatchPayload(
  kind: Kind,
  serverUrl: string,
  inputs: Readonly<Record<string, string>>,
  branch = "main",
  fullName = "fleet/machines",
  sender = "alice",
): Record<string, unknown> {
  const workflow = kind === "github" ? ".github/workflows/approve.yml" : ".forgejo/workflows/approve.yml";
  return {
    inputs: Object.keys(inputs).length === 0 ? null : inputs,
    ref: `refs/heads/${branch}`,
    repository: repository(kind, serverUrl, fullName),
    sender: user(kind, sender, 5),
    workflow,
  };
}

export function schedulePayload(kind: Kind, serverUrl: string, fullName = "fleet/machines"): Record<string, unknown> {
  return kind === "github"
    ? { schedule: "17 3 * * *", repository: repository(kind, serverUrl, fullName), workflow: ".github/workflows/schedule.yml" }
    : { action: "schedule" };
}
