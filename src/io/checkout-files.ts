import { closeSync, constants, lstatSync, openSync, readFileSync, type Stats } from "node:fs";
import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Git } from "./ports.ts";

/** What is at a path itself, links not followed. */
export function stat(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    // Missing, or below something that may not be read: there is nothing to use either way.
    return undefined;
  }
}

/** The store of objects and those that it borrows from, in turn, as git follows them (at most five deep). */
export function objectDirectories(first: string): readonly string[] {
  const found = [first];
  for (let index = 0; index < found.length && found.length < 32; index += 1) {
    const directory = found[index] ?? "";
    const alternates = readPlainFile(join(directory, "info", "alternates"), 64 * 1024);
    if (alternates.kind !== "text") continue;
    for (const line of alternates.text.split("\n"))
      if (line !== "" && !line.startsWith("#") && !found.includes(resolve(directory, line))) found.push(resolve(directory, line));
  }
  return found;
}

/** A directory that is too large to be searched counts as one that has a `.git`: it would all be copied into the store. */
export async function scan(root: string): ReturnType<Git["scan"]> {
  const queue = [root];
  const symlinks = new Set<string>();
  for (let seen = 0; queue.length > 0; seen += 1) {
    const directory = queue.shift() ?? root;
    if (seen > 20_000) return { git: directory, symlinks };
    // What may not be read cannot be copied into the store either: Nix fails there, and says where.
    for (const entry of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
      const path = join(directory, entry.name);
      if (entry.name === ".git") return { git: path, symlinks };
      if (entry.isSymbolicLink()) symlinks.add(path.slice(root.length + 1));
      if (entry.isDirectory()) queue.push(path);
    }
  }
  return { git: undefined, symlinks };
}

/** The text of what is a file itself, of at most so many bytes: a checkout may hold links to elsewhere, and FIFOs. */
export function readPlainFile(path: string, maxBytes: number): Awaited<ReturnType<Git["readFile"]>> {
  const found = stat(path);
  if (found === undefined) return { kind: "missing" };
  if (found.isSymbolicLink()) return { kind: "symlink" };
  if (!found.isFile()) return { kind: "other" };
  if (found.size > maxBytes) return { kind: "too-long" };
  // What was a file a moment ago may have become a link since, or a FIFO, which would be waited on for ever.
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    return { kind: "text", text: readFileSync(file, "utf8") };
  } finally {
    closeSync(file);
  }
}
