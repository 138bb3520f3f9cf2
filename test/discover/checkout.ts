import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createHash } from "node:crypto";
import { gitPort } from "../../src/io/git.ts";
import type { Git } from "../../src/io/ports.ts";

const identity = [
  "-c",
  "user.name=test",
  "-c",
  "user.email=test@example.org",
  "-c",
  "init.defaultBranch=main",
  "-c",
  "protocol.file.allow=always",
];

/** Real git in a directory, with nothing of this machine's settings. */
export function git(directory: string, ...words: readonly string[]): string {
  return execFileSync("git", [...identity, "-C", directory, ...words], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  }).trim();
}

export function write(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
}

/** Writes the files, commits all of them and gives the commit's id. */
export function commit(directory: string, files: Readonly<Record<string, string>>, message = "Test"): string {
  write(directory, files);
  git(directory, "add", "--all");
  git(directory, "commit", "--quiet", "--allow-empty", "--message", message);
  return git(directory, "rev-parse", "HEAD");
}

/** A directory of this test's own and what a run needs there; `checkout` is a repository with one commit. */
export function world(): { root: string; checkout: string; scratch: string; port: Git; first: string; remove(): void } {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "gate-source-")));
  const [checkout, scratch] = [join(root, "check out"), join(root, "scratch")];
  mkdirSync(checkout);
  mkdirSync(scratch, { mode: 0o700 });
  git(checkout, "init", "--quiet");
  const first = commit(checkout, { "flake.nix": "{ outputs = _: { side = 1; }; }\n", "a.nix": "1\n" });
  return {
    root,
    checkout,
    scratch,
    port: gitPort({ environment: process.env, scratch }),
    first,
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** Every file below a directory with its content, size and time of change: equal before and after means that nothing was written. */
export function fingerprint(directory: string): string {
  const hash = createHash("sha256");
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true }).toSorted((a, b) =>
    join(a.parentPath, a.name) < join(b.parentPath, b.name) ? -1 : 1,
  )) {
    const path = join(entry.parentPath, entry.name);
    const found = statSync(path);
    hash.update(`${path} ${found.mode} ${found.size} ${found.mtimeMs}\n`);
    if (entry.isFile()) hash.update(readFileSync(path));
  }
  return hash.digest("hex");
}
