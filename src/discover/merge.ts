import { gateError } from "../failure.ts";
import type { Checkout } from "../io/ports.ts";
import { ask, askOptional, type Repository } from "./git-tree.ts";

/** Where the other side of a pull request is fetched from. */
export type Remote = { readonly url: string; readonly token?: string | undefined };

export type PullRequestSides = {
  /** What the merge would give. */
  readonly head: string;
  /** Tip of the base branch, now. */
  readonly base: string;
  /** True where the forge's own merge commit stood in the checkout. */
  readonly forges: boolean;
};

export type MergeRequest = {
  readonly headSha: string;
  /** Number of the pull request, where the forge keeps `refs/pull/N/head`. */
  readonly number?: number | undefined;
  readonly baseRef: string;
  readonly remote: Remote;
  /** What is checked out. */
  readonly checkedOut: string;
  readonly timeoutSeconds: number;
};

/**
 * Both sides of a pull request as commits of our repository: the tip of the base branch, fetched now, and what merging the head into it gives. Throws GateErrors:
 * `git-fetch-failed`, `merge-conflict` with the files, `merge-impossible` where there is no common history.
 */
export async function mergePullRequest(repository: Repository, checkout: Checkout, request: MergeRequest): Promise<PullRequestSides> {
  const { headSha, baseRef, remote } = request;
  checkName(baseRef);
  const baseSpec = `+refs/heads/${baseRef}:refs/gate/base`;
  const headSpec = request.number === undefined ? `+${headSha}:refs/gate/head` : `+refs/pull/${request.number}/head:refs/gate/head`;

  await fetch(repository, remote, checkout.shallow ? ["--depth=1"] : [], [baseSpec], `The branch ${baseRef}`, request.timeoutSeconds);
  const base = await ask(repository, "reading the base branch", ["rev-parse", "--verify", "refs/gate/base^{commit}"]);

  // Read raw: in a shallow clone git hides the parents, but they stand in the commit.
  const raw = await ask(repository, "reading what is checked out", ["cat-file", "commit", request.checkedOut]);
  const parents = [...(raw.split("\n\n")[0] ?? "").matchAll(/^parent ([0-9a-f]+)$/gm)].map((match) => match[1]);
  if (parents.length === 2 && parents[0] === base && parents[1] === headSha) return { head: request.checkedOut, base, forges: true };

  const present = async (): Promise<boolean> => (await askOptional(repository, ["cat-file", "-e", `${headSha}^{commit}`])) !== undefined;
  if (checkout.shallow) {
    // What git takes for the nearest common ancestor in a history that was cut off may not be it, and then the merge would not be the forge's.
    const shallow = (await ask(repository, "reading the history", ["rev-parse", "--is-shallow-repository"])) === "true";
    await fetch(
      repository,
      remote,
      shallow ? ["--unshallow"] : [],
      [baseSpec, headSpec],
      "The history of the pull request",
      request.timeoutSeconds,
    );
  } else if (!(await present())) {
    await fetch(repository, remote, [], [headSpec], "The head of the pull request", request.timeoutSeconds);
  }
  if (!(await present()))
    await fetch(repository, remote, [], [`+${headSha}:refs/gate/head`], "The head of the pull request", request.timeoutSeconds);
  return { head: await merge(repository, base, headSha, baseRef, request.timeoutSeconds), base, forges: false };
}

/** A commit of the remote by its id, if the remote gives it. */
export async function fetchCommit(
  repository: Repository,
  checkout: Checkout,
  remote: Remote,
  sha: string,
  timeoutSeconds: number,
): Promise<void> {
  await fetch(repository, remote, checkout.shallow ? ["--depth=1"] : [], [`+${sha}:refs/gate/before`], `The commit ${sha}`, timeoutSeconds);
}

/**
 * The tip of a branch of the remote, as it is now. All of its history is here afterwards: in one that was cut off, what is in it and what came first cannot be told, and
 * git answers "no" to both. Throws the GateErrors `git-fetch-failed` and `ref-unknown`.
 */
export async function fetchBranch(repository: Repository, remote: Remote, branch: string, timeoutSeconds: number): Promise<string> {
  checkName(branch);
  const shallow = (await ask(repository, "reading the history", ["rev-parse", "--is-shallow-repository"])) === "true";
  const specs = [`+refs/heads/${branch}:refs/gate/branch`];
  await fetch(repository, remote, shallow ? ["--unshallow"] : [], specs, `The branch ${branch} with its history`, timeoutSeconds);
  return await ask(repository, "reading the branch", ["rev-parse", "--verify", "refs/gate/branch^{commit}"]);
}

/** Each character that a refspec or a pattern would give a meaning to is refused; git itself allows none of them in a branch's name. */
function checkName(branch: string): void {
  if (!/^(?!-)[^\s~^:?*[\\\p{Cc}]{1,255}$/u.test(branch))
    throw gateError("ref-unknown", { ref: JSON.stringify(branch.slice(0, 100)), shallow: false });
}

async function fetch(
  repository: Repository,
  remote: Remote,
  options: readonly string[],
  specs: readonly string[],
  what: string,
  timeoutSeconds: number,
): Promise<void> {
  const words = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--update-shallow", ...options, "--", remote.url, ...specs];
  const result = await repository.git.run({ directory: repository.directory, arguments: words, remote, timeoutSeconds });
  if (result.exitCode === 0) return;
  const detail = result.timedOut ? `it did not end within ${timeoutSeconds} seconds` : result.stderr.slice(0, 4000);
  throw gateError("git-fetch-failed", { from: remote.url, what }, detail);
}

/** The commit that merging gives. Its id depends on nothing but the two sides, so that the same pull request is the same revision in every run. */
async function merge(repository: Repository, base: string, head: string, baseRef: string, timeoutSeconds: number): Promise<string> {
  const common = await askOptional(repository, ["merge-base", base, head]);
  if (common === undefined) throw gateError("merge-impossible", { base: baseRef });
  const date = await ask(repository, "reading the head", ["show", "--no-patch", "--no-show-signature", "--format=%ct", head]);
  const environment = { GIT_AUTHOR_DATE: `${date} +0000`, GIT_COMMITTER_DATE: `${date} +0000` };
  await ask(repository, "checking out the base", ["checkout", "--quiet", "--force", "--detach", base], { timeoutSeconds });
  const merged = await repository.git.run({
    directory: repository.directory,
    arguments: ["merge", "--quiet", "--no-ff", "--no-edit", "--no-stat", "-m", `Merge ${head} into ${base}`, head],
    environment,
    timeoutSeconds,
  });
  if (merged.exitCode === 0) return await ask(repository, "reading the merge", ["rev-parse", "--verify", "HEAD^{commit}"]);
  const unmerged = await askOptional(repository, ["diff", "--name-only", "--diff-filter=U", "-z"]);
  const files = (unmerged ?? "").split("\0").filter((name) => name !== "");
  if (files.length === 0)
    throw gateError("git-failed", { doing: "merging the pull request" }, `${merged.stdout}\n${merged.stderr}`.trim().slice(0, 4000));
  // Names are a stranger's.
  throw gateError("merge-conflict", {
    base: baseRef,
    files: files.slice(0, 50).map((name) => name.replace(/\p{Cc}/gu, "?").slice(0, 120)),
  });
}
