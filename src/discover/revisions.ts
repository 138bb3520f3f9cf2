import { gateError, GateError } from "../failure.ts";
import type { Checkout, Trust } from "../io/ports.ts";
import type { LocalFlakeref } from "./flakeref.ts";
import type { Repository } from "./git-tree.ts";
import { fetchCommit, mergePullRequest } from "./merge.ts";
import { originOf } from "./origin.ts";
import type { SourceRequest } from "./source.ts";
import { defaultBase, defaultBranch, lastCommit, resolveRef, snapshot } from "./working-tree.ts";

/** How a commit is shown to people. */
export const short = (rev: string): string => rev.slice(0, 9);

/** One side of the change as a commit. */
export type SideRevision = { readonly rev: string; readonly shown: string; readonly dirty: boolean; readonly trust: Trust };
type Revisions = { readonly head: SideRevision; readonly base: SideRevision | undefined; readonly baseMissing?: string };

/**
 * Which commits are compared; those of a pull request are fetched and merged. `ahead` is told of one that most likely is head, so that it is read meanwhile. Throws the
 * GateErrors of what git cannot find or fetch.
 */
export async function revisionsOf(
  request: SourceRequest,
  repository: Repository,
  checkout: Checkout,
  flakeref: LocalFlakeref,
  ahead: (rev: string) => void,
): Promise<Revisions> {
  const { event } = request;
  const timeoutSeconds = request.timeoutSeconds ?? 300;
  if (event.kind === "shell") {
    const named = flakeref.rev ?? flakeref.ref;
    const [checkedOut, known] = [lastCommit(repository, checkout), defaultBranch(repository, checkout)];
    // A working tree mostly has no changes.
    checkedOut.then((last) => (named === undefined && last !== undefined ? ahead(last.rev) : undefined)).catch(() => {});
    known.catch(() => {});
    const head =
      named === undefined
        ? await snapshot(repository, checkout, checkedOut)
        : { rev: await resolveRef(repository, checkout, named), dirty: false };
    const [last, branch] = [await checkedOut, await known];
    const base =
      event.base === undefined
        ? await defaultBase(repository, checkout, head, { last, branch })
        : { rev: await resolveRef(repository, checkout, event.base), shown: event.base };
    const side = {
      ...head,
      shown: head.dirty ? "working tree with changes" : short(head.rev),
      trust: event.trust ?? "unreviewed",
    } as const;
    if (base === undefined) return { head: side, base: undefined, baseMissing: "nothing was committed before" };
    const merged = branch !== undefined && (base.rev === branch.rev || (await isAncestor(repository, checkout, base.rev, branch.rev)));
    return {
      head: side,
      base: { rev: base.rev, dirty: false, shown: `${base.shown}, ${short(base.rev)}`, trust: merged ? "deploy-branch" : side.trust },
    };
  }
  const checkedOut = (await lastCommit(repository, checkout))?.rev;
  if (checkedOut === undefined) throw gateError("ref-unknown", { ref: "HEAD", shallow: checkout.shallow });
  const remote = await originOf(repository, checkout, event.remote, request.forgeToken);
  if (event.kind === "pull-request") {
    const { headSha, number, baseRef, deployBranch } = event;
    if (remote === undefined)
      throw gateError("git-fetch-failed", { from: "origin", what: `The branch ${baseRef}` }, "the checkout has no origin");
    const merged = await mergePullRequest(repository, checkout, { headSha, number, baseRef, remote, checkedOut, timeoutSeconds });
    return {
      head: { rev: merged.head, dirty: false, shown: `${short(headSha)} merged into ${baseRef}`, trust: "unreviewed" },
      base: {
        rev: merged.base,
        dirty: false,
        shown: `${baseRef}, ${short(merged.base)}`,
        trust: baseRef === deployBranch ? "deploy-branch" : "unreviewed",
      },
    };
  }
  const rev = event.rev ?? checkedOut;
  if (rev !== checkedOut && !(await isAncestor(repository, checkout, rev, checkedOut)))
    throw gateError("not-on-deploy-branch", { revision: rev, deployBranch: "the deploy branch", tip: checkedOut });
  const head = { rev, dirty: false, shown: short(rev), trust: event.trust };
  if (event.before === undefined) return { head, base: undefined };
  if (!/^[0-9a-f]{40}$/.test(event.before))
    throw gateError("ref-unknown", { ref: JSON.stringify(event.before.slice(0, 100)), shallow: checkout.shallow });
  const has = async (): Promise<boolean> =>
    (await repository.git.run({ directory: repository.directory, arguments: ["cat-file", "-e", `${event.before}^{commit}`] })).exitCode ===
    0;
  if (!(await has()) && remote !== undefined) {
    try {
      await fetchCommit(repository, checkout, remote, event.before, timeoutSeconds);
    } catch (error) {
      // A force-push took it away: there is then nothing to compare with, which is said and is no failure.
      if (!(error instanceof GateError) || error.failure.code !== "git-fetch-failed") throw error;
    }
  }
  if (!(await has())) return { head, base: undefined, baseMissing: `the commit before, ${short(event.before)}, is gone` };
  return { head, base: { rev: event.before, dirty: false, shown: short(event.before), trust: event.trust } };
}

async function isAncestor(repository: Repository, checkout: Checkout, rev: string, of: string): Promise<boolean> {
  return (await repository.git.run({ directory: checkout.root, arguments: ["merge-base", "--is-ancestor", rev, of] })).exitCode === 0;
}
