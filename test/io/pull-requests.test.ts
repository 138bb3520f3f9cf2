import { describe, expect, test } from "vitest";
import { ForgeClient } from "../../src/io/forge-client.ts";
import { openPullRequest, type PullRequestDone } from "../../src/io/pull-requests.ts";
import { jobToken, LoopbackForge, readToken } from "../forge/loopback-forge.ts";

const wanted = { repository: "fleet/machines", branch: "deploy-gate/intent-1", into: "main", title: "Add Synapse", body: "Why\n\nnot\n" };
const opened = async (forge: LoopbackForge, more: Partial<typeof wanted> = {}, token = jobToken): Promise<PullRequestDone> =>
  await openPullRequest(
    new ForgeClient({
      apiUrl: forge.apiUrl,
      token,
      clock: { now: () => new Date() },
      log: { debug: () => {} },
      wait: async () => await Promise.resolve(),
    }),
    forge.kind,
    { ...wanted, ...more },
  );

describe.each(["github", "forgejo-15", "forgejo-16"] as const)("on %s", (kind) => {
  test("there is one for a branch: opened, left alone, brought up to date", async () => {
    await using forge = await new LoopbackForge(kind).start();
    expect(await opened(forge)).toMatchObject({ ok: true, kind: "opened" });
    expect(await opened(forge)).toMatchObject({ ok: true, kind: "unchanged" });
    expect(await opened(forge, { body: "Another reason" })).toMatchObject({ ok: true, kind: "updated" });
    expect(forge.opened).toMatchObject([
      { head: "deploy-gate/intent-1", base: "main", title: "Add Synapse", body: "Another reason", edits: 1 },
    ]);
    expect(await opened(forge, { branch: "deploy-gate/intent-2" })).toMatchObject({ ok: true, kind: "opened" });
    expect(forge.violations).toEqual([]);
  });
  test("one whose answer was lost is found again and not opened twice", async () => {
    await using forge = await new LoopbackForge(kind).start();
    forge.faults.push({ method: "POST", path: /pulls$/, does: "cut-after" });
    expect(await opened(forge)).toMatchObject({ ok: true, kind: "opened" });
    expect(forge.opened).toHaveLength(1);
  });
  test.each([
    ["a fork that is gone", null],
    ["a fork", { full_name: "stranger/machines" }],
  ])("one of a stranger with a branch of the same name, from %s, is not given our words", async (_, repo) => {
    await using forge = await new LoopbackForge(kind).start();
    const theirs = { number: 66, html_url: "https://forge.example.org/66", title: "x", body: "y", head: { ref: wanted.branch, repo } };
    forge.faults.push({ method: "GET", path: /pulls$/, does: { answer: 200, body: [theirs] } });
    const ended = await opened(forge);
    expect(ended).toMatchObject({ ok: true, kind: "opened" });
    expect(forge.requests.filter(({ method }) => method === "PATCH")).toEqual([]);
  });
  test("a token that may not is told by its code", async () => {
    await using forge = await new LoopbackForge(kind).start();
    expect(await opened(forge, {}, readToken)).toMatchObject({ ok: false, failure: { code: "forge-forbidden" } });
  });
});
