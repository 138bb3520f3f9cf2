import { join, resolve } from "node:path";
import { gateError, GateError } from "../failure.ts";
import type { Checkout, Git, Trust } from "../io/ports.ts";
import type { LockedFlake } from "./discover.ts";
import { judgeLock, type LockFinding } from "./flake-lock.ts";
import { commitUrl, parseFlakeref, type Flakeref } from "./flakeref.ts";
import { ask, findFlake, readLock, readTree, type GitTree, type Repository } from "./git-tree.ts";
import type { LockFile } from "./lock-file.ts";
import { fetchBranch, fetchCommit, mergePullRequest, type Remote } from "./merge.ts";
import { defaultBase, defaultBranch, headOf, resolveRef, snapshot } from "./working-tree.ts";

/** What asked for the two sides. */
export type SourceEvent =
  /** In a shell: the working tree, or the commit that the flakeref names, against `base` (a ref; for a remote flakeref another flakeref). */
  | {
      readonly kind: "shell";
      readonly base?: string | undefined;
      /** `deploy-branch` where whoever types it is about to run this very code as root on their hosts; unreviewed where absent. */
      readonly trust?: Trust;
    }
  /** `remote` is the checkout's origin where absent. `deployBranch` is the short name of the branch that is deployed. */
  | {
      readonly kind: "pull-request";
      readonly number?: number | undefined;
      readonly headSha: string;
      readonly baseRef: string;
      readonly deployBranch: string | undefined;
      readonly remote?: Remote | undefined;
    }
  /** A push, a dispatch or a schedule: what is checked out, against what was there before. */
  | {
      readonly kind: "branch";
      readonly trust: Trust;
      readonly before?: string | undefined;
      /** The commit that was approved, where the branch may have moved on since; it has to be in the history of what is checked out. */
      readonly rev?: string | undefined;
      readonly remote?: Remote | undefined;
    };

export type SourceRequest = {
  readonly flake: string;
  /** The job's token, for a checkout whose origin is on that very server and needs it. It is sent nowhere else. */
  readonly forgeToken?: { readonly serverUrl: string; readonly token: string } | undefined;
  /** What a relative path in it starts from. */
  readonly directory: string;
  /** A directory of this run alone, 0700. */
  readonly scratch: string;
  readonly event: SourceEvent;
  /** Of each step with git, in seconds; 300 where absent. */
  readonly timeoutSeconds?: number;
  /** Told of `readable` as soon as these directories are there and before git fills them, so that a jail can be built meanwhile. */
  readonly onReadable?: (readable: readonly string[]) => void;
};

/** One side of the change. `rev` is undefined where it is no commit. `dirty`: the working tree has changes that no commit holds. */
export type Source = LockedFlake & { readonly rev: string | undefined; readonly dirty: boolean; readonly trust: Trust };

export type Sources = {
  readonly head: Source;
  /** undefined where there is nothing to compare with; `baseMissing` then says why, as a clause. */
  readonly base: Source | undefined;
  readonly baseMissing?: string;
  /** Inputs that must not be fetched. `lockRead` is false for a remote flake, whose lock file only Nix can get; the jail is then the one wall. */
  readonly lockFindings: readonly LockFinding[];
  readonly lockRead: boolean;
  /** What a jail has to show for Nix to read the sources. */
  readonly readable: readonly string[];
  /** Where both sides are as commits, and the flake's directory below the root; absent where they are in no repository of ours. */
  readonly inGit?: { readonly repository: Repository; readonly directory: string };
  /** The same flake at another commit of the deploy branch, where there is a repository. Whether it is one is for the caller to show. */
  readonly at?: (rev: string) => Source;
  /** The tip of a branch of the checkout's origin as it is now; all of its history is here afterwards. Throws the GateError `git-fetch-failed`. */
  readonly fetchBranch?: (branch: string) => Promise<string>;
  /** The checkout's origin, with the forge's token where it is that forge's; undefined where it has none. */
  readonly origin?: () => Promise<Remote | undefined>;
};

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

