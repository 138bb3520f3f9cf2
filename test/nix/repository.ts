import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { LockedFlake } from "../../src/discover/discover.ts";

/** A git repository with these files, committed, and its flake, locked to that commit. */
export function repository(directory: string, files: Readonly<Record<string, string>>): LockedFlake & { readonly revision: string } {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  const git = (...words: readonly string[]): string =>
    execFileSync(
      "git",
      ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main", "-C", directory, ...words],
      { encoding: "utf8" },
    ).trim();
  git("init", "--quiet");
  git("add", "--all");
  git("commit", "--quiet", "--message", "Test");
  const revision = git("rev-parse", "HEAD");
  return { url: `git+file://${directory}?rev=${revision}`, shown: directory, revision };
}

/** The fleet of test/nix/fleet; `salt` makes its builds this test's own. */
export function fleet(directory: string, salt: string): LockedFlake & { readonly revision: string } {
  mkdirSync(directory, { recursive: true });
  cpSync(join(import.meta.dirname, "fleet"), directory, { recursive: true });
  return repository(directory, { salt });
}
