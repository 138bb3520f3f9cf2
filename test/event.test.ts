import { describe, expect, test } from "vitest";
import { fullRef, readEvent } from "../src/event.ts";
import { GateError } from "../src/failure.ts";
import { dispatchPayload, pullRequestPayload, pushPayload, schedulePayload } from "./forge/payloads.ts";

const head = "1".repeat(40);
const base = "2".repeat(40);
const server = "https://git.example.org";

type Kind = "github" | "forgejo";
/** On Forgejo the runner speaks to an address inside; people read the one in the payload. */
const environment = (kind: Kind, name: string, more: Record<string, string> = {}): Record<string, string> => ({
  GITHUB_EVENT_NAME: name,
  GITHUB_REPOSITORY: "fleet/machines",
  GITHUB_SERVER_URL: kind === "github" ? server : "http://forgejo:3000",
  GITHUB_API_URL: kind === "github" ? `${server}/api/v3` : "http://forgejo:3000/api/v1",
  GITHUB_RUN_ID: "5012",
  GITHUB_RUN_NUMBER: "12",
  GITHUB_SHA: head,
  GITHUB_REF: "refs/heads/main",
  GITHUB_ACTOR: "alice",
  ...(kind === "forgejo" ? { FORGEJO_ACTIONS: "true" } : {}),
  ...more,
});
const refusal = (variables: Record<string, string>, payload: unknown): string => {
  try {
    return readEvent(variables, payload).event.kind;
  } catch (error) {
    return error instanceof GateError ? `${error.failure.code}: ${error.failure.message}` : String(error);
  }
};

