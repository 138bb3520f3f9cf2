import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, readdirSync, readSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gateError } from "../failure.ts";
import type { ChangedFile } from "../proposal/changed-file.ts";
import type { Copied, FoundLine, WorkingCopy } from "../proposal/working-copy.ts";
import type { Checkout, Git } from "./ports.ts";

const longestText = 256 * 1024;
/** Of a search, so that a repository of a million files ends it. */
const mostFiles = 20_000;

/** Makes a copy of the checkout's repository at `revision` in `directory`, which must not exist. Throws the GateError `git-failed`. */
export async function makeWorkingCopy(git: Git, checkout: Checkout, revision: string, directory: string): Promise<WorkingCopy> {
  await git.createRepository(directory, checkout);
  for (const words of [
    ["read-tree", "--reset", revision],
    ["checkout-index", "--all", "--force"],
  ]) {
    const done = await git.run({ directory, arguments: words, timeoutSeconds: 300 });
    if (done.exitCode !== 0) throw gateError("git-failed", { doing: "making a copy of the repository" }, done.stderr);
  }
  return new CopiedTree(directory, revision);
}

class CopiedTree implements WorkingCopy {
  readonly directory: string;
  readonly revision: string;
  /** Texts as they were before the first change of each. */
  readonly #before = new Map<string, string | undefined>();

  constructor(directory: string, revision: string) {
    this.directory = directory;
    this.revision = revision;
  }

  list(directory: string): Copied<readonly string[]> {
    const at = directory === "" ? { ok: true as const, value: this.directory } : this.#plain(directory);
    if (!at.ok) return at;
    // It would be followed: the names of this machine's directories are nobody's to see.
    if (lstatSync(at.value, { throwIfNoEntry: false })?.isSymbolicLink() === true) return { ok: false, problem: isLink };
    try {
      const entries = readdirSync(at.value, { withFileTypes: true }).filter(({ name }) => directory !== "" || name !== ".git");
      return {
        ok: true,
        value: entries.map((entry) => `${entry.name}${entry.isDirectory() ? "/" : entry.isSymbolicLink() ? "@" : ""}`).toSorted(),
      };
    } catch {
      // Missing, or a file.
      return { ok: false, problem: "there is no such directory" };
    }
  }

  read(path: string): Copied<string> {
    const at = this.#plain(path);
    return at.ok ? textAt(at.value) : at;
  }

  search(words: string, below: string, most: number): Copied<readonly FoundLine[]> {
    const found: FoundLine[] = [];
    let files = 0;
    const walk = (directory: string): void => {
      const listed = this.list(directory);
      for (const name of listed.ok ? listed.value : []) {
        if (found.length >= most || files >= mostFiles) return;
        const path = directory === "" ? name : `${directory}/${name}`;
        if (name.endsWith("/")) walk(path.slice(0, -1));
        else if (!name.endsWith("@")) {
          files++;
          const text = this.read(path);
          if (!text.ok) continue;
          for (const [index, line] of text.value.split("\n").entries())
            if (line.includes(words) && found.length < most) found.push({ path, line: index + 1, text: line.slice(0, 300) });
        }
      }
    };
    if (below !== "") {
      const listed = this.list(below);
      if (!listed.ok) return listed;
    }
    walk(below.replace(/\/$/, ""));
    return { ok: true, value: found };
  }

  write(path: string, text: string): Copied<undefined> {
    const at = this.#plain(path);
    if (!at.ok) return at;
    const was = textAt(at.value);
    if (!was.ok && was.problem !== absent) return was;
    // What could not be read again would be proposed without any check having seen it.
    const unreadable = problemOf(text);
    if (unreadable !== undefined) return { ok: false, problem: unreadable };
    // Before anything is written, so that half a write is a change like any other.
    this.#remember(path, was.ok ? was.value : undefined);
    try {
      mkdirSync(join(at.value, ".."), { recursive: true });
      // Truncated where it is, so that an executable stays one; a link that came in between is not followed.
      const file = openSync(at.value, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW, 0o644);
      try {
        writeFileSync(file, text);
      } finally {
        closeSync(file);
      }
    } catch (error) {
      return { ok: false, problem: `it cannot be written: ${error instanceof Error && "code" in error ? String(error.code) : "unknown"}` };
    }
    return { ok: true, value: undefined };
  }

  remove(path: string): Copied<undefined> {
    const at = this.#plain(path);
    if (!at.ok) return at;
    const was = textAt(at.value);
    if (!was.ok) return was;
    rmSync(at.value);
    this.#remember(path, was.value);
    return { ok: true, value: undefined };
  }

  changes(): readonly ChangedFile[] {
    return [...this.#before]
      .map(([path, before]): ChangedFile => {
        const now = this.read(path);
        // What cannot be read is not what is gone: it would be proposed, and nothing would have looked at it.
        if (!now.ok && now.problem !== absent)
          throw gateError("git-failed", { doing: `reading ${path} of the proposal again` }, now.problem);
        return { path, before, after: now.ok ? now.value : undefined };
      })
      .filter(({ before, after }) => before !== after)
      .toSorted((a, b) => (a.path < b.path ? -1 : 1));
  }

  #remember(path: string, before: string | undefined): void {
    if (!this.#before.has(path)) this.#before.set(path, before);
  }

  /** The place of a plain path none of whose directories is a link. What stands there may be anything. */
  #plain(path: string): Copied<string> {
    const parts = path.replace(/\/$/, "").split("/");
    if (path.length > 400 || /[\p{C}\\]/u.test(path) || parts.some((part) => part === "" || part === "." || part === ".."))
      return { ok: false, problem: "it is not a plain path from the root of the repository" };
    if (parts[0] === ".git") return { ok: false, problem: "it belongs to git" };
    for (let depth = 1; depth < parts.length; depth++) {
      const above = join(this.directory, ...parts.slice(0, depth));
      const stat = lstatSync(above, { throwIfNoEntry: false });
      if (stat === undefined) break;
      if (!stat.isDirectory()) return { ok: false, problem: `${parts.slice(0, depth).join("/")} is no directory of the repository` };
    }
    return { ok: true, value: join(this.directory, ...parts) };
  }
}

const absent = "there is no such file";
const isLink = "it is a symbolic link";
const tooLong = `it is longer than ${longestText / 1024} KiB`;
const noText = "it is not text";

/** Why a text would not be read back as what it is, as a clause. */
function problemOf(text: string): string | undefined {
  if (Buffer.byteLength(text) > longestText) return tooLong;
  return text.includes("\0") || !text.isWellFormed() ? noText : undefined;
}

/** A regular file's text; links are not followed, FIFOs not waited for. */
function textAt(path: string): Copied<string> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return { ok: false, problem: absent };
  if (stat.isSymbolicLink()) return { ok: false, problem: isLink };
  if (!stat.isFile()) return { ok: false, problem: stat.isDirectory() ? "it is a directory" : "it is no file" };
  if (stat.size > longestText) return { ok: false, problem: tooLong };
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const bytes = Buffer.alloc(Math.min(fstatSync(file).size, longestText));
    const text = bytes.subarray(0, readSync(file, bytes)).toString("utf8");
    return text.includes("\0") ? { ok: false, problem: noText } : { ok: true, value: text };
  } finally {
    closeSync(file);
  }
}
