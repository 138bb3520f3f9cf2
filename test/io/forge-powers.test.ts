import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { forgeChecks } from "../../src/doctor/forge-checks.ts";
import { systemClock } from "../../src/io/clock.ts";
import { ForgeClient } from "../../src/io/forge-client.ts";
import { askForgeKind } from "../../src/io/forge-kind.ts";
import { askForgePowers } from "../../src/io/forge-powers.ts";
import type { ForgePowers } from "../../src/io/ports.ts";
import type { DescriptionName } from "../forge/description.ts";
import { jobToken, LoopbackForge, readToken } from "../forge/loopback-forge.ts";

/** What a token can do is asked without doing it, on forges that judge every request by their own description. */
const at = { owner: "fleet", repo: "machines" };

describe.each<DescriptionName>(["github", "forgejo-15", "forgejo-16"])("on %s", (name) => {
  let forge: LoopbackForge;
  const kind = name === "github" ? "github" : "forgejo";
  const powers = (token: string, repository = at): Promise<ForgePowers> =>
    askForgePowers(
      new ForgeClient({
        apiUrl: forge.apiUrl,
        token,
        clock: systemClock,
        log: { debug: () => {} },
        wait: () => Promise.resolve(),
        timeoutSeconds: 5,
      }),
      kind,
      repository,
    );
  const rows = (given: ForgePowers): string[] =>
    forgeChecks({ kind, shown: "code.example.org/fleet/machines", from: "--token-file", powers: given }).map(
      ({ code, state }) => `${code}: ${state}`,
    );

  beforeEach(async () => {
    forge = await new LoopbackForge(name).start();
    forge.pulls.set(7, { head: "1".repeat(40) });
  });
  afterEach(async () => {
    await forge[Symbol.asyncDispose]();
    expect(forge.violations).toEqual([]);
    // Whatever was asked, nothing came of it.
    expect([forge.statuses, [...forge.comments.values()].flat(), forge.issues]).toEqual([[], [], []]);
  });

  test("a token that may everything", async () => {
    const given = await powers(jobToken);
    expect(given).toMatchObject({ repository: { kind: "read", visibility: "private" }, status: { kind: "may" }, comment: { kind: "may" } });
    expect(rows(given)).toEqual([...(kind === "forgejo" ? ["version: ok"] : []), "repository: ok", "status: ok", "comment: ok"]);
  });

  test("a token that may read", async () => {
    const given = await powers(readToken);
    expect(given).toMatchObject({ repository: { kind: "read" }, status: { kind: "may-not" } });
    // On Forgejo whoever reads may comment.
    expect(given.comment.kind).toBe(kind === "github" ? "may-not" : "may");
    expect(rows(given)).toContain("status: fail");
    if (kind === "github") expect(rows(given)).toContain("deployments: warn");
  });

  test("a token with other scopes", async () => {
    const token = "ab".repeat(20);
    forge.users.set(token, { login: "ada", id: 5, write: false, scopes: kind === "github" ? "read:org, workflow" : "read:repository" });
    const given = await powers(token);
    expect(given.status.kind).toBe("may-not");
    expect(given.comment.kind).toBe("may-not");
    if (kind === "github") expect(rows(given)).toContain("scopes: warn");
  });

  test("a token that is none, and a repository that it does not see", async () => {
    expect(await powers("00".repeat(20))).toMatchObject({
      repository: { kind: "refused", failure: { code: "forge-unauthorised" } },
      status: { kind: "unknown" },
    });
    const hidden = await powers(jobToken, { owner: "fleet", repo: "secrets" });
    expect(hidden).toMatchObject({ repository: { kind: "refused", failure: { code: "forge-not-found" } } });
    expect(rows(hidden)).toEqual(["repository: fail"]);
  });

  test("no pull request to try a comment on is no verdict on the token", async () => {
    forge.pulls.clear();
    const given = await powers(jobToken);
    expect(given.comment).toEqual({ kind: "unknown", why: "there is no pull request yet that it could be tried on" });
    expect(rows(given)).toContain("comment: unknown");
  });

  test("a forge that breaks down over anything else proves nothing", async () => {
    forge.faults.push({ method: "POST", path: /comments$/, does: { answer: 502, text: "bad gateway" }, times: 9 });
    forge.faults.push({ method: "POST", path: /statuses/, does: "cut-before", times: 9 });
    const given = await powers(jobToken);
    expect([given.status.kind, given.comment.kind]).toEqual(["unknown", "unknown"]);
  });
});

describe("the kind of a forge", () => {
  const answering = async (answers: Readonly<Record<string, unknown>>, use: (origin: string) => Promise<void>): Promise<void> => {
    const server = createServer((request, response) => {
      const found = answers[request.url ?? ""];
      expect(request.headers.authorization).toBeUndefined();
      if (found === "redirect") response.writeHead(302, { location: "http://127.0.0.1:9/elsewhere" }).end();
      else response.writeHead(found === undefined ? 404 : 200, { "content-type": "application/json" }).end(JSON.stringify(found ?? {}));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  };

  test.each<readonly [string, Readonly<Record<string, unknown>>, "github" | "forgejo" | undefined]>([
    ["Forgejo", { "/api/forgejo/v1/version": { version: "15.0.3" }, "/api/v1/version": { version: "15.0.3+gitea-1.22.0" } }, "forgejo"],
    ["Gitea", { "/api/v1/version": { version: "1.26.0" } }, "forgejo"],
    ["GitHub Enterprise Server", { "/api/v3/meta": { installed_version: "3.20.0" } }, "github"],
    ["GitLab", { "/api/v4/version": { version: "18.0" } }, undefined],
    ["something that sends elsewhere", { "/api/v1/version": "redirect" }, undefined],
    ["a text where JSON is due", { "/api/v1/version": "15.0" }, undefined],
  ])("%s", async (_name, answers, kind) => {
    await answering(answers, async (origin) => expect(await askForgeKind(origin)).toBe(kind));
  });

  test("nobody is there", async () => {
    expect(await askForgeKind("http://127.0.0.1:9")).toBeUndefined();
  });
});