describe.each<Kind>(["github", "forgejo"])("%s", (kind) => {
  test("a pull request", () => {
    const { run, event } = readEvent(environment(kind, "pull_request"), pullRequestPayload(kind, server, { number: 7, head, base }));
    expect(event).toEqual({
      kind: "pull-request",
      number: 7,
      headSha: head,
      baseRef: "main",
      baseSha: base,
      headRef: "update",
      headRepository: "fleet/machines",
      fromFork: false,
      author: "alice",
      draft: false,
      url: `${server}/fleet/machines/${kind === "github" ? "pull" : "pulls"}/7`,
    });
    expect(run).toMatchObject({
      forge: kind,
      owner: "fleet",
      repository: "machines",
      visibility: "private",
      defaultBranch: "main",
      attempt: 1,
      url: `${server}/fleet/machines/actions/runs/${kind === "github" ? 5012 : 12}`,
    });
  });

  test("a fork's pull request, and everything that cannot be shown to be none", () => {
    const fork = (change: (pull: { head: Record<string, unknown> }) => void): unknown => {
      const payload = pullRequestPayload(kind, server, { number: 7, head, base });
      const pull = payload["pull_request"] as { head: Record<string, unknown> };
      pull.head = { ...pull.head };
      change(pull);
      const { event } = readEvent(environment(kind, "pull_request"), payload);
      return event.kind === "pull-request" && event.fromFork;
    };
    expect(fork(() => undefined)).toBe(false);
    expect(fork((pull) => (pull.head["repo"] = null))).toBe(true);
    expect(fork((pull) => (pull.head["ref"] = "refs/pull/7/head"))).toBe(true);
    expect(fork((pull) => (pull.head["repo"] = { id: 2, full_name: "mallory/machines" }))).toBe(true);
    expect(fork((pull) => (pull.head["repo"] = { id: 2, full_name: "fleet/machines" }))).toBe(true);
  });

  test("a push, to a new branch too; a deletion and a tag are refused", () => {
    const payload = pushPayload(kind, server, { before: base, after: head });
    expect(readEvent(environment(kind, "push"), payload).event).toEqual({
      kind: "push",
      branch: "main",
      before: base,
      after: head,
      pusher: "alice",
    });
    expect(readEvent(environment(kind, "push"), { ...payload, before: "0".repeat(40) }).event).toMatchObject({ before: undefined });
    expect(refusal(environment(kind, "push"), { ...payload, after: "0".repeat(40) })).toContain(
      "event-unsupported: The gate does not run on push that deletes main",
    );
    expect(refusal(environment(kind, "push"), { ...payload, ref: "refs/tags/v1" })).toContain("only branches are deployed");
  });

  test("a dispatch: every input a string, none at all too", () => {
    expect(readEvent(environment(kind, "workflow_dispatch"), dispatchPayload(kind, server, { approve: "a", hosts: "web1" })).event).toEqual(
      { kind: "dispatch", branch: "main", inputs: { approve: "a", hosts: "web1" }, actor: "alice" },
    );
    expect(readEvent(environment(kind, "workflow_dispatch"), dispatchPayload(kind, server, {})).event).toMatchObject({ inputs: {} });
    expect(
      readEvent(environment(kind, "workflow_dispatch"), { ...dispatchPayload(kind, server, {}), inputs: { "dry-run": true } }).event,
    ).toMatchObject({ inputs: { "dry-run": "true" } });
  });

  test("a schedule, where Forgejo sends no repository and a bare ref", () => {
    const { run, event } = readEvent(
      environment(kind, "schedule", kind === "forgejo" ? { GITHUB_REF: "main" } : {}),
      schedulePayload(kind, server),
    );
    expect(event).toEqual({ kind: "schedule", branch: "main" });
    expect(run.ref).toBe("refs/heads/main");
    expect(run.visibility).toBe(kind === "github" ? "private" : "unknown");
    expect(run.url).toBe(
      kind === "github" ? `${server}/fleet/machines/actions/runs/5012` : "http://forgejo:3000/fleet/machines/actions/runs/12",
    );
  });

  test.each(["pull_request_target", "issue_comment", "workflow_run"])("%s is refused: a stranger's code would meet the secrets", (name) => {
    expect(refusal(environment(kind, name), pullRequestPayload(kind, server, { number: 7, head, base }))).toMatch(
      /^event-unsafe: .*stranger/,
    );
  });

  test("what is not as documented is refused, each with its place", () => {
    const payload = pullRequestPayload(kind, server, { number: 7, head, base });
    expect(refusal(environment(kind, "release"), payload)).toContain("event-unsupported");
    for (const broken of [
      null,
      [],
      "x",
      {},
      { ...payload, pull_request: null },
      { ...payload, pull_request: { number: 7 } },
      { ...payload, repository: { full_name: 7 } },
    ])
      expect(refusal(environment(kind, "pull_request"), broken)).toMatch(/^event-unreadable: .*payload of pull_request/);
    for (const [name, value] of [
      ["GITHUB_REPOSITORY", "fleet"],
      ["GITHUB_REPOSITORY", "../.."],
      ["GITHUB_REPOSITORY", "a/b/c"],
      ["GITHUB_SHA", "main"],
      ["GITHUB_RUN_ID", "-1"],
      ["GITHUB_RUN_ATTEMPT", "x"],
      ["GITHUB_API_URL", "file:///etc/passwd"],
      ["GITHUB_SERVER_URL", ""],
    ] as const)
      expect(refusal(environment(kind, "pull_request", { [name]: value }), payload)).toContain(
        `event-unreadable: The runner's description of the event cannot be read: ${name}`,
      );
  });

  test("an html_url that is no web address is refused: it becomes a link", () => {
    const payload = pullRequestPayload(kind, server, { number: 7, head, base });
    expect(
      refusal(environment(kind, "pull_request"), {
        ...payload,
        repository: { full_name: "fleet/machines", html_url: "javascript:alert(1)" },
      }),
    ).toContain("event-unreadable");
  });
});

test("a bare ref is a branch", () => {
  expect([fullRef("main"), fullRef("refs/heads/main"), fullRef("refs/tags/v1")]).toEqual([
    "refs/heads/main",
    "refs/heads/main",
    "refs/tags/v1",
  ]);
});
