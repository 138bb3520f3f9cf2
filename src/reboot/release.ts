import { modDirVersion } from "../diff/kernel.ts";
import { readSystem, toplevelFailure } from "../diff/toplevel.ts";
import type { StoreFiles } from "../io/ports.ts";

/** What `uname -r` will say of a system; undefined where it is not in this machine's store, or where its files do not tell. */
export function releaseOf(store: StoreFiles, toplevel: string): string | undefined {
  if (toplevelFailure(store, toplevel) !== undefined) return undefined;
  const { kernel, kernelModules } = readSystem(store, toplevel);
  return modDirVersion(store, kernel, kernelModules);
}
