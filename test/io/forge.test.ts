import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connectForge } from "../../src/io/forge.ts";
import { withMarker } from "../../src/io/marker.ts";
import type { CommitStatus, Forge, ForgeReport, Marker, Result, Written } from "../../src/io/ports.ts";
import { LoopbackForge, jobToken, readToken } from "../forge/loopback-forge.ts";
import type { DescriptionName } from "../forge/description.ts";

const head = "1".repeat(40);
const marker: Marker = { key: "a1b2c3", runId: 50, attempt: 1, sha: head };
const report = (body = "### All is well", change: Partial<Marker> = {}, create = true): ForgeReport => ({
  marker: { ...marker, ...change },
  body,
  create,
});
const status: CommitStatus = { context: "deploy-gate", state: "success", description: "2 clean", url: "http://127.0.0.1/run" };

const written = (result: Result<Written>): Written => {
  if (!result.ok) throw new Error(`${result.failure.code}: ${result.failure.message} ${result.failure.detail ?? ""}`);
  return result.value;
};
const failed = (result: Result<Written>): string => (result.ok ? `ok: ${result.value.action}` : result.failure.code);

describe.each<DescriptionName>(["github", "forgejo-15", "forgejo-16"])("%s", (name) => {
  let loopback: LoopbackForge;
  let waits: number[];
  const connect = (token = jobToken, timeoutSeconds = 20): Forge =>
    connectForge(
      loopback.kind,
      { owner: "fleet", name: "machines" },
      {
        apiUrl: loopback.apiUrl,
        token,
        clock: { now: () => new Date("2026-11-22T12:00:00Z") },
        log: { debug: () => undefined },
        wait: (seconds) => {
          waits.push(seconds);
          return Promise.resolve();
        },
        timeoutSeconds,
      },
    );
  const comments = () => loopback.comments.get(7) ?? [];
  const me = () => ({
    login: loopback.kind === "github" ? "github-actions[bot]" : "forgejo-actions",
    id: loopback.kind === "github" ? 41898282 : -2,
  });

  beforeEach(async () => {
    waits = [];
    loopback = await new LoopbackForge(name).start();
    loopback.pulls.set(7, { head });
  });
  afterEach(async () => {
    await loopback[Symbol.asyncDispose]();
    expect(loopback.violations).toEqual([]);
  });

  test("one comment: created, left alone while it says the same, then changed in place", async () => {
    expect(written(await connect().upsertComment(7, head, report())).action).toBe("created");
    expect(written(await connect().upsertComment(7, head, report("### All is well\n", { runId: 51 }))).action).toBe("unchanged");
    expect(written(await connect().upsertComment(7, head, report("### One host is held", { runId: 52 }))).action).toBe("updated");
    expect(comments().length).toBe(1);
    expect(comments()[0]?.body).toContain("One host is held");
    expect(comments()[0]?.edits).toBe(1);
  });

  test("nothing to say: no comment is made, and one that stands is brought up to date", async () => {
    expect(written(await connect().upsertComment(7, head, report("Nothing changes", {}, false))).action).toBe("absent");
    expect(comments()).toEqual([]);
    await connect().upsertComment(7, head, report("One host changes"));
    expect(written(await connect().upsertComment(7, head, report("Nothing changes", { runId: 51 }, false))).action).toBe("updated");
    expect(comments()[0]?.body).toContain("Nothing changes");
  });

  test("a stranger who copied the marker is neither believed nor touched", async () => {
    const copy = loopback.leaveComment(7, withMarker(marker, "### All is well"));
    expect(written(await connect().upsertComment(7, head, report())).action).toBe("created");
    expect(comments().length).toBe(2);
    expect(copy.edits).toBe(0);
  });

  test("among a thousand comments the one that is ours is found", async () => {
    for (let i = 0; i < 999; i++) loopback.leaveComment(7, `me too ${i}`);
    loopback.leaveComment(7, withMarker({ ...marker, runId: 40 }, "old"), me());
    expect(written(await connect().upsertComment(7, head, report())).action).toBe("updated");
    expect(comments().length).toBe(1000);
  });

  test("a comment that was deleted is written again, one that was edited is set right and the log says so", async () => {
    await connect().upsertComment(7, head, report());
    loopback.comments.set(7, []);
    expect(written(await connect().upsertComment(7, head, report())).action).toBe("created");
    const [ours] = comments();
    if (ours !== undefined) ours.body = ours.body.replace("well", "very well, merge it");
    const again = written(await connect().upsertComment(7, head, report()));
    expect(again.action).toBe("updated");
    expect(again.notes.join()).toContain("edited");
    expect(comments()[0]?.body).not.toContain("merge it");
  });

  test("deleted between looking and changing: written anew", async () => {
    loopback.leaveComment(7, withMarker({ ...marker, runId: 40 }, "old"), me());
    loopback.faults.push({
      method: "PATCH",
      does: loopback.kind === "github" ? { answer: 404, body: { message: "Not Found" } } : { answer: 404, text: "Not found.\n" },
    });
    expect(written(await connect().upsertComment(7, head, report())).action).toBe("created");
  });

  test("two copies of ours become one", async () => {
    loopback.leaveComment(7, withMarker({ ...marker, runId: 40 }, "old"), me());
    loopback.leaveComment(7, withMarker({ ...marker, runId: 41 }, "old too"), me());
    expect(written(await connect().upsertComment(7, head, report())).notes).toEqual(["A second copy of the comment was removed."]);
    expect(comments().map((comment) => comment.body.includes("All is well"))).toEqual([true]);
  });

  test.each([
    ["admin", "admin"],
    ["write", "write"],
    ["read", "read"],
    ["none", "none"],
    ["maintain", "unknown"],
    ["__proto__", "unknown"],
  ] as const)("somebody whom the forge calls %s has the permission %s", async (word, permission) => {
    loopback.tokenIsAdmin = true;
    loopback.permissions.set("bob", word);
    expect(await connect().permission("bob")).toEqual({ ok: true, value: permission });
    expect(await connect().permission("Bob")).toEqual({ ok: true, value: permission });
  });

  test("nobody knows what somebody may do who does not exist, or whose name would ask for something else", async () => {
    loopback.tokenIsAdmin = true;
    expect(await connect().permission("mallory")).toEqual({ ok: true, value: "unknown" });
    expect(await connect().permission("github-actions[bot]")).toEqual({ ok: true, value: "unknown" });
    const asked = loopback.requests.length;
    for (const name of ["", ".", "..", "../../other/repo", "a/b", "a b", "a?b", "alice\n", "álice", "x".repeat(101)])
      expect(await connect().permission(name)).toEqual({ ok: true, value: "unknown" });
    expect(loopback.requests.length).toBe(asked);
  });

  test("an answer about somebody else, and one that is none, are no answer", async () => {
    const path = /\/collaborators\//;
    loopback.faults.push({
      path,
      does: { answer: 200, body: { permission: "admin", role_name: "admin", user: { login: "root", id: 1 } } },
    });
    expect(await connect().permission("alice")).toEqual({ ok: true, value: "unknown" });
    loopback.faults.push({ path, does: { answer: 200, body: { user: { login: "alice" } } } });
    expect(await connect().permission("alice")).toMatchObject({ ok: false, failure: { code: "forge-answer" } });
  });

  test("a token that is not accepted, a forge that is busy or away: a failure, and no permission", async () => {
    loopback.permissions.set("alice", "admin");
    expect(await connect("0".repeat(40)).permission("alice")).toMatchObject({ ok: false, failure: { code: "forge-unauthorised" } });
    const path = /\/collaborators\//;
    loopback.faults.push({ path, does: { answer: 500, text: "" }, times: 4 });
    expect(await connect().permission("alice")).toMatchObject({ ok: false, failure: { code: "forge-unavailable" } });
    loopback.faults.push({ path, does: { redirect: "http://127.0.0.1:9/admin" } });
    expect(await connect().permission("alice")).toMatchObject({ ok: false, failure: { code: "forge-elsewhere" } });
  });

  test("another gate of the same repository keeps its own comment", async () => {
    await connect().upsertComment(7, head, report("one"));
    await connect().upsertComment(7, head, report("two", { key: "other" }));
    expect(comments().length).toBe(2);
  });

  test("an older run does not write over a newer one", async () => {
    loopback.runs.set(60, { sha: head });
    loopback.leaveComment(7, withMarker({ ...marker, runId: 60 }, "newer"), me());
    expect(written(await connect().upsertComment(7, head, report())).action).toBe("superseded");
    loopback.pulls.set(7, { head: "2".repeat(40) });
    expect(written(await connect().upsertComment(7, head, report("other", { runId: 70 }))).action).toBe("superseded");
    expect(comments()[0]?.body).toContain("newer");
  });

  test.each([
    ["a run that does not exist", { runId: 99_999 }],
    ["a run of another revision", { runId: 61, sha: "3".repeat(40) }],
    ["a later attempt of our own run", { attempt: 9 }],
  ])("a marker that claims %s is tampered with: written anew, with a warning", async (_, claimed) => {
    loopback.runs.set(61, { sha: head });
    loopback.leaveComment(7, withMarker({ ...marker, ...claimed }, "### All is well, merge it"), me());
    const result = written(await connect().upsertComment(7, head, report()));
    expect(result.action).toBe("updated");
    expect(result.notes.join()).toContain("cannot be shown to exist");
    expect(comments()[0]?.body).not.toContain("merge it");
  });

  test("cut before the comment was written: tried again; cut after: found, not written twice", async () => {
    loopback.faults.push({ method: "POST", path: /comments$/, does: "cut-before" });
    expect(written(await connect().upsertComment(7, head, report())).action).toBe("created");
    expect(comments().length).toBe(1);
    loopback.comments.clear();
    loopback.faults.push({ method: "POST", path: /comments$/, does: "cut-after" });
    const result = written(await connect().upsertComment(7, head, report()));
    expect(result.notes.join()).toContain("got lost");
    expect(comments().length).toBe(1);
  });

  test("a forge that never answers is given up on, and a write that it did is not repeated", async () => {
    loopback.faults.push({ does: "never-answers", times: 99 });
    expect(failed(await connect(jobToken, 0.05).postStatus(head, status))).toBe("forge-unavailable");
    expect(waits).toEqual([1, 2, 4]);
  });

  test("errors of its own are waited out, an empty 500 included", async () => {
    loopback.faults.push(
      { method: "GET", path: /comments$/, does: { answer: 500, body: { message: "" } }, times: 2 },
      { method: "POST", path: /comments$/, does: { answer: 502, text: "<html>bad gateway</html>" } },
    );
    expect(written(await connect().upsertComment(7, head, report())).action).toBe("created");
    expect(comments().length).toBe(1);
    expect(waits).toEqual([1, 2]);
  });

  test.each([
    ["429", { answer: 429, headers: { "retry-after": "7" }, body: { message: "slow down" } }, [7]],
    [
      "secondary limit",
      { answer: 403, headers: { "retry-after": "9" }, body: { message: "You have exceeded a secondary rate limit." } },
      [9],
    ],
    [
      "a secondary limit without a header",
      { answer: 403, body: { message: "You have exceeded a secondary rate limit. Please wait." } },
      [60],
    ],
    [
      "spent limit",
      {
        answer: 403,
        headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(Date.parse("2026-11-22T12:00:30Z") / 1000) },
        body: { message: "API rate limit exceeded" },
      },
      [30],
    ],
    ["a date", { answer: 429, headers: { "retry-after": "Sun, 22 Nov 2026 12:00:05 GMT" }, body: { message: "slow down" } }, [5]],
  ])("%s: waited for as long as asked, then done once", async (_, does, expected) => {
    loopback.faults.push({ method: "POST", path: /comments$/, does });
    expect(written(await connect().upsertComment(7, head, report())).action).toBe("created");
    expect(waits).toEqual(expected);
    expect(comments().length).toBe(1);
  });

  test("a limit of an hour is not waited for", async () => {
    loopback.faults.push({
      method: "POST",
      path: /statuses/,
      does: { answer: 429, headers: { "retry-after": "3600" }, body: { message: "" } },
    });
    const result = await connect().postStatus(head, status);
    expect(failed(result)).toBe("forge-busy");
    expect(result.ok ? "" : result.failure.message).toContain("3600 s");
    expect(waits).toEqual([]);
  });

  test("a token that is not known, may not write, or a forge that refuses: a value that names what to do", async () => {
    expect(failed(await connect("00".repeat(20)).upsertComment(7, head, report()))).toBe("forge-unauthorised");
    const refused = await connect(readToken).postStatus(head, status);
    expect(failed(refused)).toBe("forge-forbidden");
    expect(refused.ok ? "" : refused.failure.next).toContain("statuses: write");
    expect(failed(await connect().upsertComment(8, head, report()))).toBe("forge-not-found");
    for (const [answer, code] of [
      [409, "forge-refused"],
      [413, "forge-too-long"],
      [422, "forge-refused"],
    ] as const) {
      loopback.faults.push({ method: "POST", path: /comments$/, does: { answer, text: "no" } });
      expect(failed(await connect().upsertComment(7, head, report()))).toBe(code);
    }
    loopback.faults.push({
      method: "POST",
      path: /comments$/,
      does: { answer: 422, body: { message: "Validation Failed", errors: ["Body is too long (maximum is 65536 characters)"] } },
    });
    expect(failed(await connect().upsertComment(7, head, report()))).toBe("forge-too-long");
    expect(comments()).toEqual([]);
  });

  test("a text that is too long is not sent: counted in UTF-16 units", async () => {
    expect(failed(await connect().upsertComment(7, head, report("x".repeat(65_536))))).toBe("forge-too-long");
    expect(failed(await connect().upsertComment(7, head, report("\u{1F600}".repeat(32_760))))).toBe("forge-too-long");
    expect(loopback.writes).toEqual([]);
  });

  test("a redirect within the forge is followed, one to another host never with the token", async () => {
    const seen: (string | undefined)[] = [];
    const thief = createServer((request, response) => {
      seen.push(request.headers.authorization ?? "no token");
      response.writeHead(200, { "content-type": "application/json" }).end("[]");
    });
    await new Promise<void>((resolve) => thief.listen(0, "127.0.0.1", resolve));
    try {
      const elsewhere = `http://127.0.0.1:${(thief.address() as AddressInfo).port}/`;
      for (const method of ["GET", "POST"]) {
        loopback.faults.push({ method, path: /comments$/, does: { redirect: elsewhere, status: method === "GET" ? 301 : 307 } });
        const result = await connect().upsertComment(7, head, report());
        expect(failed(result)).toBe("forge-elsewhere");
      }
      expect(seen).toEqual([]);
      loopback.faults.push({
        method: "POST",
        path: /statuses/,
        does: { redirect: `${loopback.apiUrl}/repos/fleet/machines/statuses/${head}` },
      });
      expect(written(await connect().postStatus(head, status)).action).toBe("created");
      loopback.faults.push({
        method: "POST",
        path: /statuses/,
        does: { redirect: `${loopback.apiUrl}/repos/fleet/machines/statuses/${head}` },
        times: 99,
      });
      expect(failed(await connect().postStatus(head, status))).toBe("forge-elsewhere");
    } finally {
      thief.closeAllConnections();
      thief.close();
    }
  });

  test("an answer that is none is a failure, not an empty list", async () => {
    loopback.faults.push({ method: "GET", path: /comments$/, does: { answer: 200, text: "<html>please log in</html>" } });
    expect(failed(await connect().upsertComment(7, head, report()))).toBe("forge-answer");
    expect(comments()).toEqual([]);
  });

  test("who made and pushed commits, over many pages; whom the forge does not know is nobody, and neither is a program", async () => {
    const sha = (n: number): string => n.toString(16).padStart(40, "0");
    for (let n = 1; n <= 230; n++) loopback.records.commits.push({ sha: sha(n), author: "bob", committer: n === 200 ? undefined : "bob" });
    const ref = "refs/heads/main";
    loopback.records.pushes.push(
      { ref, before: sha(1), after: sha(200), by: "bob" },
      { ref: "refs/heads/wip", before: sha(1), after: sha(199), by: "mallory" },
      { ref, before: sha(200), after: sha(230), by: loopback.kind === "github" ? "github-actions[bot]" : undefined },
    );
    const said = await connect().authorship(sha(1), sha(230), "main");
    if (!said.ok) throw new Error(said.failure.message);
    expect(said.value.commits.map((commit) => commit.sha).toSorted()).toEqual(Array.from({ length: 229 }, (_, i) => sha(i + 2)));
    expect(said.value.commits.find((commit) => commit.sha === sha(200))).toEqual({ sha: sha(200), author: "bob", committer: undefined });
    expect(said.value.pushes).toEqual([
      { before: sha(200), after: sha(230), by: undefined },
      { before: sha(1), after: sha(200), by: "bob" },
    ]);
    for (const path of [/\/compare\/|\/commits$/, /\/activity$|\/feeds$/]) {
      loopback.faults.push({ path, does: { answer: 403, body: { message: "no" } } });
      expect(await connect().authorship(sha(1), sha(230), "main")).toMatchObject({ ok: false, failure: { code: "forge-forbidden" } });
    }
    loopback.faults.push({ path: /\/compare\/|\/commits$/, does: { answer: 200, body: [{ sha: "--output=/etc/passwd" }] } });
    expect(await connect().authorship(sha(1), sha(230), "main")).toMatchObject({ ok: false, failure: { code: "forge-answer" } });
  });

  test("statuses are read back, the latest of each context, over many pages; a commit may have none", async () => {
    expect(await connect().statuses(head)).toEqual({ ok: true, value: new Map() });
    for (let i = 0; i < 130; i++) loopback.statuses.push({ sha: head, ...status, context: `host/${i}`, target_url: "" });
    await connect().postStatus(head, { ...status, context: "host/7", state: "failure" });
    const read = await connect().statuses(head);
    expect(read.ok && [read.value.size, read.value.get("host/7"), read.value.get("host/8")]).toEqual([
      130,
      { state: "failure", description: "2 clean" },
      { state: "success", description: "2 clean" },
    ]);
    loopback.faults.push({ path: /\/status$/, does: { answer: 403, body: { message: "no" } } });
    expect(await connect().statuses(head)).toMatchObject({ ok: false, failure: { code: "forge-forbidden" } });
  });

  test("a status is cut to what the forge takes, at a character", async () => {
    await connect().postStatus(head, { ...status, description: `${"x".repeat(138)}\u{1F600}\u{1F600}` });
    expect(loopback.statuses[0]?.description).toBe(`${"x".repeat(138)}…`);
    expect(loopback.statuses[0]?.state).toBe("success");
    expect(failed(await connect(readToken).postStatus(head, status))).toBe("forge-forbidden");
  });
});

