import { type Dirent, lstatSync, readlinkSync } from "node:fs";
import type { StoreEntry } from "./ports.ts";

/** One directory below a store path, read once. Its entries are looked up when they are asked for: a link's target and a file's size cost a call each. */
export class StoreListing {
  /** Sorted by code unit. */
  readonly names: readonly string[];
  readonly #directory: string;
  readonly #entries: Map<string, StoreEntry | "file" | "symlink">;
  #whole = false;

  constructor(directory: string, found: readonly Dirent[]) {
    this.#directory = directory;
    const sorted = found.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    this.names = sorted.map((entry) => entry.name);
    this.#entries = new Map(sorted.map((entry) => [entry.name, kindOf(entry)]));
  }

  kind(name: string): StoreEntry["kind"] | undefined {
    const known = this.#entries.get(name);
    return typeof known === "string" ? known : known?.kind;
  }

  entry(name: string): StoreEntry | undefined {
    const known = this.#entries.get(name);
    if (typeof known !== "string") return known;
    const place = `${this.#directory}/${name}`;
    const found = known === "symlink" ? linkAt(place) : fileAt(place);
    if (found !== undefined) this.#entries.set(name, found);
    return found;
  }

  all(): ReadonlyMap<string, StoreEntry> {
    // A name that is no UTF-8 comes back as one that nothing is called.
    if (!this.#whole) for (const name of this.names) this.#entries.set(name, this.entry(name) ?? { kind: "other" });
    this.#whole = true;
    return this.#entries as ReadonlyMap<string, StoreEntry>;
  }
}

function kindOf(entry: Dirent): StoreEntry | "file" | "symlink" {
  if (entry.isSymbolicLink()) return "symlink";
  if (entry.isFile()) return "file";
  return { kind: entry.isDirectory() ? "directory" : "other" };
}

/** A file that a listing told. It is looked at again only for its size: most are asked for no more than what they are. Empty where it has gone meanwhile. */
function fileAt(place: string): StoreEntry {
  let found: StoreEntry | undefined;
  const stats = (): Omit<StoreEntry & { readonly kind: "file" }, "kind"> => {
    found ??= lookUp(place);
    return found?.kind === "file" ? found : { size: 0, executable: false };
  };
  return {
    kind: "file",
    get size() {
      return stats().size;
    },
    get executable() {
      return stats().executable;
    },
  };
}

function linkAt(place: string): StoreEntry | undefined {
  try {
    return { kind: "symlink", target: readlinkSync(place) };
  } catch {
    return undefined;
  }
}

export function lookUp(place: string): StoreEntry | undefined {
  try {
    const stats = lstatSync(place, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    if (stats.isSymbolicLink()) return linkAt(place);
    if (stats.isFile()) return { kind: "file", size: stats.size, executable: (stats.mode & 0o111) !== 0 };
    return { kind: stats.isDirectory() ? "directory" : "other" };
  } catch {
    return undefined;
  }
}
