import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { gitPort } from "../../src/io/git.ts";
import { openSources } from "../../src/discover/open-sources.ts";
import { commit, git, world } from "../discover/checkout.ts";

const token = "tok-s3cret-0123456789";
const basic = `basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`;
const servers: Server[] = [];
let here: ReturnType<typeof world>;
beforeEach(() => {
  here = world();
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  here.remove();
});

/** A loopback server; gives its port. */
async function serve(handle: Parameters<typeof createServer>[1]): Promise<number> {
  const server = createServer(handle);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** Git's own server side behind HTTP, for whoever brings the token. */
async function forge(root: string, heard: IncomingMessage["headers"][]): Promise<number> {
  return await serve((request, response) => {
    heard.push(request.headers);
    if (request.headers.authorization?.toLowerCase() !== basic.toLowerCase()) {
      response.writeHead(401, { "www-authenticate": "Basic realm=forge" }).end();
      return;
    }
    const [path = "", query = ""] = (request.url ?? "").split("?");
    const backend = spawn("git", ["http-backend"], {
      env: {
        PATH: process.env["PATH"],
        GIT_PROJECT_ROOT: root,
        GIT_HTTP_EXPORT_ALL: "1",
        PATH_INFO: decodeURIComponent(path),
        QUERY_STRING: query,
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: request.headers["content-type"] ?? "",
        ...(request.headers["content-encoding"] === undefined ? {} : { HTTP_CONTENT_ENCODING: request.headers["content-encoding"] }),
        GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
      },
    });
    request.pipe(backend.stdin);
    const chunks: Buffer[] = [];
    backend.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    backend.on("close", () => {
      const all = Buffer.concat(chunks);
      const end = all.indexOf("\r\n\r\n");
      for (const line of all.subarray(0, end).toString().split("\r\n")) {
        const [name = "", value = ""] = line.split(": ");
        if (name === "Status") response.statusCode = Number.parseInt(value, 10);
        else response.setHeader(name, value);
      }
      response.end(all.subarray(end + 4));
    });
  });
}

describe("a token", () => {
  test("opens the forge, and stands in no argument list, url or file, nor in a process' name", async () => {
    const heard: IncomingMessage["headers"][] = [];
    const port = await forge(here.root, heard);
    const clone = join(here.root, "clone");
    git(here.root, "clone", "--quiet", here.checkout, clone);
    git(clone, "remote", "set-url", "origin", "https://forge.invalid/x");
    const headSha = commit(clone, { "head.nix": "h" });
    const tip = commit(here.checkout, { "base.nix": "b" });
    const seen: string[] = [];
    // Beside git, in PATH: writes down how it was called and calls the real one.
    const spy = join(here.root, "spy");
    mkdirSync(spy);
    writeFileSync(
      join(spy, "git"),
      `#!/bin/sh\nfor word in "$@"; do printf '%s\\n' "$word"; done >>'${here.root}/argv'\nPATH=\${PATH#*:} exec git "$@"\n`,
      { mode: 0o755 },
    );
    const spied = gitPort({ environment: { ...process.env, PATH: `${spy}:${process.env["PATH"]}` }, scratch: here.scratch });
    const url = `http://127.0.0.1:${port}/check%20out`;
    const event = { kind: "pull-request", headSha, baseRef: "main", deployBranch: "main", remote: { url, token } } as const;
    const { base } = await openSources({ flake: ".", directory: clone, scratch: here.scratch, event }, spied);
    expect(base?.rev).toBe(tip);
    expect(heard.some((headers) => headers.authorization !== undefined)).toBe(true);
    seen.push(readFileSync(join(here.root, "argv"), "utf8"));
    for (const entry of readdirSync(here.root, { recursive: true, withFileTypes: true }))
      if (entry.isFile()) seen.push(readFileSync(join(entry.parentPath, entry.name), "latin1"));
    for (const text of seen) {
      expect(text).not.toContain(token);
      expect(text).not.toContain(basic.slice(6));
    }
    expect(seen[0]).toContain("fetch");
  });

  test("does not go where the forge sends us, nor to another host", async () => {
    const elsewhere: IncomingMessage["headers"][] = [];
    const other = await serve((request, response) => {
      elsewhere.push(request.headers);
      response.end();
    });
    const port = await serve((request, response) => {
      response.writeHead(302, { location: `http://localhost:${other}${request.url}` }).end();
    });
    const repository = join(here.root, "repo");
    mkdirSync(repository);
    git(repository, "init", "--quiet");
    const run = (url: string): Promise<{ exitCode: number | undefined }> =>
      here.port.run({
        directory: repository,
        arguments: ["fetch", "--quiet", "--", url, "refs/heads/main"],
        remote: { url: `http://127.0.0.1:${port}/x`, token },
        timeoutSeconds: 20,
      });
    expect((await run(`http://127.0.0.1:${port}/x`)).exitCode).not.toBe(0);
    expect(elsewhere).toEqual([]);
    await run(`http://127.0.0.1:${other}/x`);
    expect(elsewhere.length).toBeGreaterThan(0);
    expect(elsewhere.map((headers) => headers.authorization)).toEqual(elsewhere.map(() => undefined));
  });

  test("in the url of the checkout's origin is taken out of it", async () => {
    const port = await forge(here.root, []);
    const clone = join(here.root, "clone");
    git(here.root, "clone", "--quiet", here.checkout, clone);
    git(clone, "remote", "set-url", "origin", `http://x-access-token:${token}@127.0.0.1:${port}/check%20out`);
    const headSha = commit(clone, { "head.nix": "h" });
    const event = { kind: "pull-request", headSha, baseRef: "nope", deployBranch: "main" } as const;
    const failed = await openSources({ flake: ".", directory: clone, scratch: here.scratch, event }, here.port).catch((error: unknown) =>
      JSON.stringify(error),
    );
    expect(failed).toContain("git-fetch-failed");
    expect(failed).toContain("remote ref");
    expect(failed).not.toContain(token);
  });

  test("that is wrong gives a clear failure, and nobody is asked for a password", async () => {
    const port = await forge(here.root, []);
    const headSha = commit(here.checkout, { "head.nix": "h" });
    const event = {
      kind: "pull-request",
      headSha,
      baseRef: "main",
      deployBranch: "main",
      remote: { url: `http://127.0.0.1:${port}/check%20out`, token: "wrong" },
    } as const;
    await expect(openSources({ flake: ".", directory: here.checkout, scratch: here.scratch, event }, here.port)).rejects.toMatchObject({
      failure: { code: "git-fetch-failed" },
    });
  });
});

test("only the protocol that is named is spoken", async () => {
  const trap = join(here.root, "trapped");
  for (const url of [`ext::sh -c touch% '${trap}'`, "ssh://127.0.0.1:1/x", "git://127.0.0.1:1/x", here.checkout]) {
    const remote = { url: "https://example.org/x" };
    const result = await here.port.run({ directory: here.checkout, arguments: ["ls-remote", "--", url], remote, timeoutSeconds: 20 });
    expect([url, result.exitCode === 0, /not allowed/.test(result.stderr)]).toEqual([url, false, true]);
  }
  expect((await here.port.run({ directory: here.checkout, arguments: ["ls-remote", "--", here.checkout] })).exitCode).not.toBe(0);
  expect(() => readFileSync(trap)).toThrow();
});

test("a home of our own: neither the user's nor the system's configuration is read", async () => {
  const home = realpathSync(mkdtempSync(join(tmpdir(), "gate-home-")));
  try {
    writeFileSync(join(home, ".gitconfig"), "[gate]\n\tseen = yes\n");
    const port = gitPort({
      environment: {
        ...process.env,
        HOME: home,
        XDG_CONFIG_HOME: home,
        GIT_CONFIG_GLOBAL: join(home, ".gitconfig"),
        GIT_DIR: "/x",
        GIT_SSH_COMMAND: "x",
      },
      scratch: here.scratch,
    });
    expect((await port.run({ directory: here.checkout, arguments: ["config", "--get", "gate.seen"] })).exitCode).toBe(1);
    expect((await port.run({ directory: here.checkout, arguments: ["rev-parse", "HEAD"] })).stdout.trim()).toBe(here.first);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});

test("a FIFO where the checkout's index or a lock file should be is not waited on", async () => {
  const index = join(here.checkout, ".git/index");
  rmSync(index);
  execFileSync("mkfifo", [index]);
  const opened = openSources(
    { flake: here.checkout, directory: here.root, scratch: here.scratch, event: { kind: "shell", base: undefined } },
    here.port,
  );
  await expect(opened).rejects.toMatchObject({ failure: { code: "git-failed", detail: `${index} is not a file` } });
  expect(await here.port.readFile(index, 100)).toEqual({ kind: "other" });
});