describe("what the forges do each in their own way", () => {
  const options = (loopback: LoopbackForge, token = jobToken) => ({
    apiUrl: loopback.apiUrl,
    token,
    clock: { now: () => new Date(0) },
    log: { debug: () => undefined },
    wait: () => Promise.resolve(),
  });
  const at = { owner: "fleet", name: "machines" };

  test("GitHub: the report of a push is one commit comment; changing it takes more than creating it", async () => {
    await using loopback = await new LoopbackForge("github").start();
    expect(written(await connectForge("github", at, options(loopback)).commitReport(head, report())).action).toBe("created");
    expect(written(await connectForge("github", at, options(loopback)).commitReport(head, report("changed"))).action).toBe("updated");
    loopback.faults.push({ method: "PATCH", does: { answer: 403, body: { message: "Resource not accessible by integration" } } });
    const refused = await connectForge("github", at, options(loopback)).commitReport(head, report("again"));
    expect(refused.ok ? "" : refused.failure.next).toContain("contents: write");
    expect(loopback.commitComments.get(head)?.length).toBe(1);
    expect(loopback.violations).toEqual([]);
  });

  test("GitHub: the token of an app or a person finds its own comment, not the job's", async () => {
    await using loopback = await new LoopbackForge("github").start();
    loopback.pulls.set(7, { head });
    loopback.users.set("app", { login: "gate[bot]", id: 5, write: true });
    await connectForge("github", at, options(loopback)).upsertComment(7, head, report());
    expect(written(await connectForge("github", at, options(loopback, "app")).upsertComment(7, head, report())).action).toBe("created");
    expect(written(await connectForge("github", at, options(loopback, "app")).upsertComment(7, head, report("x"))).action).toBe("updated");
    expect(loopback.comments.get(7)?.map((comment) => comment.edits)).toEqual([0, 1]);
  });

  test("Forgejo: the report of a push goes to the pull request that was merged", async () => {
    await using loopback = await new LoopbackForge("forgejo-16").start();
    loopback.mergedBy.set(head, 7);
    const forge = connectForge("forgejo", at, options(loopback));
    loopback.pulls.set(7, { head });
    await forge.upsertComment(7, head, report("what a merge would do"));
    expect(written(await forge.commitReport(head, report("what it did"))).action).toBe("created");
    expect(written(await forge.commitReport(head, report("what it did in the end"))).action).toBe("updated");
    expect(loopback.comments.get(7)?.map((comment) => comment.body.split("\r\n")[1])).toEqual([
      "what a merge would do",
      "what it did in the end",
    ]);
    expect(loopback.violations).toEqual([]);
  });

  test("Forgejo: without a pull request one issue is edited in place, found among many pages", async () => {
    await using loopback = await new LoopbackForge("forgejo-15").start();
    const forge = connectForge("forgejo", at, options(loopback));
    for (let i = 0; i < 120; i++)
      loopback.issues.push({ id: 1000 + i, title: "", state: "open", body: "broken", user: { login: "mallory", id: 666 }, edits: 0 });
    expect(written(await forge.commitReport(head, report())).action).toBe("created");
    expect(written(await forge.commitReport(head, report("changed", { runId: 51 }))).action).toBe("updated");
    expect(loopback.issues.filter((issue) => issue.body.includes("changed")).length).toBe(1);
    expect(loopback.issues.length).toBe(121);
    expect(loopback.violations).toEqual([]);
  });

  test("Forgejo: an edit that is answered with nothing, a token whose user it does not know, and something that is not Forgejo", async () => {
    await using loopback = await new LoopbackForge("forgejo-16").start();
    loopback.pulls.set(7, { head });
    loopback.editsAnswerNothing = true;
    loopback.userIsKnown = false;
    await connectForge("forgejo", at, options(loopback)).upsertComment(7, head, report());
    expect(written(await connectForge("forgejo", at, options(loopback)).upsertComment(7, head, report("x"))).action).toBe("updated");
    expect(await connectForge("forgejo", at, options(loopback)).about()).toEqual({
      version: "16.0.0+gitea-1.22.0",
      login: "forgejo-actions",
      id: -2,
      notes: [],
    });
    loopback.version = undefined;
    expect((await connectForge("forgejo", at, options(loopback)).about()).notes.join()).toContain("does not say that it is Forgejo");
    loopback.version = "11.0.4+gitea-1.22.0";
    expect((await connectForge("forgejo", at, options(loopback)).about()).notes.join()).toContain("made for 15");
  });

  test("Forgejo tells a job's own token nothing of anybody, and an administrator's that an owner is one", async () => {
    await using loopback = await new LoopbackForge("forgejo-16").start();
    loopback.permissions.set("alice", "owner");
    const forge = connectForge("forgejo", at, options(loopback));
    expect(await forge.permission("alice")).toEqual({ ok: true, value: "unknown" });
    loopback.tokenIsAdmin = true;
    expect(await forge.permission("alice")).toEqual({ ok: true, value: "admin" });
  });

  test("Forgejo: a fork's read-only token may comment and may not set a status", async () => {
    await using loopback = await new LoopbackForge("forgejo-16").start();
    loopback.pulls.set(7, { head });
    const forge = connectForge("forgejo", at, options(loopback, readToken));
    expect(written(await forge.upsertComment(7, head, report())).action).toBe("created");
    expect(failed(await forge.postStatus(head, status))).toBe("forge-forbidden");
  });
});
