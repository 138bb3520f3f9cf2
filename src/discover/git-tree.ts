import { posix } from "node:path";
import { gateError } from "../failure.ts";
import type { Git } from "../io/ports.ts";

/** Our own repository, in the scratch directory. */
export type Repository = { readonly git: Git; readonly directory: string };

/** Runs git in it and gives stdout without its last line end. Throws the GateError `git-failed` with what git said. */
export async function ask(
  repository: Repository,
  doing: string,
  words: readonly string[],
  more: { readonly environment?: Readonly<Record<string, string>>; readonly input?: string; readonly timeoutSeconds?: number } = {},
): Promise<string> {
  const result = await repository.git.run({ directory: repository.directory, arguments: words, ...more });
  if (result.exitCode !== 0)
    throw gateError("git-failed", { doing }, result.timedOut ? "it did not end in time" : result.stderr.slice(0, 4000));
  return result.stdout.replace(/\n$/, "");
}

/** The same where "no" is an answer: undefined where git says that there is none. */
export async function askOptional(repository: Repository, words: readonly string[]): Promise<string | undefined> {
  const result = await repository.git.run({ directory: repository.directory, arguments: words });
  return result.exitCode === 0 ? result.stdout.replace(/\n$/, "") : undefined;
}

/** What a commit holds, read from git's objects: nothing is checked out, and no link is followed. */
export type GitTree = {
  readonly rev: string;
  readonly files: ReadonlyMap<string, { readonly object: string; readonly kind: "file" | "symlink" | "submodule" }>;
  readonly symlinks: ReadonlySet<string>;
};

export async function readTree(repository: Repository, rev: string): Promise<GitTree> {
  const listed = await ask(repository, "reading a commit", ["ls-tree", "-r", "-z", "--full-tree", rev]);
  const files = new Map<string, { object: string; kind: "file" | "symlink" | "submodule" }>();
  const symlinks = new Set<string>();
  for (const line of listed.split("\0")) {
    const match = /^(\d+) \w+ ([0-9a-f]+)\t(.*)$/s.exec(line);
    if (match === null) continue;
    const [, mode, object = "", path = ""] = match;
    const kind = mode === "120000" ? "symlink" : mode === "160000" ? "submodule" : "file";
    if (kind === "symlink") symlinks.add(path);
    files.set(path, { object, kind });
  }
  return { rev, files, symlinks };
}

/**
 * The flake's directory below the root. Nix goes up from the directory that was named until there is a flake.nix; so do we. undefined where there is none. Throws the
 * GateError `source-unusable` for a directory that is reached through a link: Nix would read the flake and its lock file from somewhere else than we do.
 */
export function findFlake(tree: GitTree, from: string, exact: boolean, shown: string): string | undefined {
  for (let at = from; at !== "" && at !== "."; at = posix.dirname(at))
    if (tree.symlinks.has(at))
      throw gateError("source-unusable", {
        flake: shown,
        problem: `its directory is reached through the symbolic link ${JSON.stringify(at.slice(0, 200))}`,
        next: "Name the directory that the link leads to.",
      });
  for (let at = from; ; at = posix.dirname(at)) {
    if (at === ".") at = "";
    if (tree.files.has(posix.join(at, "flake.nix"))) return at;
    if (at === "" || exact) return undefined;
  }
}
