import type { ClosureGraph, PathId } from "./closure.ts";
import { nameOf } from "./store-path.ts";
import { isToplevelName } from "./same-change.ts";
import type { ClosureView, PackagesDiff } from "./system-diff.ts";
import type { StorePath } from "./system.ts";

/** What of two closures goes into a record: a report shows no more, and a record that grows with a closure is no record. */
const most = { packages: 120, chains: 60, steps: 12 } as const;

/**
 * Two closures as a person looks at them: the largest packages of both sides in bytes, and for each package that came, went or moved the shortest chain of references that
 * brings it in, without the toplevel, whose name is each host's own. Walks each closure twice.
 */
export function closureView(graph: ClosureGraph, from: StorePath, to: StorePath, packages: PackagesDiff): ClosureView {
  const sizes = new Map<number, { from: number; to: number }>();
  for (const [side, toplevel] of [
    ["from", from],
    ["to", to],
  ] as const)
    for (const id of graph.closure(toplevel)) {
      const known = sizes.get(graph.packageId(id));
      if (known === undefined) sizes.set(graph.packageId(id), { from: 0, to: 0, [side]: graph.narSize(id) });
      else known[side] += graph.narSize(id);
    }
  const ordered = Array.from(sizes, ([id, size]) => ({ name: graph.packageName(id), ...size })).sort(
    (a, b) => Math.max(b.from, b.to) - Math.max(a.from, a.to) || (a.name < b.name ? -1 : 1),
  );
  const others = { packages: 0, from: 0, to: 0 };
  // The toplevel has the host's name in its own, and two hosts with one change are to have one record of it.
  const shown = ordered.filter(({ name }) => !isToplevelName(name)).slice(0, most.packages);
  const kept = new Set(shown);
  for (const one of ordered.filter((each) => !kept.has(each))) {
    others.packages += 1;
    others.from += one.from;
    others.to += one.to;
  }
  const known = (all: readonly { readonly name: string; readonly versions: readonly string[] }[]): string[] =>
    all.flatMap(({ name, versions }) => (isVersioned(name, versions) ? [name] : []));
  const moved = (["down", "mixed", "up"] as const).flatMap((way) => packages.changed.filter(({ direction }) => direction === way));
  const wanted = [...known(moved.map(({ name, to: versions }) => ({ name, versions }))), ...known(packages.added)];
  return {
    largest: shown,
    others,
    chains: [
      ...chains(graph, to, from, wanted).map((path) => ({ ...path, side: "to" as const })),
      ...chains(graph, from, to, known(packages.removed)).map((path) => ({ ...path, side: "from" as const })),
    ].slice(0, most.chains),
  };
}

/** A path without a version is mostly a file that the configuration makes, and the toplevel has its own name. */
const isVersioned = (name: string, versions: readonly string[]): boolean =>
  !isToplevelName(name) && versions.some((version) => version !== "");

/** For each name the chain to the nearest path of it that the other side does not have; in the order of the names, those that have none left out. */
function chains(graph: ClosureGraph, toplevel: StorePath, other: StorePath, names: readonly string[]): { name: string; path: string[] }[] {
  if (names.length === 0) return [];
  const there = new Set(graph.closure(other));
  const wanted = new Set(names.slice(0, most.chains).map((name) => graph.packageIdOf(name)));
  const found = new Map<number, PathId>();
  const reachedFrom = new Map<PathId, PathId>();
  const closure = graph.closure(toplevel);
  // The order of a closure is that of a walk in breadth, so that whoever refers to a path first is on a shortest way to it.
  for (const id of closure) {
    const packageId = graph.packageId(id);
    if (wanted.has(packageId) && !found.has(packageId) && !there.has(id)) found.set(packageId, id);
    for (const reference of graph.references(id)) if (!reachedFrom.has(reference)) reachedFrom.set(reference, id);
  }
  return names.flatMap((name) => {
    const goal = found.get(graph.packageIdOf(name) ?? -1);
    if (goal === undefined) return [];
    const path: string[] = [];
    for (let at: PathId | undefined = goal; at !== undefined && at !== closure[0]; at = reachedFrom.get(at))
      path.unshift(nameOf(graph.path(at)));
    return [{ name, path: path.length <= most.steps ? path : [...path.slice(0, 5), "…", ...path.slice(-6)] }];
  });
}
