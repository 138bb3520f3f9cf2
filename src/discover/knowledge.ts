import type { Repository } from "./git-tree.ts";
import type { Sources } from "./source.ts";

/** A file of the repository that tells what its operator knows. */
export type KnowledgeFile = { readonly path: string; readonly text: string };

/** `notes` are what was found and could not be used, as sentences. */
export type Knowledge = { readonly files: readonly KnowledgeFile[]; readonly notes: readonly string[] };

/** A page of knowledge is a page; a longer one would crowd out the change that is asked about. */
const maxBytes = 256 * 1024;

/**
 * Reads the operator's knowledge from git's objects at `rev`, the revision that a change is compared with: a change that could bring its own knowledge would tell the
 * session what to think of it. No working tree is looked at and no link is followed. A path that is not there is passed over, since the default names rarely all
 * exist. Never throws for what a repository holds.
 */
export async function readKnowledge(
  repository: Repository,
  rev: string,
  paths: readonly string[],
  what: "knowledge" | "goal" = "knowledge",
): Promise<Knowledge> {
  const files: KnowledgeFile[] = [];
  const notes: string[] = [];
  for (const path of paths) {
    const found = await readOne(repository, rev, path);
    if (typeof found === "string")
      notes.push(`The ${what} file ${path} was not ${what === "goal" ? "read" : "given to the session"}: ${found}.`);
    else if (found !== undefined) files.push(found);
  }
  return { files, notes };
}

async function readOne(repository: Repository, rev: string, path: string): Promise<KnowledgeFile | string | undefined> {
  const { git, directory } = repository;
  const environment = { GIT_LITERAL_PATHSPECS: "1" };
  const listed = await git.run({ directory, arguments: ["ls-tree", "-z", "-l", "--full-tree", rev, "--", path], environment });
  if (listed.exitCode !== 0) return `git says ${JSON.stringify(listed.stderr.trim().slice(0, 200))}`;
  const match = /^(\d+) (\w+) ([0-9a-f]+) +(\d+|-)\t([^\0]*)\0$/.exec(listed.stdout);
  if (match === null) return undefined;
  const [, mode, type, object = "", size = "", name] = match;
  if (name !== path) return undefined;
  if (mode === "120000") return "it is a symbolic link";
  if (type !== "blob") return "it is not a file";
  if (Number(size) > maxBytes) return `it is longer than ${maxBytes / 1024} KiB`;
  const blob = await git.run({ directory, arguments: ["cat-file", "blob", object], maxBytes: maxBytes * 2 });
  if (blob.exitCode !== 0) return `git says ${JSON.stringify(blob.stderr.trim().slice(0, 200))}`;
  if (blob.stdout.includes("\0")) return "it is not text";
  return blob.stdout.trim() === "" ? undefined : { path, text: blob.stdout };
}

/**
 * Reads it for a run. Where there is no base, what is checked out speaks for itself only if it has been merged; otherwise nothing is known. `repository` is the one
 * that the sources were laid out in.
 */
export async function knowledgeOf(
  repository: Repository,
  sources: Pick<Sources, "head" | "base">,
  paths: readonly string[],
): Promise<Knowledge> {
  const rev = reviewed(sources);
  return rev === undefined ? { files: [], notes: [] } : await readKnowledge(repository, rev, paths);
}

const reviewed = ({ head, base }: Pick<Sources, "head" | "base">): string | undefined =>
  base === undefined ? (head.trust === "deploy-branch" ? head.rev : undefined) : base.rev;

/** Of a directory of goals: more are a mistake. */
const mostGoals = 64;

/** The operator's own goals, the Markdown files of one directory, from the same revision in the same way. */
export async function goalFilesOf(repository: Repository, sources: Pick<Sources, "head" | "base">, directory: string): Promise<Knowledge> {
  const rev = reviewed(sources);
  if (rev === undefined) return { files: [], notes: [] };
  const listed = await repository.git.run({
    directory: repository.directory,
    arguments: ["ls-tree", "-z", "--name-only", "--full-tree", rev, "--", `${directory}/`],
    environment: { GIT_LITERAL_PATHSPECS: "1" },
  });
  if (listed.exitCode !== 0) return { files: [], notes: [`The goals in ${directory} could not be listed.`] };
  const paths = listed.stdout.split("\0").filter((path) => path.endsWith(".md"));
  const read = await readKnowledge(repository, rev, paths.slice(0, mostGoals), "goal");
  const left = paths.length > mostGoals ? [`Only the first ${mostGoals} of ${paths.length} goals in ${directory} were read.`] : [];
  return { files: read.files, notes: [...read.notes, ...left] };
}
