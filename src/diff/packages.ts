import type { ClosureGraph, PathId } from "./closure.ts";
import type { PackageChange, PackageSide, PackagesDiff } from "./system-diff.ts";
import type { StorePath } from "./system.ts";
import { compareVersions, direction } from "./version.ts";
import { type Selection, selectors } from "./selection.ts";

type Group = {
  readonly from: Set<string>;
  readonly to: Set<string>;
  sizeFrom: number;
  sizeTo: number;
  selectedBy: number;
};

/**
 * Compares two closures package by package. A package is every path with its name: outputs and several versions side by side are one package. Only names with a path
 * that differs appear, so `rebuilt` are those whose versions are equal and whose paths are not.
 */
export function diffPackages(
  graph: ClosureGraph,
  from: StorePath,
  to: StorePath,
  selection: { readonly from: Selection; readonly to: Selection },
): PackagesDiff {
  const [before, after] = [graph.closure(from), graph.closure(to)];
  const seen = graph.startWalk();
  const walk = graph.walk;
  const groups = new Map<number, Group>();
  let [sizeFrom, sizeTo] = [0, 0];

  for (const id of after) {
    seen[id] = walk;
    sizeTo += graph.narSize(id);
  }
  const kept: PathId[] = [];
  for (const id of before) {
    sizeFrom += graph.narSize(id);
    if (seen[id] === walk) {
      seen[id] = 0;
      kept.push(id);
    } else {
      add(group(groups, graph.packageId(id)), graph, id, "from", selection.from);
    }
  }
  for (const id of after) {
    // What is still marked was not on the other side.
    if (seen[id] === walk) add(group(groups, graph.packageId(id)), graph, id, "to", selection.to);
  }
  // A version that stays belongs to the picture of a package that changes beside it.
  for (const id of kept) {
    const known = groups.get(graph.packageId(id));
    if (known === undefined) continue;
    add(known, graph, id, "from", selection.from);
    add(known, graph, id, "to", selection.to);
  }
  return { ...sorted(graph, groups), sizeDelta: sizeTo - sizeFrom, sizeFrom, sizeTo, pathsFrom: before.length, pathsTo: after.length };
}

function group(groups: Map<number, Group>, packageId: number): Group {
  const known = groups.get(packageId);
  if (known !== undefined) return known;
  const made: Group = { from: new Set(), to: new Set(), sizeFrom: 0, sizeTo: 0, selectedBy: 0 };
  groups.set(packageId, made);
  return made;
}

function add(into: Group, graph: ClosureGraph, id: PathId, side: "from" | "to", selection: Selection): void {
  into[side].add(graph.version(id));
  if (side === "from") into.sizeFrom += graph.narSize(id);
  else into.sizeTo += graph.narSize(id);
  into.selectedBy |= selection.get(id) ?? 0;
}

function sorted(graph: ClosureGraph, groups: ReadonlyMap<number, Group>): Pick<PackagesDiff, "added" | "removed" | "changed" | "rebuilt"> {
  const added: PackageSide[] = [];
  const removed: PackageSide[] = [];
  const changed: PackageChange[] = [];
  const rebuilt: PackageChange[] = [];
  const named = [...groups].map(([id, group]) => ({ name: graph.packageName(id), group }));
  named.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const { name, group } of named) {
    const [from, to] = [ordered(group.from), ordered(group.to)];
    const selectedBy = selectors(group.selectedBy);
    if (from.length === 0) added.push({ name, versions: to, size: group.sizeTo, selectedBy });
    else if (to.length === 0) removed.push({ name, versions: from, size: group.sizeFrom, selectedBy });
    else {
      const same = from.length === to.length && from.every((version, index) => version === to[index]);
      const change: PackageChange = {
        name,
        from,
        to,
        direction: same ? "same" : direction(from, to),
        sizeDelta: group.sizeTo - group.sizeFrom,
        selectedBy,
      };
      (same ? rebuilt : changed).push(change);
    }
  }
  return { added, removed, changed, rebuilt };
}

const ordered = (versions: ReadonlySet<string>): readonly string[] =>
  [...versions].sort((a, b) => compareVersions(a, b) || (a < b ? -1 : a > b ? 1 : 0));
