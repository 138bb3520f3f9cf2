import { isToplevelName } from "../diff/same-change.ts";
import type { PlanDiff } from "./plan-diff.ts";

type Packages = PlanDiff["packages"];
type Told = Pick<Packages, "added" | "removed" | "changed" | "rebuilt"> & {
  /** How many paths that nobody calls a package differ. */
  readonly generated: number;
};

/**
 * The packages of a diff, apart from the files that the configuration makes: units, etc, system-path, the toplevel itself. These have no version, they differ with
 * everything that they refer to, and what differs in them is told elsewhere. What stands in the system path is a package even without a version: scripts have none.
 */
export function packagesOf({ packages }: PlanDiff): Told {
  const [added, removed] = [packages.added, packages.removed].map((all) =>
    all.filter((one) => !isGenerated(one.name, one.versions, one.selectedBy)),
  ) as [Packages["added"], Packages["removed"]];
  const [changed, rebuilt] = [packages.changed, packages.rebuilt].map((all) =>
    all.filter((one) => !isGenerated(one.name, [...one.from, ...one.to], one.selectedBy)),
  ) as [Packages["changed"], Packages["rebuilt"]];
  const all = packages.added.length + packages.removed.length + packages.changed.length + packages.rebuilt.length;
  return { added, removed, changed, rebuilt, generated: all - added.length - removed.length - changed.length - rebuilt.length };
}

/** No version at all is one whose text was left out, since strangers may read; the empty one is that of a path without one. */
function isGenerated(name: string, versions: readonly string[], selectedBy: readonly string[]): boolean {
  if (isToplevelName(name)) return true;
  return versions.length > 0 && versions.every((version) => version === "") && !selectedBy.includes("system-path");
}
