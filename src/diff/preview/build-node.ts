/**
 * What stands at a place of an output that nobody has built yet. `unknown` is neither there nor absent: something is expected there that only the build can tell.
 */
export type BuildNode =
  | { readonly kind: "file"; readonly text: string; readonly executable: boolean }
  | { readonly kind: "symlink"; readonly target: string }
  | DirectoryNode
  | { readonly kind: "unknown"; readonly why: string };

/** `complete` is false where the build may put more into it than could be followed. */
export type DirectoryNode = { readonly kind: "directory"; readonly entries: Map<string, BuildNode>; complete: boolean };

export const directory = (): DirectoryNode => ({ kind: "directory", entries: new Map(), complete: true });
export const unknown = (why: string): BuildNode => ({ kind: "unknown", why });

/** Where nodes can be asked for by a path whose directories hold no links. */
export interface Places {
  nodeAt(place: string): BuildNode | undefined;
}

/** Links followed for one path before it counts as a loop; the kernel's own limit. */
const maxLinks = 40;
const maxParts = 512;

/**
 * Walks a path through links. Undefined where it dangles or loops. Below something unknown the rest of the path is taken as it stands. A path may end outside
 * of what `places` knows only through a link: `outside` then names it.
 */
export function walk(
  places: Places,
  path: string,
  followLast: boolean,
  owns: (path: string) => boolean,
): { readonly place: string; readonly node: BuildNode } | { readonly outside: string } | undefined {
  let links = 0;
  let at = "";
  let node: BuildNode | undefined;
  const pending = path.split("/").reverse();
  while (pending.length > 0) {
    const part = pending.pop() as string;
    if (part === "" || part === ".") continue;
    if (part === "..") {
      at = at.slice(0, Math.max(0, at.lastIndexOf("/")));
      continue;
    }
    at = `${at}/${part}`;
    if (!owns(at)) continue;
    node = places.nodeAt(at);
    if (node === undefined) return undefined;
    const last = !pending.some((rest) => rest !== "" && rest !== ".");
    if (node.kind === "unknown") {
      const rest = pending.filter((one) => one !== "" && one !== ".").reverse();
      return rest.includes("..") ? undefined : { place: [at, ...rest].join("/"), node };
    }
    if (node.kind === "symlink" && (!last || followLast)) {
      links += 1;
      if (links > maxLinks) return undefined;
      at = node.target.startsWith("/") ? "" : at.slice(0, at.lastIndexOf("/"));
      pending.push(...node.target.split("/").reverse());
      if (pending.length > maxParts) return undefined;
    } else if (node.kind === "file" && !last) {
      return undefined;
    }
  }
  if (!owns(at)) return { outside: at === "" ? "/" : at };
  node = places.nodeAt(at);
  return node === undefined ? undefined : { place: at, node };
}
