import { createHash } from "node:crypto";
import type { StoreEntry, StoreFiles, StoreText } from "../../io/ports.ts";
import { storePathOf } from "../store-path.ts";
import type { StorePath } from "../system.ts";
import { below } from "./build-files.ts";
import { newBudget } from "./shell-state.ts";
import { unknown, walk, type BuildNode, type Places } from "./build-node.ts";
import type { Derivations } from "./derivations.ts";
import { followBuild, type Followed } from "./follow-build.ts";

/** Links of one build to another's output; a chain longer than any real one ends as unknown. */
const maxNesting = 80;

/**
 * The store as it will be once everything is built, as far as that can be told from the derivations: the same files, links and directories that a reader of a built system
 * would find, so that everything that reads systems reads previews too. What only a build can tell is there, is of the kind `other`, and cannot be read.
 *
 * Outputs are never read from the disk, even where they are there: base and head have to be read in the same way, or whatever happens to be built already would look
 * changed. Sources, which evaluation put into the store, are read.
 */
export class PreviewStore implements StoreFiles, Places {
  readonly prefix: string;
  readonly #derivations: Derivations;
  readonly #sources: StoreFiles | undefined;
  readonly #followed = new Map<string, Followed>();
  readonly #bytes = new WeakMap<BuildNode, number>();
  readonly #resolved = new Map<string, string | undefined>();
  readonly #budget = newBudget();
  #nesting = 0;

  constructor(derivations: Derivations, sources?: StoreFiles) {
    this.prefix = derivations.prefix;
    this.#derivations = derivations;
    this.#sources = sources;
  }

  /** What was found out about the build that makes a path; undefined where nothing builds it or where nobody asked for it yet. */
  followed(path: StorePath): Followed | undefined {
    const derivation = this.#derivations.byOutput(path);
    return derivation === undefined ? undefined : this.#followed.get(derivation.path);
  }

  nodeAt(place: string): BuildNode | undefined {
    // Asked for a hundred thousand times: whether it is a store path is only looked at where no derivation makes it.
    const candidate = this.rootOf(place);
    if (candidate === undefined) return undefined;
    const derivation = this.#derivations.byOutput(candidate);
    if (derivation !== undefined) return below(this.#follow(derivation.path, candidate), place.slice(candidate.length + 1));
    const root = storePathOf(place, this.prefix);
    return root === undefined ? undefined : this.#source(root, place);
  }

  rootOf(path: string): string | undefined {
    if (!path.startsWith(this.prefix) || path[this.prefix.length] !== "/" || path.length === this.prefix.length + 1) return undefined;
    const end = path.indexOf("/", this.prefix.length + 1);
    return end === -1 ? path : path.slice(0, end);
  }

  entry(path: string): StoreEntry | undefined {
    const node = this.#find(path, false);
    if (node === undefined) return undefined;
    if (node.kind === "file") return { kind: "file", size: this.#size(node), executable: node.executable };
    if (node.kind === "symlink") return { kind: "symlink", target: node.target };
    return node.kind === "directory" ? { kind: "directory" } : { kind: "other" };
  }

  list(path: string): readonly string[] {
    const node = this.#find(path, true);
    return node?.kind === "directory" ? [...node.entries.keys()].sort() : [];
  }

  entries(path: string): ReadonlyMap<string, StoreEntry> {
    return new Map(this.list(path).map((name) => [name, this.entry(`${path}/${name}`) ?? { kind: "other" }]));
  }

  read(path: string, maxBytes: number): StoreText | undefined {
    const place = this.resolve(path);
    if (place === undefined) return undefined;
    const root = storePathOf(place, this.prefix);
    if (root !== undefined && this.#isSource(root)) return this.#sources?.read(place, maxBytes);
    const node = this.nodeAt(place);
    if (node?.kind !== "file") return undefined;
    const size = this.#size(node);
    // A picture that a script copied out of the sources.
    const binary = node.text.includes("\0");
    if (size <= maxBytes) return { text: node.text, size, truncated: false, binary };
    return { text: Buffer.from(node.text, "utf8").subarray(0, maxBytes).toString("utf8"), size, truncated: true, binary };
  }

  readBytes(path: string, offset: number, length: number): Uint8Array | undefined {
    const text = this.read(path, offset + length);
    return text === undefined || text.binary ? undefined : Buffer.from(text.text, "utf8").subarray(offset, offset + length);
  }

  hash(path: string): string | undefined {
    const place = this.resolve(path);
    if (place === undefined) return undefined;
    const root = storePathOf(place, this.prefix);
    if (root !== undefined && this.#isSource(root)) return this.#sources?.hash(place);
    const node = this.nodeAt(place);
    return node?.kind === "file" ? createHash("sha256").update(node.text).digest("hex") : undefined;
  }

  resolve(path: string): string | undefined {
    if (this.#resolved.has(path)) return this.#resolved.get(path);
    const found = walk(this, path, true);
    const place = found === undefined || "outside" in found ? undefined : found.place;
    this.#resolved.set(path, place);
    return place;
  }

  #find(path: string, follow: boolean): BuildNode | undefined {
    const found = walk(this, path, follow);
    return found === undefined || "outside" in found ? undefined : found.node;
  }

  #isSource(root: StorePath): boolean {
    return this.#derivations.byOutput(root) === undefined;
  }

  #follow(derivationPath: string, output: StorePath): BuildNode | undefined {
    const known = this.#followed.get(derivationPath);
    if (known !== undefined) return known.outputs.get(output);
    const derivation = this.#derivations.byPath(derivationPath);
    if (derivation === undefined || this.#nesting >= maxNesting) return unknown("made by a build that leans on too many others");
    this.#nesting += 1;
    try {
      const followed = followBuild(derivation, this, this.#budget);
      this.#followed.set(derivationPath, followed);
      return followed.outputs.get(output);
    } finally {
      this.#nesting -= 1;
    }
  }

  /** A source as a node: texts are read when they are asked for, through `read`. */
  #source(root: StorePath, place: string): BuildNode | undefined {
    const entry = this.#sources?.entry(place);
    if (entry === undefined) {
      // Evaluation put it there and somebody took it away, or the store was not given: not known rather than gone.
      return this.#sources?.entry(root) === undefined ? unknown("a source that is not in this store") : undefined;
    }
    if (entry.kind === "symlink") return { kind: "symlink", target: entry.target };
    if (entry.kind === "directory") return sourceDirectory(this.#sources, place, (at) => this.#source(root, at));
    if (entry.kind === "other") return unknown("a source that is neither file nor directory");
    const sources = this.#sources;
    const { size } = entry;
    const made: BuildNode = {
      kind: "file",
      executable: entry.executable,
      get text() {
        return sources?.read(place, 4 << 20)?.text ?? "";
      },
    };
    this.#bytes.set(made, size);
    return made;
  }

  #size(node: BuildNode & { kind: "file" }): number {
    const known = this.#bytes.get(node);
    if (known !== undefined) return known;
    const size = Buffer.byteLength(node.text, "utf8");
    this.#bytes.set(node, size);
    return size;
  }
}

function sourceDirectory(sources: StoreFiles | undefined, place: string, node: (place: string) => BuildNode | undefined): BuildNode {
  let entries: Map<string, BuildNode> | undefined;
  return {
    kind: "directory",
    complete: true,
    lazy: true,
    get entries() {
      if (entries !== undefined) return entries;
      entries = new Map();
      for (const name of (sources?.list(place) ?? []).slice(0, 20_000)) {
        const child = node(`${place}/${name}`);
        if (child !== undefined) entries.set(name, child);
      }
      return entries;
    },
  };
}
