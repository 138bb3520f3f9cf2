import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openSources } from "../../src/discover/open-sources.ts";
import { gitPort } from "../../src/io/git.ts";

/** Opens a pull request whose checkout comes from a server on loopback, and gives the headers that the server was sent. */
async function askedWith(serverUrl: (origin: string) => string): Promise<IncomingHttpHeaders[]> {
  const root = mkdtempSync(join(tmpdir(), "gate-token-"));
  const seen: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers);
    response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const checkout = join(root, "checkout");
    mkdirSync(checkout);
    mkdirSync(join(root, "scratch"));
    const git = (...words: string[]): string =>
      execFileSync("git", ["-C", checkout, "-c", "user.name=a", "-c", "user.email=a@example.org", ...words], { encoding: "utf8" });
    git("init", "--quiet");
    writeFileSync(join(checkout, "flake.nix"), "{ outputs = _: { }; }\n");
    git("add", "--all");
    git("commit", "--quiet", "--message=one");
    git("remote", "add", "origin", `${origin}/ops/fleet.git`);
    const headSha = git("rev-parse", "HEAD").trim();
    const sources = openSources(
      {
        flake: ".",
        directory: checkout,
        scratch: join(root, "scratch"),
        event: { kind: "pull-request", number: 7, headSha, baseRef: "main", deployBranch: "main" },
        forgeToken: { serverUrl: serverUrl(origin), token: "the-token-of-the-job" },
      },
      gitPort({ environment: { PATH: process.env["PATH"] }, scratch: join(root, "scratch") }),
    );
    await expect(sources).rejects.toMatchObject({ failure: { code: "git-fetch-failed" } });
    return seen;
  } finally {
    server.close();
    rmSync(root, { recursive: true, force: true });
  }
}

test("the job's token goes to the forge that it belongs to", async () => {
  const seen = await askedWith((origin) => `${origin}/`);
  const basic = Buffer.from("x-access-token:the-token-of-the-job").toString("base64");
  expect(seen.map((headers) => headers.authorization?.toLowerCase())).toContain(`basic ${basic}`.toLowerCase());
});

test("and to no other server, however the checkout's origin is set", async () => {
  const seen = await askedWith(() => "https://forge.example.org");
  expect(seen.length).toBeGreaterThan(0);
  expect(JSON.stringify(seen)).not.toMatch(/authorization/i);
});
