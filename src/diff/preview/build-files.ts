import { childOf, directory, unknown, walk, type BuildNode, type DirectoryNode, type Places } from "./build-node.ts";

const maxCopied = 20_000;

/** Where a build runs; the sandbox's own name for it. */
export const buildDirectory = "/build";

/**
 * The files that one build sees: its own outputs and its working directory, which it may write, and the store, which it may read. Nothing of it is on a disk.
 */
export class BuildFiles implements Places {
  readonly prefix: string;
  readonly #store: Places;
  readonly #roots = new Map<string, BuildNode>([[buildDirectory, directory()]]);
  readonly #outputs: readonly string[];

  constructor(store: Places, outputs: readonly string[]) {
    this.prefix = store.prefix;
    this.#store = store;
    this.#outputs = outputs;
  }

  /** What the build left at an output; undefined where it made nothing there. */
  output(path: string): BuildNode | undefined {
    return this.#roots.get(path);
  }

  isOutput(path: string): boolean {
    return this.#outputs.some((output) => path === output || path.startsWith(`${output}/`));
  }

  nodeAt(place: string): BuildNode | undefined {
    const root = this.#ownRoot(place);
    return root === undefined ? this.#store.nodeAt(place) : below(this.#roots.get(root), place.slice(root.length + 1));
  }

  rootOf(path: string): string | undefined {
    return this.#ownRoot(path) ?? this.#store.rootOf(path);
  }

  /** What stands at a path, with the links before it followed, and itself if `follow` says so. */
  node(path: string, follow = true): BuildNode | undefined {
    const found = walk(this, path, follow);
    if (found === undefined) return undefined;
    if ("outside" in found) return found.outside === "/dev/null" ? { kind: "file", text: "", executable: false } : undefined;
    return found.node;
  }

  /** The path with all links followed, as `readlink -f` says it. */
  resolve(path: string): string | undefined {
    const found = walk(this, path, true);
    if (found === undefined) return undefined;
    return "outside" in found ? found.outside : found.place;
  }

  /** Names in a directory; `unknown` where only the build can tell them. */
  names(path: string): readonly string[] | "unknown" | undefined {
    const node = this.node(path);
    if (node?.kind === "unknown") return "unknown";
    if (node?.kind !== "directory") return undefined;
    return node.complete ? [...node.entries.keys()].sort() : "unknown";
  }

  makeDirectory(path: string, parents: boolean): void {
    if (this.node(path)?.kind === "directory") return;
    if (parents) {
      const parent = path.slice(0, path.lastIndexOf("/"));
      if (parent !== "" && this.#isWritable(parent)) this.makeDirectory(parent, true);
    }
    this.write(path, directory());
  }

  /** Puts a node at a path, in place of what stands there. Where the directory before it is missing or not the build's own, nothing happens, as in a build that then fails. */
  write(path: string, node: BuildNode): void {
    const clean = path.replace(/\/+$/, "");
    if (this.#outputs.includes(clean) || clean === buildDirectory) {
      this.#roots.set(clean, node);
      return;
    }
    const cut = clean.lastIndexOf("/");
    const parent = walk(this, clean.slice(0, cut), true);
    if (parent === undefined || "outside" in parent || parent.node.kind !== "directory" || !this.#isWritable(parent.place)) return;
    parent.node.entries.set(clean.slice(cut + 1), node);
  }

  remove(path: string): void {
    const clean = path.replace(/\/+$/, "");
    if (this.#roots.has(clean)) this.#roots.delete(clean);
    const cut = clean.lastIndexOf("/");
    const parent = this.node(clean.slice(0, cut));
    if (parent?.kind === "directory" && this.#isWritable(clean)) parent.entries.delete(clean.slice(cut + 1));
  }

  /** A node of its own, for `cp -r`: what is copied out of the store may be changed afterwards. */
  copy(path: string, follow: boolean, budget = { left: maxCopied }): BuildNode | undefined {
    const node = this.node(path, follow);
    if (node?.kind !== "directory") return node;
    budget.left -= node.entries.size;
    if (budget.left < 0) return unknown("a directory with too many files is copied into it");
    const made: DirectoryNode = { kind: "directory", entries: new Map(), complete: node.complete };
    for (const name of node.entries.keys()) {
      const child = this.copy(`${path}/${name}`, false, budget);
      if (child !== undefined) made.entries.set(name, child);
    }
    return made;
  }

  #ownRoot(place: string): string | undefined {
    for (const root of this.#outputs)
      if (place.startsWith(root) && (place.length === root.length || place[root.length] === "/")) return root;
    return place === buildDirectory || place.startsWith(`${buildDirectory}/`) ? buildDirectory : undefined;
  }

  #isWritable(path: string): boolean {
    return this.#ownRoot(path) !== undefined;
  }
}

/** The node below another by a relative place; unknown below something unknown. */
export function below(root: BuildNode | undefined, place: string): BuildNode | undefined {
  let node = root;
  for (const name of place.split("/")) {
    if (name === "") continue;
    if (node?.kind === "unknown") return node;
    if (node?.kind !== "directory") return undefined;
    node = childOf(node, name);
  }
  return node;
}
