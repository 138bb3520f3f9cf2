import type { ClosureGraph, PathId } from "./closure.ts";
import { nameOf } from "./store-path.ts";
import type { StorePath } from "./system.ts";

/**
 * The shortest chain of references that brings a path into a system, the toplevel first and the path last; empty where it is not in the closure. Among chains of
 * equal length the one whose paths Nix names first, so that equal input gives an equal answer.
 */
export function why(graph: ClosureGraph, toplevel: StorePath, path: StorePath): readonly StorePath[] {
  const [root, goal] = [graph.id(toplevel), graph.id(path)];
  if (root === undefined || goal === undefined) return [];
  const reachedFrom = new Map<PathId, PathId | undefined>([[root, undefined]]);
  const queue: PathId[] = [root];
  for (let next = 0; next < queue.length && !reachedFrom.has(goal); next += 1) {
    const at = queue[next] as PathId;
    for (const reference of graph.references(at)) {
      if (reachedFrom.has(reference)) continue;
      reachedFrom.set(reference, at);
      queue.push(reference);
    }
  }
  if (!reachedFrom.has(goal)) return [];
  const chain: StorePath[] = [];
  for (let at: PathId | undefined = goal; at !== undefined; at = reachedFrom.get(at)) chain.push(graph.path(at));
  return chain.reverse();
}

/** Why something is in one of two systems. `chain` is empty where it is in neither; `others` are the further paths of that name in the same system. */
export type Reason = {
  readonly asked: string;
  readonly side: "from" | "to" | undefined;
  readonly chain: readonly StorePath[];
  readonly others: readonly StorePath[];
};

/**
 * Why what was asked for is in the new system, or in the old one where only that has it: a store path or a path below one, the name behind a path's hash (`openssl-3.0.14`),
 * or a package's name (`openssl`). Of several paths the one that is nearest to the toplevel is explained.
 */
export function reasonFor(graph: ClosureGraph, from: StorePath, to: StorePath, asked: string): Reason {
  for (const [side, toplevel] of [
    ["to", to],
    ["from", from],
  ] as const) {
    const [nearest, ...others] = matching(graph, toplevel, asked);
    if (nearest !== undefined) return { asked, side, chain: why(graph, toplevel, nearest), others };
  }
  return { asked, side: undefined, chain: [], others: [] };
}

/** Paths of a closure, the nearest first. A whole name goes before a package's: `linux-6.12` asks for no other version. */
function matching(graph: ClosureGraph, toplevel: StorePath, asked: string): readonly StorePath[] {
  const closure = graph.closure(toplevel);
  const paths = (found: (id: PathId) => boolean): readonly StorePath[] => Array.from(closure.filter(found), (id) => graph.path(id));
  if (asked.includes("/")) return paths((id) => asked === graph.path(id) || asked.startsWith(`${graph.path(id)}/`));
  const named = paths((id) => nameOf(graph.path(id)) === asked);
  return named.length > 0 ? named : paths((id) => graph.packageName(graph.packageId(id)) === asked);
}
