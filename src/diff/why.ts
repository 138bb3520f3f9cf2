import type { ClosureGraph, PathId } from "./closure.ts";
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
