import type { StoreClosures, StoreDatabase } from "./ports.ts";
import { type PackedClosures, pathSeparator, readStoreDatabase } from "./read-store-database.ts";

export type StoreDatabaseOptions = {
  /** The environment of this process; NIX_REMOTE in it may say that the store is not this machine's. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where Nix keeps it. */
  readonly directory?: string;
  /** Told once, as a sentence, why it was not read. */
  readonly onUnusable?: (reason: string) => void;
};

/** Values of NIX_REMOTE with which Nix uses the store of this machine, itself or through its daemon. */
const ownStore: ReadonlySet<string> = new Set(["", "auto", "local", "daemon"]);

/** Beside this file, from the sources as from the bundle. */
const worker = new URL(import.meta.url.endsWith(".ts") ? "store-database-worker.ts" : "store-database-worker.js", import.meta.url);

/** To start a thread takes as long as to read the closures of this many systems. */
const fewRoots = 24;

/**
 * Nix's database of this machine's store, `/nix/var/nix/db/db.sqlite`, for a fleet read in a thread of its own. On a machine with several users it may only be readable by root; what cannot
 * be read is no failure, and Nix is asked.
 *
 * The store that Nix would ask may be another one, by its settings. A path that is valid here and whose files are here is then still described by this database.
 */
export function storeDatabase({ environment, directory = "/nix/var/nix/db", onUnusable }: StoreDatabaseOptions): StoreDatabase {
  let told = false;
  const unusable = (reason: string): undefined => {
    if (!told) onUnusable?.(reason);
    told = true;
  };
  return {
    closures: async (roots) => {
      if (!ownStore.has(environment["NIX_REMOTE"] ?? "")) return unusable("NIX_REMOTE names another store");
      const answer = await (roots.length <= fewRoots ? here(directory, roots) : inThread(directory, roots));
      return "reason" in answer ? unusable(answer.reason) : unpacked(answer.closures);
    },
  };
}

type Answer = { readonly closures: PackedClosures } | { readonly reason: string };

function here(directory: string, roots: readonly string[]): Answer {
  try {
    return { closures: readStoreDatabase(directory, roots) };
  } catch (error) {
    return { reason: reasonOf(error) };
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Never rejects: a thread that cannot be started, or that dies, is a reason as well. */
async function inThread(directory: string, roots: readonly string[]): Promise<Answer> {
  const { Worker } = await import("node:worker_threads");
  return await new Promise((resolve) => {
    const failed = (error: unknown): void => resolve({ reason: reasonOf(error) });
    try {
      const thread = new Worker(worker, { workerData: { directory, roots }, env: {} });
      thread
        .once("message", resolve)
        .once("error", failed)
        .once("exit", (code) => failed(`its thread ended with ${code}`));
    } catch (error) {
      failed(error);
    }
  });
}

function unpacked({ paths, ...numbers }: PackedClosures): StoreClosures {
  return { paths: paths === "" ? [] : paths.split(pathSeparator), ...numbers };
}
