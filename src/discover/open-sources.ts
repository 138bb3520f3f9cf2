import { join, resolve } from "node:path";
import { gateError } from "../failure.ts";
import type { Checkout, Git } from "../io/ports.ts";
import { judgeLock } from "./flake-lock.ts";
import { commitUrl, parseFlakeref, type LocalFlakeref } from "./flakeref.ts";
import { ask, findFlake, type GitTree, readTree, type Repository } from "./git-tree.ts";
import { fetchBranch, type Remote } from "./merge.ts";
import { originOf } from "./origin.ts";
import { plainSources } from "./plain-sources.ts";
import { lockOfBase, readLock } from "./read-lock.ts";
import { remoteSources } from "./remote-sources.ts";
import { revisionsOf, short, type SideRevision } from "./revisions.ts";
import type { Source, SourceRequest, Sources } from "./source.ts";

/**
 * Where the code of both sides comes from, before any Nix starts. The checkout is only read: commits, merges and working trees are made in a repository of our own in
 * the scratch directory, which borrows the checkout's objects. Throws GateErrors for everything that an operator can mend: see "where the code comes from" in the
 * table of failures.
 */
export async function openSources(request: SourceRequest, git: Git): Promise<Sources> {
  const flakeref = parseFlakeref(request.flake);
  if (flakeref.kind === "remote") return remoteSources(request, flakeref.url);
  const place = await git.locate(resolve(request.directory, flakeref.path));
  const shown = request.flake;
  switch (place.kind) {
    case "missing":
    case "file":
      throw gateError("not-a-flake", { flake: shown });
    case "bare":
      throw gateError("source-unusable", {
        flake: shown,
        problem: "it is a git directory without a working tree",
        next: `git clone ${place.path} checkout   # then: nixos-deploy-gate plan checkout`,
      });
    case "plain":
      return await plainSources(request, git, place.path, flakeref.directory ?? "");
    case "checkout":
      if (flakeref.kind === "path")
        return await plainSources(request, git, join(place.checkout.root, place.checkout.prefix), flakeref.directory ?? "");
      return await checkoutSources(request, git, place.checkout, flakeref);
  }
}

async function checkoutSources(request: SourceRequest, git: Git, checkout: Checkout, flakeref: LocalFlakeref): Promise<Sources> {
  const repository: Repository = { git, directory: join(request.scratch, "repo") };
  const created = git.createRepository(repository.directory, checkout);
  const readable = [repository.directory, ...checkout.objectDirectories];
  request.onReadable?.(readable);
  await created;
  const trees = new Map<string, Promise<GitTree>>();
  const treeOf = (rev: string): Promise<GitTree> => {
    const tree = trees.get(rev) ?? readTree(repository, rev);
    tree.catch(() => {});
    trees.set(rev, tree);
    return tree;
  };
  const sides = await revisionsOf(request, repository, checkout, flakeref, (rev) => void treeOf(rev));
  // Nix before 2.20 asks a repository for its HEAD even where the commit is named, and gives up on one that has none.
  const [tree, baseTree] = await Promise.all([
    treeOf(sides.head.rev),
    sides.base === undefined ? undefined : treeOf(sides.base.rev),
    git.pointHead(repository.directory, sides.head.rev),
  ]);
  const directory = findFlake(
    tree,
    join("/", checkout.prefix, flakeref.directory ?? "").replace(/^\/|\/$/g, ""),
    flakeref.directory !== undefined,
    request.flake,
  );
  if (directory === undefined) throw await noFlake(request, git, checkout, flakeref);
  const headLock = await readLock(repository, tree, directory, request.flake);

  // A fetch may have brought the rest of it.
  const shallow = checkout.shallow && (await ask(repository, "reading the history", ["rev-parse", "--is-shallow-repository"])) === "true";
  const source = (side: SideRevision): Source => ({
    url: commitUrl(repository.directory, side.rev, directory, shallow),
    shown: `${request.flake} (${side.shown})`,
    rev: side.rev,
    dirty: side.dirty,
    trust: side.trust,
  });
  const baseHasFlake = baseTree?.files.has(join(directory, "flake.nix")) === true;
  const baseLock = baseTree === undefined || !baseHasFlake ? undefined : await lockOfBase(repository, baseTree, directory);
  const given = request.event.kind === "shell" ? undefined : request.event.remote;
  const origin = async (): Promise<Remote | undefined> => await originOf(repository, checkout, given, request.forgeToken);
  return {
    head: source(sides.head),
    base: sides.base === undefined || !baseHasFlake ? undefined : source(sides.base),
    ...(baseHasFlake
      ? {}
      : {
          baseMissing:
            sides.base === undefined ? (sides.baseMissing ?? "nothing was there before") : `${sides.base.shown} has no flake there`,
        }),
    lockFindings: headLock === undefined ? [] : judgeLock(headLock, baseLock, { directory, symlinks: tree.symlinks }),
    lockRead: true,
    readable,
    inGit: { repository, directory },
    at: (rev) => source({ rev, dirty: false, shown: short(rev), trust: "deploy-branch" }),
    origin,
    fetchBranch: async (branch) => {
      const remote = await origin();
      if (remote === undefined)
        throw gateError("git-fetch-failed", { from: "origin", what: `The branch ${branch}` }, "the checkout has no origin");
      return await fetchBranch(repository, remote, branch, request.timeoutSeconds ?? 300);
    },
  };
}

async function noFlake(request: SourceRequest, git: Git, checkout: Checkout, flakeref: LocalFlakeref): Promise<Error> {
  const path = join(checkout.root, checkout.prefix, flakeref.directory ?? "", "flake.nix");
  const there = await git.readFile(path, 0);
  if (there.kind === "missing" || request.event.kind !== "shell") return gateError("not-a-flake", { flake: request.flake });
  return gateError("source-unusable", {
    flake: request.flake,
    problem: "its flake.nix is not tracked by git, so that Nix does not see it",
    next: "git add flake.nix",
  });
}
