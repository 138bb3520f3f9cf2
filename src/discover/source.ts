import type { Trust } from "../io/ports.ts";
import type { LockedFlake } from "./discover.ts";
import type { LockFinding } from "./flake-lock.ts";
import type { Repository } from "./git-tree.ts";
import type { Remote } from "./merge.ts";

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
  /** Told of `readable` as soon as it is known and before git fills it, so that a jail can be built meanwhile. `repo` in the scratch directory has to be there then. */
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
