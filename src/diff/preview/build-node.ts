import { posix } from "node:path";

/**
 * What stands at a place of an output that nobody has built yet. `unknown` is neither there nor absent: something is expected there that only the build can tell.
 */
export type BuildNode =
  | { readonly kind: "file"; readonly text: string; readonly executable: boolean }
  | { readonly kind: "symlink"; readonly target: string }
  | DirectoryNode
  | { readonly kind: "unknown"; readonly why: string };

/** `complete` is false where the build may put more into it than could be followed. */
export type DirectoryNode = {
  readonly kind: "directory";
  readonly entries: Map<string, BuildNode>;
  complete: boolean;
  /** Its entries are read from a disk when they are asked for: a single one is better asked for by its place. */
  readonly lazy?: true;
};

export const directory = (): DirectoryNode => ({ kind: "directory", entries: new Map(), complete: true });
export const unknown = (why: string): BuildNode => ({ kind: "unknown", why });

/** Trees by their roots: the outputs of builds, the sources of a flake. */
export interface Places {
  readonly prefix: string;
  /** The root that a clean absolute path lies in (`/nix/store/HASH-NAME`); undefined where it lies in none. */
  rootOf(path: string): string | undefined;
  /** What stands at a place whose directories hold no links; undefined where nothing does. */
  nodeAt(place: string): BuildNode | undefined;
}

/** Links followed for one path before it counts as a loop; the kernel's own limit. */
const maxLinks = 40;
const maxLength = 4096;

export type Found = { readonly place: string; readonly node: BuildNode } | { readonly outside: string };

/**
 * Walks a path through links. Undefined where it dangles or loops. Below something unknown the rest of the path is taken as it stands. `outside` names where it leaves
 * all roots.
 */
export function walk(places: Places, path: string, followLast: boolean): Found | undefined {
  let current = clean(path);
  for (let links = 0; links <= maxLinks && current.length <= maxLength; links += 1) {
    const root = places.rootOf(current);
    if (root === undefined) return { outside: current };
    let node = places.nodeAt(root);
    let at = root.length;
    let target: string | undefined;
    while (target === undefined) {
      if (node === undefined) return undefined;
      const last = at >= current.length;
      if (node.kind === "unknown" || (last && !(node.kind === "symlink" && followLast))) return { place: current, node };
      if (node.kind === "symlink") {
        target = node.target.startsWith("/") ? node.target : `${current.slice(0, current.lastIndexOf("/", at - 1))}/${node.target}`;
      } else if (node.kind === "directory") {
        const end = current.indexOf("/", at + 1);
        const stop = end === -1 ? current.length : end;
        node = node.lazy === true ? places.nodeAt(current.slice(0, stop)) : childOf(node, current.slice(at + 1, stop));
        at = stop;
      } else return undefined;
    }
    current = clean(target + current.slice(at));
  }
  return undefined;
}

/** Without `.`, `..`, doubled and trailing slashes. Most paths have none, and there are a hundred thousand of them. */
export function clean(path: string): string {
  const tidy = path.includes("/.") || path.includes("//") ? posix.normalize(path) : path;
  return tidy.length > 1 && tidy.endsWith("/") ? tidy.slice(0, -1) : tidy;
}

/** What stands in a directory under a name; unknown where the build may have put more into it than could be followed. */
export function childOf(node: DirectoryNode, name: string): BuildNode | undefined {
  return node.entries.get(name) ?? (node.complete ? undefined : unknown("made by a part of the build that could not be followed"));
}
