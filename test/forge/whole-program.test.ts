import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DescriptionName } from "./description.ts";
import { jobToken, LoopbackForge } from "./loopback-forge.ts";
import { runAction } from "./run-action.ts";

/** The bundle on the example fleet with real Nix and real git, started as a runner starts it: a shallow checkout whose origin has the rest. */
const root = resolve(import.meta.dirname, "../..");
const identity = Object.fromEntries(
  ["AUTHOR", "COMMITTER"].flatMap((who) => [
    [`GIT_${who}_NAME`, "Alice"],
    [`GIT_${who}_EMAIL`, "alice@example.org"],
  ]),
);

function git(directory: string, ...words: readonly string[]): string {
  const done = spawnSync("git", ["-C", directory, ...words], {
    encoding: "utf8",
    env: { ...process.env, ...identity, GIT_CONFIG_GLOBAL: "/dev/null" },
  });
  if (done.status !== 0) throw new Error(`git ${words.join(" ")}: ${done.stderr}`);
  return done.stdout.trim();
}

/** A proxy on loopback that opens tunnels, and remembers where to. `reaches` gives an API's address under a name that only the proxy knows. */
async function connectProxy(): Promise<{ url: string; targets: string[]; reaches(api: string): Record<string, string> } & AsyncDisposable> {
  const targets: string[] = [];
  const server = createServer();
  server.on("connect", (request, client: Socket, head: Buffer) => {
    targets.push(request.url ?? "");
    const target = new URL(`http://${request.url ?? ""}`);
    // Whatever the name, it is this machine: what is on loopback by name is never asked through a proxy.
    const upstream = connect(Number(target.port), "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    for (const end of [client, upstream]) end.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    targets,
    reaches: (api) => {
      const named = api.replace("127.0.0.1", "forge.example");
      return { GITHUB_API_URL: named, FORGEJO_API_URL: named };
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe("dist/main.js on the example fleet", { timeout: 300_000 }, () => {
  let scratch: string;
  let base: string;
  let head: string;
  const checkout = (name: string, sha: string): string => {
    const directory = join(scratch, name);
    git(scratch, "init", "--quiet", directory);
    git(directory, "remote", "add", "origin", `file://${join(scratch, "origin")}`);
    git(directory, "fetch", "--quiet", "--depth=1", "origin", sha);
    git(directory, "checkout", "--quiet", "--detach", sha);
    return directory;
  };

  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), "gate-whole-"));
    const origin = join(scratch, "origin");
    cpSync(join(root, "examples/fleet"), origin, { recursive: true });
    git(origin, "init", "--quiet", "--initial-branch=main");
    git(origin, "config", "uploadpack.allowAnySHA1InWant", "true");
    git(origin, "add", "--all");
    git(origin, "commit", "--quiet", "--message=The fleet as it runs");
    base = git(origin, "rev-parse", "HEAD");
    git(origin, "switch", "--quiet", "--create", "update");
    git(origin, "apply", join(root, "examples/update.patch"));
    git(origin, "commit", "--quiet", "--all", "--message=Update");
    head = git(origin, "rev-parse", "HEAD");
    // As a forge keeps it, for every pull request.
    git(origin, "update-ref", "refs/pull/7/head", head);
  });
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  test.each<DescriptionName>(["github", "forgejo-16"])("%s: a pull request twice, then the push", async (name) => {
    await using forge = await new LoopbackForge(name).start();
    forge.pulls.set(7, { head });
    git(join(scratch, "origin"), "update-ref", "refs/heads/main", base);
    // The second run reaches the forge through a proxy, as many a company's runner has to.
    await using proxy = await connectProxy();
    // One host of the update does not build, on purpose.
    for (const runId of [50, 51]) {
      const result = await runAction({
        forge,
        event: { name: "pull_request", number: 7, head, base, merge: head },
        cwd: checkout(`${name}-${runId}`, head),
        runId,
        ...(runId === 51 ? { env: { http_proxy: proxy.url, ...proxy.reaches(forge.apiUrl) } } : {}),
      });
      expect(result.exitCode, result.log).toBe(1);
      expect(result.outputs["decision"]).toBe("failed");
      expect(result.log.replaceAll(/^::add-mask::.*$/gm, "")).not.toContain(jobToken);
    }
    expect(proxy.targets.length).toBeGreaterThan(0);
    expect(forge.comments.get(7)?.length).toBe(1);
    for (const host of ["web1", "db1", "nas1"]) expect(forge.comments.get(7)?.[0]?.body).toContain(host);
    expect(forge.statuses.map(({ sha, state, context }) => [sha, state, context])).toEqual([
      [head, "failure", "deploy-gate"],
      [head, "failure", "deploy-gate"],
    ]);

    git(join(scratch, "origin"), "update-ref", "refs/heads/main", head);
    const push = { forge, event: { name: "push", before: base, after: head } as const };
    const pushed = await runAction({ ...push, cwd: checkout(`${name}-push`, head), runId: 52, inputs: { command: "plan" } });
    expect(pushed.exitCode, pushed.log).toBe(1);
    expect(forge.statuses.at(-1)).toMatchObject({ sha: head, state: "failure" });
    expect(name === "github" ? forge.commitComments.get(head)?.length : forge.issues.length).toBe(1);

    // The fleet's policy hands hosts to the gate, and this job has nothing to reach them with.
    const keyless = await runAction({ ...push, cwd: checkout(`${name}-deploy`, head), runId: 53 });
    expect([keyless.exitCode, keyless.outputs["reason-code"]], keyless.log).toEqual([2, "ssh-key-missing"]);
    expect(forge.statuses.at(-1)).toMatchObject({ sha: head, state: "failure" });
    expect(forge.violations).toEqual([]);
  });
});
