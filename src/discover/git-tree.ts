import { posix } from "node:path";
import { gateError } from "../failure.ts";
import type { Git } from "../io/ports.ts";
import type { LockFile } from "./lock-file.ts";

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

/** A name in the flake's own directory. */
const inside = (directory: string, name: string): string => posix.join(directory, name);

/**
 * The lock file of a flake in a commit, undefined where there is none. Throws the GateErrors `lock-unreadable`, also for a flake.lock that is a link, since Nix would
 * read what it leads to, and `source-unusable` for a flake.nix that git holds only a pointer to.
 */
export async function readLock(repository: Repository, tree: GitTree, directory: string, shown: string): Promise<LockFile | undefined> {
  const flake = tree.files.get(inside(directory, "flake.nix"));
  // Only attributes can have put it there.
  const attributed = [directory, ""].some((each) => tree.files.has(inside(each, ".gitattributes")));
  if (attributed && flake?.kind === "file" && (await blob(repository, flake.object)).startsWith("version https://git-lfs.github.com/spec/"))
    throw gateError("source-unusable", {
      flake: shown,
      problem: "its flake.nix is kept in Git LFS, so that git holds only a pointer to it",
      next: "git lfs untrack flake.nix   # and commit it as a file",
    });
  const file = tree.files.get(inside(directory, "flake.lock"));
  if (file === undefined) return undefined;
  if (file.kind !== "file")
    throw gateError("lock-unreadable", { flake: shown, problem: file.kind === "symlink" ? "it is a symbolic link" : "it is a submodule" });
  const [text, { parseLock }] = await Promise.all([blob(repository, file.object), import("./lock-file.ts")]);
  const parsed = parseLock(text);
  if (!parsed.ok) throw gateError("lock-unreadable", { flake: shown, problem: parsed.problem });
  return parsed.lock;
}

function blob(repository: Repository, object: string): Promise<string> {
  return ask(repository, "reading a file of the flake", ["cat-file", "blob", object]);
}
