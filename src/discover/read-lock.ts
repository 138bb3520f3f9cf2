import { join, posix } from "node:path";
import { gateError } from "../failure.ts";
import type { Git } from "../io/ports.ts";
import { ask, type GitTree, type Repository } from "./git-tree.ts";
import type { LockFile, ParsedLock } from "./lock-file.ts";

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
  return await readable(blob(repository, file.object), shown);
}

/** The lock file of a directory that is copied into the store as it is. Throws the GateError `lock-unreadable`. */
export async function readPlainLock(git: Git, directory: string, shown: string): Promise<LockFile | undefined> {
  const lock = await git.readFile(join(directory, "flake.lock"), 8 * 1024 * 1024);
  switch (lock.kind) {
    case "missing":
      return undefined;
    case "symlink":
    case "other":
      throw gateError("lock-unreadable", { flake: shown, problem: "it is not a regular file" });
    case "too-long":
      throw gateError("lock-unreadable", { flake: shown, problem: "it is longer than 8 MiB" });
    case "text":
      return await readable(lock.text, shown);
  }
}

async function readable(text: string | Promise<string>, shown: string): Promise<LockFile> {
  const parsed = await parse(text);
  if (!parsed.ok) throw gateError("lock-unreadable", { flake: shown, problem: parsed.problem });
  return parsed.lock;
}

/** Its schemas are loaded while git reads, and not at all for a flake without inputs. */
async function parse(text: string | Promise<string>): Promise<ParsedLock> {
  const [{ parseLock }, content] = await Promise.all([import("./lock-file.ts"), text]);
  return parseLock(content);
}

/** A lock file of base that cannot be read vouches for nothing, and is not the change's fault. */
export async function lockOfBase(repository: Repository, tree: GitTree, directory: string): Promise<LockFile | undefined> {
  const file = tree.files.get(join(directory, "flake.lock"));
  if (file?.kind !== "file") return undefined;
  const parsed = await parse(blob(repository, file.object));
  return parsed.ok ? parsed.lock : undefined;
}

function blob(repository: Repository, object: string): Promise<string> {
  return ask(repository, "reading a file of the flake", ["cat-file", "blob", object]);
}
