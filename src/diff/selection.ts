import type { ClosureGraph, PathId } from "./closure.ts";
import { storePathOf } from "./store-path.ts";
import type { SelectedBy } from "./system-diff.ts";
import type { System, StorePath } from "./system.ts";

/** Who names a path directly, as bits of `bitOf`. Paths that are only dependencies are not in it. Bits, because a fleet has half a million of these. */
export type Selection = ReadonlyMap<PathId, number>;

const bitOf: Readonly<Record<SelectedBy, number>> = { "system-path": 1, unit: 2, etc: 4 };

/** The names of the bits that are set. */
export function selectors(bits: number): readonly SelectedBy[] {
  return (Object.keys(bitOf) as SelectedBy[]).filter((by) => (bits & bitOf[by]) !== 0);
}

/** Where a system keeps what it selects; found by following the links `sw` and `etc` of the toplevel. */
export type SelectionRoots = { readonly systemPath: StorePath | undefined; readonly etc: StorePath | undefined };

/**
 * Reads from the references who asked for a package: the system path, a unit, or a file of /etc. A unit or a file that the configuration makes is a path of its own
 * without a version, and what it refers to is what it names; a package that /etc links to is named itself, and its dependencies are not.
 */
export function selectionOf(
  graph: ClosureGraph,
  system: Pick<System, "units" | "userUnits">,
  roots: SelectionRoots,
  prefix: string,
): Selection {
  const selection = new Map<PathId, number>();
  const select = (id: PathId, by: SelectedBy): void => void selection.set(id, (selection.get(id) ?? 0) | bitOf[by]);
  const named = (id: PathId, by: SelectedBy): void => {
    select(id, by);
    if (graph.version(id) !== "") return;
    for (const reference of graph.references(id)) select(reference, by);
  };

  for (const id of referencesOf(graph, roots.systemPath)) select(id, "system-path");
  const unitPaths = new Set<PathId>();
  for (const unit of [...system.units.values(), ...system.userUnits.values()]) {
    const path = unit.path === undefined ? undefined : storePathOf(unit.path, prefix);
    const id = path === undefined ? undefined : graph.id(path);
    if (id !== undefined) unitPaths.add(id);
  }
  // Drop-ins are units of their own in the store; the directory of units refers to all of them.
  for (const id of referencesOf(graph, roots.etc)) {
    const name = graph.packageName(graph.packageId(id));
    if (name === "system-units" || name === "user-units") for (const unit of graph.references(id)) unitPaths.add(unit);
    else if (!unitPaths.has(id)) named(id, "etc");
  }
  for (const id of unitPaths) named(id, "unit");
  return selection;
}

function referencesOf(graph: ClosureGraph, path: StorePath | undefined): readonly PathId[] {
  const id = path === undefined ? undefined : graph.id(path);
  return id === undefined ? [] : graph.references(id);
}
