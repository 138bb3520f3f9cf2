import type { StoreClosures } from "../io/ports.ts";
import type { PathInfo, PathInfoSink } from "./path-info.ts";
import { nameOf, packageName } from "./store-path.ts";
import type { StorePath } from "./system.ts";

/** A path's place in the graph. Numbers instead of paths: a fleet's closures share nearly everything, and a set of numbers is cheap to walk. */
export type PathId = number;

/** The references of the path `id` are `targets` from `offsets[id]` to before `offsets[id + 1]`. */
type Edges = { readonly offsets: Uint32Array; readonly targets: Uint32Array };

/**
 * All paths of a fleet's closures once, with what they refer to. Memory grows with the union, not with the number of hosts. Fill it through `sink` or `add`, then ask.
 */
export class ClosureGraph {
  readonly #paths: StorePath[] = [];
  readonly #ids = new Map<StorePath, PathId>();
  readonly #sizes: number[] = [];
  readonly #references: (readonly PathId[] | undefined)[] = [];
  readonly #missing = new Set<StorePath>();
  readonly #packageOf: number[] = [];
  readonly #packages: string[] = [];
  readonly #packageIds = new Map<string, number>();
  readonly #versions: string[] = [];
  readonly #closures = new Map<StorePath, Uint32Array>();
  /** Walk that saw a path last: a set that is emptied by counting on. */
  #seen = new Uint32Array(0);
  #walk = 0;
  #queue = new Uint32Array(0);
  #edges: Edges | undefined;

  readonly sink: PathInfoSink = {
    valid: (info) => this.#add(info),
    missing: (path) => void this.#missing.add(path),
  };

  /** Whole closures. What is known already stays as it is. */
  add({ paths, narSizes, offsets, targets }: StoreClosures): void {
    const ids = paths.map((path) => this.#intern(path));
    for (const [place, id] of ids.entries()) {
      if (this.#references[id] !== undefined) continue;
      const references: PathId[] = [];
      for (let at = offsets[place] as number; at < (offsets[place + 1] as number); at += 1)
        references.push(ids[targets[at] as number] as PathId);
      this.#know(id, narSizes[place] as number, references);
    }
  }

  get size(): number {
    return this.#paths.length;
  }

  /** Told to be missing by Nix, or never told at all. */
  isMissing(path: StorePath): boolean {
    const id = this.#ids.get(path);
    return this.#missing.has(path) || id === undefined || this.#references[id] === undefined;
  }

  id(path: StorePath): PathId | undefined {
    return this.#ids.get(path);
  }

  path(id: PathId): StorePath {
    return this.#paths[id] as StorePath;
  }

  narSize(id: PathId): number {
    return this.#sizes[id] ?? 0;
  }

  references(id: PathId): readonly PathId[] {
    return this.#references[id] ?? [];
  }

  /** Number that stands for the package's name. */
  packageId(id: PathId): number {
    return this.#packageOf[id] as number;
  }

  packageName(packageId: number): string {
    return this.#packages[packageId] as string;
  }

  /** The number of a package's name; undefined where no path has it. */
  packageIdOf(name: string): number | undefined {
    return this.#packageIds.get(name);
  }

  version(id: PathId): string {
    return this.#versions[id] as string;
  }

  /** The closure of a path, itself first, in the order in which it is reached: the nearest first. Remembered until `forget`. */
  closure(path: StorePath): Uint32Array {
    const known = this.#closures.get(path);
    if (known !== undefined) return known;
    const root = this.#ids.get(path);
    const found = root === undefined ? new Uint32Array(0) : this.#reach(root);
    this.#closures.set(path, found);
    return found;
  }

  /** Drops the remembered closure of a path: a thousand of them would grow with the sum of the hosts. */
  forget(path: StorePath): void {
    this.#closures.delete(path);
  }

  #reach(root: PathId): Uint32Array {
    const seen = this.startWalk();
    const walk = this.#walk;
    const { offsets, targets } = this.#packed();
    // As long as the longest walk can be; what was found is cut off it.
    if (this.#queue.length < this.#paths.length) this.#queue = new Uint32Array(this.#paths.length);
    const queue = this.#queue;
    queue[0] = root;
    seen[root] = walk;
    let count = 1;
    for (let next = 0; next < count; next += 1) {
      const id = queue[next] as PathId;
      const end = offsets[id + 1] as number;
      for (let at = offsets[id] as number; at < end; at += 1) {
        const reference = targets[at] as PathId;
        if (seen[reference] === walk) continue;
        seen[reference] = walk;
        queue[count] = reference;
        count += 1;
      }
    }
    return queue.slice(0, count);
  }

  /** All references in two flat arrays: a fleet walks them millions of times. Made anew after the graph has grown. */
  #packed(): Edges {
    if (this.#edges !== undefined) return this.#edges;
    const offsets = new Uint32Array(this.#paths.length + 1);
    for (const [id, references] of this.#references.entries()) offsets[id + 1] = (offsets[id] as number) + (references?.length ?? 0);
    const targets = new Uint32Array(offsets.at(-1) as number);
    for (const [id, references] of this.#references.entries()) if (references !== undefined) targets.set(references, offsets[id]);
    this.#edges = { offsets, targets };
    return this.#edges;
  }

  /** An array over all paths whose entries differ from `walk` until they are set to it. Valid until the next call. */
  startWalk(): Uint32Array {
    if (this.#seen.length < this.#paths.length) this.#seen = new Uint32Array(this.#paths.length);
    this.#walk += 1;
    return this.#seen;
  }

  get walk(): number {
    return this.#walk;
  }

  #add(info: PathInfo): void {
    const id = this.#intern(info.path);
    if (this.#references[id] !== undefined) return;
    this.#know(
      id,
      info.narSize,
      info.references.map((reference) => this.#intern(reference)),
    );
  }

  #know(id: PathId, narSize: number, references: readonly PathId[]): void {
    this.#sizes[id] = narSize;
    this.#references[id] = references;
    this.#edges = undefined;
  }

  #intern(path: StorePath): PathId {
    const known = this.#ids.get(path);
    if (known !== undefined) return known;
    const id = this.#paths.length;
    const { name, version } = packageName(nameOf(path));
    let packageId = this.#packageIds.get(name);
    if (packageId === undefined) {
      packageId = this.#packages.length;
      this.#packages.push(name);
      this.#packageIds.set(name, packageId);
    }
    this.#paths.push(path);
    this.#ids.set(path, id);
    this.#sizes.push(0);
    this.#references.push(undefined);
    this.#edges = undefined;
    this.#packageOf.push(packageId);
    this.#versions.push(version);
    return id;
  }
}
