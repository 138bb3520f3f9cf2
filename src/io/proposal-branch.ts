import { type Failure, failure, gateError } from "../failure.ts";
import type { WorkingCopy } from "../proposal/working-copy.ts";
import type { Git, GitRun } from "./ports.ts";

/** Who made a commit tells whether a branch is still ours alone. */
const ownEmail = "gate@localhost";

/** Puts what was changed in the copy into its index, so that Nix sees new files too. Throws the GateError `git-failed`. */
export async function stageChanges(git: Git, copy: WorkingCopy): Promise<void> {
  const paths = copy.changes().map(({ path }) => path);
  if (paths.length === 0) return;
  const added = await git.run({
    directory: copy.directory,
    arguments: ["add", "--all", "--force", "--", ...paths],
    environment: { GIT_LITERAL_PATHSPECS: "1" },
  });
  if (added.exitCode !== 0) throw gateError("git-failed", { doing: "taking up the proposal's files" }, added.stderr);
}

/** A commit of what is in the index on top of the copy's revision. The same content, message and time is the same commit. Throws the GateError `git-failed`. */
export async function commitChanges(git: Git, copy: WorkingCopy, message: string, at: Date): Promise<string> {
  const done = async (run: Omit<GitRun, "directory">): Promise<string> => {
    const ended = await git.run({ ...run, directory: copy.directory });
    if (ended.exitCode !== 0) throw gateError("git-failed", { doing: "making the proposal's commit" }, ended.stderr);
    return ended.stdout.trim();
  };
  const tree = await done({ arguments: ["write-tree"] });
  const date = `@${Math.floor(at.getTime() / 1000)} +0000`;
  return await done({
    arguments: ["commit-tree", tree, "-p", copy.revision, "-F", "-"],
    input: message,
    environment: { GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date },
  });
}

/** What the commit changes, as git shows it, with no program that the repository names for that. */
export async function diffOf(git: Git, { directory, revision }: WorkingCopy, commit: string): Promise<string> {
  const words = ["diff", "--no-ext-diff", "--no-textconv", "--no-color", `${revision}..${commit}`, "--"];
  return (await git.run({ directory, arguments: words })).stdout;
}

export type Pushed = { readonly ok: true; readonly kind: "pushed" | "unchanged" } | { readonly ok: false; readonly failure: Failure };

/**
 * Puts the commit on the branch of the remote. A branch on which somebody else has worked is left alone; one that is ours is replaced, and only while it is what was
 * seen. Nothing is pushed where the branch has the same tree on the same revision already.
 */
export async function pushProposal(
  git: Git,
  copy: WorkingCopy,
  commit: string,
  branch: string,
  remote: NonNullable<GitRun["remote"]>,
): Promise<Pushed> {
  const { directory } = copy;
  const run = async (...words: string[]) => await git.run({ directory, arguments: words, remote, timeoutSeconds: 120 });
  const refused = (problem: string, detail?: string): Pushed => ({
    ok: false,
    failure: failure("proposal-not-pushed", { branch, problem }, detail),
  });
  const ref = `refs/heads/${branch}`;
  const listed = await run("ls-remote", "--refs", "--", remote.url, ref);
  if (listed.exitCode !== 0) return refused("the repository's branches cannot be read", listed.stderr);
  const there = /^([0-9a-f]{40,64})\t/.exec(listed.stdout)?.[1];
  if (there !== undefined) {
    const fetched = await run(
      "fetch",
      "--quiet",
      "--no-tags",
      "--no-write-fetch-head",
      "--depth=50",
      "--",
      remote.url,
      `+${ref}:refs/gate/proposal`,
    );
    if (fetched.exitCode !== 0) return refused("the branch cannot be read", fetched.stderr);
    // Whoever works on the branch stands at its tip: what we push replaces only what we pushed.
    const tip = await git.run({ directory, arguments: ["log", "-1", "--format=%ae %ce", "refs/gate/proposal", "--"] });
    const ours = tip.stdout.trim() === `${ownEmail} ${ownEmail}`;
    if (!ours) return refused("somebody has worked on it since, and their work stays");
    const [was, is] = await Promise.all(
      ["refs/gate/proposal", commit].map(
        async (name) => (await git.run({ directory, arguments: ["rev-parse", `${name}^{tree}`, `${name}^`] })).stdout,
      ),
    );
    if (was === is) return { ok: true, kind: "unchanged" };
  }
  const lease = `--force-with-lease=${ref}:${there ?? ""}`;
  const pushed = await run("push", "--quiet", "--no-verify", lease, "--", remote.url, `${commit}:${ref}`);
  return pushed.exitCode === 0 ? { ok: true, kind: "pushed" } : refused("the repository did not take it", pushed.stderr);
}