type LocalFlakeref = Extract<Flakeref, { kind: "local" }>;

async function checkoutSources(request: SourceRequest, git: Git, checkout: Checkout, flakeref: LocalFlakeref): Promise<Sources> {
  const repository: Repository = { git, directory: join(request.scratch, "repo") };
  await git.createRepository(repository.directory, checkout);
  const readable = [repository.directory, ...checkout.objectDirectories];
  request.onReadable?.(readable);
  const sides = await sidesOf(request, repository, checkout, flakeref);
  // Nix before 2.20 asks a repository for its HEAD even where the commit is named, and gives up on one that has none.
  const [tree, baseTree] = await Promise.all([
    readTree(repository, sides.head.rev),
    sides.base === undefined ? undefined : readTree(repository, sides.base.rev),
    ask(repository, "naming the commit", ["update-ref", "--no-deref", "HEAD", sides.head.rev]),
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
  const source = (side: Side): Source => ({
    url: commitUrl(repository.directory, side.rev, directory, shallow),
    shown: `${request.flake} (${side.shown})`,
    rev: side.rev,
    dirty: side.dirty,
    trust: side.trust,
  });
  const baseHasFlake = baseTree?.files.has(join(directory, "flake.nix")) === true;
  const baseLock = baseTree === undefined || !baseHasFlake ? undefined : await lockOfBase(repository, baseTree, directory);
  const given = request.event.kind === "shell" ? undefined : request.event.remote;
  const origin = async (): Promise<Remote | undefined> => await remoteOf(repository, checkout, given, request.forgeToken);
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

/** A lock file of base that cannot be read vouches for nothing, and is not the change's fault. */
async function lockOfBase(repository: Repository, tree: GitTree, directory: string): Promise<LockFile | undefined> {
  const file = tree.files.get(join(directory, "flake.lock"));
  if (file?.kind !== "file") return undefined;
  const text = await ask(repository, "reading the lock file of the base", ["cat-file", "blob", file.object]);
  const { parseLock } = await import("./lock-file.ts");
  const parsed = parseLock(text);
  return parsed.ok ? parsed.lock : undefined;
}

const short = (rev: string): string => rev.slice(0, 9);

type Side = { readonly rev: string; readonly shown: string; readonly dirty: boolean; readonly trust: Trust };
type Sides = { readonly head: Side; readonly base: Side | undefined; readonly baseMissing?: string };

async function sidesOf(request: SourceRequest, repository: Repository, checkout: Checkout, flakeref: LocalFlakeref): Promise<Sides> {
  const { event } = request;
  const timeoutSeconds = request.timeoutSeconds ?? 300;
  if (event.kind === "shell") {
    const named = flakeref.rev ?? flakeref.ref;
    const [last, branch] = await Promise.all([headOf(repository, checkout), defaultBranch(repository, checkout)]);
    const head =
      named === undefined
        ? await snapshot(repository, checkout, last)
        : { rev: await resolveRef(repository, checkout, named), dirty: false };
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
  const checkedOut = await headOf(repository, checkout);
  if (checkedOut === undefined) throw gateError("ref-unknown", { ref: "HEAD", shallow: checkout.shallow });
  const remote = await remoteOf(repository, checkout, event.remote, request.forgeToken);
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

/** The remote that was given, else the checkout's origin. A password in its url becomes a token, so that it stands in no argument list. */
async function remoteOf(
  repository: Repository,
  checkout: Checkout,
  given: Remote | undefined,
  forgeToken: SourceRequest["forgeToken"],
): Promise<Remote | undefined> {
  const at: Repository = { git: repository.git, directory: checkout.root };
  const asked =
    given === undefined ? await at.git.run({ directory: at.directory, arguments: ["config", "--get", "remote.origin.url"] }) : undefined;
  const url = given?.url ?? (asked?.exitCode === 0 ? asked.stdout.replace(/\n$/, "") : undefined);
  if (url === undefined || url === "") return undefined;
  if (!URL.canParse(url)) return { url: url.startsWith("/") ? url : /^[^/]+:/.test(url) ? url : resolve(checkout.root, url) };
  const parsed = new URL(url);
  const password = decodeURIComponent(parsed.password === "" ? parsed.username : parsed.password);
  const own = forgeToken !== undefined && URL.canParse(forgeToken.serverUrl) && new URL(forgeToken.serverUrl).origin === parsed.origin;
  const token = given?.token ?? (parsed.protocol.startsWith("http") && password !== "" ? password : own ? forgeToken.token : undefined);
  if (parsed.protocol.startsWith("http")) parsed.username = parsed.password = "";
  return { url: parsed.username === "" && parsed.password === "" && !url.includes("@") ? url : parsed.href, token };
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

/** A directory that is copied into the store as it is. There is no earlier state to compare it with. */
async function plainSources(request: SourceRequest, git: Git, path: string, directory: string): Promise<Sources> {
  const { git: found, symlinks } = await git.scan(path);
  if (found !== undefined)
    throw gateError("source-unusable", {
      flake: request.flake,
      problem: `all of it would be copied into the store, where everyone may read it, and with it ${found}, which may hold credentials`,
      next: "nixos-deploy-gate plan .   # without path:, so that only what git tracks is copied",
    });
  if ((await git.readFile(join(path, directory, "flake.nix"), 0)).kind === "missing")
    throw gateError("not-a-flake", { flake: request.flake });
  const lock = await git.readFile(join(path, directory, "flake.lock"), 8 * 1024 * 1024);
  const { parseLock } = await import("./lock-file.ts");
  const parsed = lock.kind === "text" ? parseLock(lock.text) : undefined;
  if (lock.kind === "symlink" || lock.kind === "other")
    throw gateError("lock-unreadable", { flake: request.flake, problem: "it is not a regular file" });
  if (lock.kind === "too-long") throw gateError("lock-unreadable", { flake: request.flake, problem: "it is longer than 8 MiB" });
  if (parsed?.ok === false) throw gateError("lock-unreadable", { flake: request.flake, problem: parsed.problem });
  const escaped = path.split("/").map(encodeURIComponent).join("/");
  return {
    head: {
      url: `path:${escaped}${directory === "" ? "" : `?dir=${encodeURIComponent(directory)}`}`,
      shown: request.flake,
      rev: undefined,
      dirty: true,
      trust: request.event.kind === "pull-request" ? "unreviewed" : (request.event.trust ?? "unreviewed"),
    },
    base: undefined,
    baseMissing: "a directory without git has no earlier state",
    lockFindings: parsed === undefined ? [] : judgeLock(parsed.lock, undefined, { directory, symlinks }),
    lockRead: true,
    readable: [path],
  };
}

/** Fetched by Nix, so both sides are flakerefs and nothing is known of them yet. */
function remoteSources(request: SourceRequest, url: string): Sources {
  if (request.event.kind !== "shell")
    throw gateError("source-unusable", {
      flake: request.flake,
      problem: "on a forge the gate looks at what is checked out",
      next: `Set the input "flake" to a path in the repository.`,
    });
  const source = (ref: string): Source => ({ url: ref, shown: ref, rev: undefined, dirty: false, trust: "unreviewed" });
  const { base } = request.event;
  if (base !== undefined && parseFlakeref(base).kind !== "remote")
    throw gateError("source-unusable", {
      flake: request.flake,
      problem: "its base has to be a flakeref too",
      next: `nixos-deploy-gate plan ${request.flake} --base github:OWNER/REPO/REV`,
    });
  return {
    head: source(url),
    base: base === undefined ? undefined : source(base),
    ...(base === undefined ? { baseMissing: "no base was named" } : {}),
    lockFindings: [],
    lockRead: false,
    readable: [],
  };
}
