import { gateError } from "../failure.ts";
import type { Checkout } from "../io/ports.ts";
import { ask, askOptional, type Repository } from "./git-tree.ts";

/** A commit of what people see in the checkout. */
export type Snapshot = { readonly rev: string; readonly dirty: boolean };

/**
 * The working tree as `nix build .` would see it: tracked files with their present content, and new ones that are staged. It becomes a commit of our own repository by
 * way of its copy of the index; the checkout's index, objects and stat cache stay as they are. Without changes it is the checkout's own commit.
 */
export async function snapshot(repository: Repository, checkout: Checkout, checkedOut: Promise<LastCommit | undefined>): Promise<Snapshot> {
  const own = `${repository.directory}/.git`;
  // Objects go to a store that borrows from none: git marks an object that it would have written as fresh wherever it finds it, and that is a write to the checkout.
  const environment = { GIT_DIR: own, GIT_WORK_TREE: checkout.root, GIT_OBJECT_DIRECTORY: `${own}/fresh` };
  const at: Repository = { git: repository.git, directory: checkout.root };
  const written = ask(at, "reading the working tree", ["add", "--update", "--", "."], { environment }).then(
    async () => await ask(at, "reading the working tree", ["write-tree", "--missing-ok"], { environment }),
  );
  written.catch(() => {});
  // What is wrong with the repository as a whole is said before what that breaks here.
  const last = await checkedOut;
  const tree = await written;
  if (tree === last?.tree) return { rev: last.rev, dirty: false };
  // The last commit's date, as Nix gives it to a working tree; so the same content is the same revision.
  const date = last?.date ?? "946684800";
  const dated = { GIT_AUTHOR_DATE: `${date} +0000`, GIT_COMMITTER_DATE: `${date} +0000` };
  const parents = last === undefined ? [] : ["-p", last.rev];
  const rev = await ask(repository, "keeping the working tree", ["commit-tree", tree, ...parents, "-m", "Working tree"], {
    environment: dated,
  });
  return { rev, dirty: true };
}

/** `parent` is the first one; undefined for a first commit, and where a shallow history ends. `date` is the committer's, in seconds. */
export type LastCommit = { readonly rev: string; readonly tree: string; readonly date: string; readonly parent: string | undefined };

/** The commit that is checked out; undefined before the first one. Throws the GateError `source-unusable` where ids are not the kind that Nix takes. */
export async function lastCommit(repository: Repository, checkout: Checkout): Promise<LastCommit | undefined> {
  const at: Repository = { git: repository.git, directory: checkout.root };
  const said = await askOptional(at, ["rev-list", "--max-count=1", "--format=%H %T %ct %P", "HEAD", "--"]);
  // Before it stands a line of rev-list's own, which only newer ones can leave out.
  const [rev, tree, date, parent] = said?.split("\n")[1]?.split(" ") ?? [];
  if (rev === undefined || tree === undefined || date === undefined) return undefined;
  if (rev.length !== 40)
    throw gateError("source-unusable", {
      flake: checkout.root,
      problem: "it is a repository with SHA-256 ids, which Nix does not read",
      next: "git rev-parse --show-object-format",
    });
  return { rev, tree, date, parent: parent === "" ? undefined : parent };
}

/** A commit by any name that git knows in the checkout, or on its origin. Throws the GateError `ref-unknown`. */
export async function resolveRef(repository: Repository, checkout: Checkout, ref: string): Promise<string> {
  const at: Repository = { git: repository.git, directory: checkout.root };
  if (!ref.startsWith("-") && ref !== "" && !/\p{Cc}/u.test(ref))
    for (const name of [ref, `origin/${ref}`]) {
      const rev = await askOptional(at, ["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`]);
      if (rev !== undefined) return rev;
    }
  throw gateError("ref-unknown", { ref: JSON.stringify(ref.slice(0, 100)), shallow: checkout.shallow });
}

export type DefaultBase = { readonly rev: string; readonly shown: string };

export type DefaultBranch = { readonly name: string; readonly rev: string };

/** The default branch, as far as the checkout knows one: where its origin's HEAD leads, else main or master. */
export async function defaultBranch(repository: Repository, checkout: Checkout): Promise<DefaultBranch | undefined> {
  const at: Repository = { git: repository.git, directory: checkout.root };
  const names = [
    "refs/remotes/origin/HEAD",
    "refs/remotes/origin/main",
    "refs/remotes/origin/master",
    "refs/heads/main",
    "refs/heads/master",
  ];
  const known = await ask(at, "reading the branches", ["for-each-ref", "--format=%(refname) %(objectname)", ...names]);
  for (const name of names) {
    // A pattern also names what stands below it (refs/heads/main/x), and the blank ends the name.
    const rev = known
      .split("\n")
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1);
    if (rev !== undefined) return { name: name.replace(/^refs\/(remotes|heads)\//, ""), rev };
  }
  return undefined;
}

/**
 * What a change in a shell is compared with where nothing was said: the commit at which it left the default branch; else the last commit for a working tree with
 * changes, and the one before for one without. Undefined where there is none of these: every host is then new, which is the truth of a first commit. Throws the
 * GateError `ref-unknown` where history was cut off.
 */
export async function defaultBase(
  repository: Repository,
  checkout: Checkout,
  head: Snapshot,
  known: { readonly last: LastCommit | undefined; readonly branch: DefaultBranch | undefined },
): Promise<DefaultBase | undefined> {
  const at: Repository = { git: repository.git, directory: checkout.root };
  const { last, branch } = known;
  if (last === undefined) return undefined;
  if (branch !== undefined) {
    // Without a common commit, in a shallow clone, its tip is the best there is.
    const left = branch.rev === last.rev ? last.rev : ((await askOptional(at, ["merge-base", branch.rev, last.rev])) ?? branch.rev);
    if (left !== last.rev) return { rev: left, shown: left === branch.rev ? branch.name : `where it left ${branch.name}` };
  }
  if (head.dirty) return { rev: last.rev, shown: "the last commit" };
  if (last.parent === undefined && checkout.shallow) throw gateError("ref-unknown", { ref: "HEAD~1", shallow: true });
  if (last.parent === undefined) return undefined;
  return { rev: last.parent, shown: "the commit before" };
}
