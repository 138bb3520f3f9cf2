import { GateError } from "../failure.ts";
import type { Prepared } from "./prepare.ts";

/**
 * The tip of the deploy branch for a run in a shell, all of its history at hand: what the origin's own HEAD names now, whatever is checked out here. Without an origin the
 * checkout is all there is, and its commit is taken for it. Undefined where the origin does not tell: then nothing is on it as far as anybody knows.
 */
export async function deployTip({
  sources,
  git,
}: {
  readonly sources: Pick<Prepared["sources"], "head" | "origin" | "fetchBranch" | "inGit">;
  readonly git: Prepared["git"];
}): Promise<string | undefined> {
  const { head, origin, fetchBranch, inGit } = sources;
  try {
    const remote = await origin?.();
    if (remote === undefined || fetchBranch === undefined || inGit === undefined) return head.rev;
    const { directory } = inGit.repository;
    const words = ["ls-remote", "--symref", "--", remote.url, "HEAD"];
    const told = await git.run({ directory, arguments: words, remote, timeoutSeconds: 60 });
    const branch = /^ref: refs\/heads\/([^\t\n]+)\tHEAD$/m.exec(told.stdout)?.[1];
    return branch === undefined ? undefined : await fetchBranch(branch);
  } catch (error) {
    if (error instanceof GateError && error.failure.code === "git-fetch-failed") return undefined;
    throw error;
  }
}
