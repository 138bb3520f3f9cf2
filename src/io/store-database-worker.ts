import { parentPort, workerData } from "node:worker_threads";
import { readStoreDatabase } from "./read-store-database.ts";

/** The entry of the thread that reads Nix's database while the files of the systems are read. Given by store-database.ts alone, which made what stands here. */
const { directory, roots } = workerData as { readonly directory: string; readonly roots: readonly string[] };
try {
  const closures = readStoreDatabase(directory, roots);
  parentPort?.postMessage({ closures }, [closures.narSizes.buffer, closures.offsets.buffer, closures.targets.buffer]);
} catch (error) {
  parentPort?.postMessage({ reason: error instanceof Error ? error.message : String(error) });
}
