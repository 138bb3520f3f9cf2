import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import type { StoreEntry, StoreFiles, StoreText } from "./ports.ts";
import { lookUp, StoreListing } from "./store-listing.ts";
import { decode, readUpTo } from "./store-text.ts";

/** Links followed for one path before it counts as a loop; the kernel's own limit. */
const maxLinks = 40;
/** Answers kept. Past it everything is forgotten at once: a fleet's union fits, and a store of strangers cannot fill the memory. */
const maxRemembered = 400_000;
const pieceBytes = 1 << 20;
const maxPathLength = 4096;

/**
 * The store of this machine, read as files. A store path never changes once it is there, so what was found is remembered for the process; what was missing is not,
 * since a build may still bring it.
 */
export function storeFiles(prefix = "/nix/store"): StoreFiles {
  return new DiskStore(prefix);
}

class DiskStore implements StoreFiles {
  readonly prefix: string;
  readonly #directories = new Map<string, StoreListing>();
  /** What was looked up in directories that were not listed. */
  readonly #entries = new Map<string, StoreEntry>();
  readonly #resolved = new Map<string, string>();
  readonly #hashes = new Map<string, string>();
  #remembered = 0;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  entry(path: string): StoreEntry | undefined {
    const place = this.#place(path);
    return place === undefined ? undefined : this.#entryAt(place);
  }

  list(path: string): readonly string[] {
    return this.#listed(path)?.names ?? [];
  }

  entries(path: string): ReadonlyMap<string, StoreEntry> {
    return this.#listed(path)?.all() ?? new Map();
  }

  #listed(path: string): StoreListing | undefined {
    const directory = this.resolve(path);
    if (directory === undefined) return undefined;
    const known = this.#directories.get(directory);
    if (known !== undefined) return known;
    if (this.#kindAt(directory) !== "directory") return undefined;
    let listed: StoreListing;
    try {
      listed = new StoreListing(directory, readdirSync(directory, { withFileTypes: true }));
    } catch {
      return undefined;
    }
    // A store path never changes, but the store itself does.
    if (directory !== this.prefix) {
      this.#directories.set(directory, listed);
      this.#count(2 * listed.names.length);
    }
    return listed;
  }

  read(path: string, maxBytes: number): StoreText | undefined {
    const file = this.#open(path);
    if (file === undefined) return undefined;
    try {
      const length = Math.min(file.size, Math.max(0, maxBytes));
      const bytes = readUpTo(file.descriptor, 0, length);
      const truncated = file.size > bytes.length;
      const text = decode(bytes, truncated);
      return { text: text ?? bytes.toString("latin1"), size: file.size, truncated, binary: text === undefined };
    } catch {
      return undefined;
    } finally {
      closeSync(file.descriptor);
    }
  }

  readBytes(path: string, offset: number, length: number): Uint8Array | undefined {
    const file = this.#open(path);
    if (file === undefined) return undefined;
    try {
      return readUpTo(file.descriptor, offset, Math.max(0, Math.min(length, file.size - offset)));
    } catch {
      return undefined;
    } finally {
      closeSync(file.descriptor);
    }
  }

  hash(path: string): string | undefined {
    const place = this.resolve(path);
    if (place === undefined) return undefined;
    const known = this.#hashes.get(place);
    if (known !== undefined) return known;
    const file = this.#open(place);
    if (file === undefined) return undefined;
    try {
      const hash = createHash("sha256");
      const piece = Buffer.allocUnsafe(Math.min(pieceBytes, Math.max(1, file.size)));
      for (;;) {
        const count = readSync(file.descriptor, piece, 0, piece.length, null);
        if (count === 0) break;
        hash.update(piece.subarray(0, count));
      }
      const digest = hash.digest("hex");
      this.#hashes.set(place, digest);
      this.#count(1);
      return digest;
    } catch {
      return undefined;
    } finally {
      closeSync(file.descriptor);
    }
  }

  resolve(path: string): string | undefined {
    return this.#resolve(path, maxLinks);
  }

  #resolve(path: string, links: number): string | undefined {
    const known = this.#resolved.get(path);
    if (known !== undefined) return known;
    const place = this.#place(path, links);
    const kind = place === undefined ? undefined : this.#kindAt(place);
    if (place === undefined || kind === undefined) return undefined;
    let found: string | undefined = place;
    if (kind === "symlink") {
      // Nearly every link of a system is one step to another store path; what is not is walked.
      const entry = this.#entryAt(place);
      if (entry?.kind !== "symlink") return undefined;
      const { target } = entry;
      const plain = this.#isInside(target) && !target.includes("/.") && links > 0;
      found = plain ? this.#resolve(target, links - 1) : this.#follow(place, links);
    }
    if (found !== undefined) {
      this.#resolved.set(path, found);
      this.#count(1);
    }
    return found;
  }

  /** Where the last component stands: the directory before it with all links followed, the last one as it is. Undefined outside the store. */
  #place(path: string, links = maxLinks): string | undefined {
    if (!this.#isInside(path) || path.length > maxPathLength || path.includes("\0")) return undefined;
    // A path straight below the store needs no walk, and so does one whose directory was walked before.
    const cut = path.lastIndexOf("/");
    const name = path.slice(cut + 1);
    if (name === "" || name === "." || name === "..") return this.#follow(path, links);
    const before = path.slice(0, cut);
    if (before === this.prefix) return path;
    const directory = this.#resolve(before, links);
    return directory === undefined ? undefined : `${directory}/${name}`;
  }

  /** Walks a path component by component, so that no component outside the store is ever looked at. */
  #follow(path: string, links: number): string | undefined {
    let left = links;
    let at = "";
    const pending = path.split("/").reverse();
    while (pending.length > 0) {
      const name = pending.pop() as string;
      if (name === "" || name === ".") continue;
      if (name === "..") {
        at = at.slice(0, Math.max(0, at.lastIndexOf("/")));
        continue;
      }
      at = `${at}/${name}`;
      if (at === this.prefix || this.prefix.startsWith(`${at}/`)) continue;
      if (!this.#isInside(at) || at.length > maxPathLength) return undefined;
      const entry = this.#entryAt(at);
      if (entry === undefined) return undefined;
      if (entry.kind === "symlink") {
        left -= 1;
        if (left < 0) return undefined;
        at = entry.target.startsWith("/") ? "" : at.slice(0, at.lastIndexOf("/"));
        for (const part of entry.target.split("/").reverse()) pending.push(part);
        if (pending.length > maxPathLength) return undefined;
      } else if (entry.kind !== "directory" && pending.some((part) => part !== "")) {
        return undefined;
      }
    }
    return this.#isInside(at) ? at : undefined;
  }

  #isInside(path: string): boolean {
    return path.startsWith(this.prefix) && path.charCodeAt(this.prefix.length) === 47 && path.length > this.prefix.length + 1;
  }

  /** What stands at a path whose directory holds no link. */
  #entryAt(place: string): StoreEntry | undefined {
    const cut = place.lastIndexOf("/");
    const listed = this.#directories.get(place.slice(0, cut));
    return listed === undefined ? this.#lookedUp(place) : listed.entry(place.slice(cut + 1));
  }

  /** The same, without asking for a size or a target where only the kind matters: a listing brings the kinds for nothing. */
  #kindAt(place: string): StoreEntry["kind"] | undefined {
    const cut = place.lastIndexOf("/");
    const listed = this.#directories.get(place.slice(0, cut));
    return listed === undefined ? this.#lookedUp(place)?.kind : listed.kind(place.slice(cut + 1));
  }

  #lookedUp(place: string): StoreEntry | undefined {
    const known = this.#entries.get(place);
    if (known !== undefined) return known;
    const entry = lookUp(place);
    if (entry !== undefined) {
      this.#entries.set(place, entry);
      this.#count(1);
    }
    return entry;
  }

  /** Opens a regular file. O_NONBLOCK: a FIFO that took the file's place must not stop us; O_NOFOLLOW: nor must a link lead away. */
  #open(path: string): { readonly descriptor: number; readonly size: number } | undefined {
    // A store path itself, as derivations are, has nothing on its way that could lead elsewhere: opening it says all that looking first would.
    const direct = this.#isStorePath(path);
    const place = direct ? path : this.resolve(path);
    if (place === undefined || (!direct && this.#kindAt(place) !== "file")) return undefined;
    let descriptor: number | undefined;
    try {
      descriptor = openSync(place, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      const stats = fstatSync(descriptor);
      if (stats.isFile()) return { descriptor, size: stats.size };
    } catch (error) {
      // A link is followed as far as the store goes. What is unreadable is the caller's to say, with the path.
      const target = direct && error instanceof Error && "code" in error && error.code === "ELOOP" ? this.resolve(path) : undefined;
      if (target !== undefined && target !== path) return this.#open(target);
    }
    if (descriptor !== undefined) closeSync(descriptor);
    return undefined;
  }

  #isStorePath(path: string): boolean {
    const name = path.startsWith(`${this.prefix}/`) ? path.slice(this.prefix.length + 1) : "";
    return name !== "" && name !== "." && name !== ".." && !name.includes("/");
  }

  #count(more: number): void {
    this.#remembered += more;
    if (this.#remembered <= maxRemembered) return;
    for (const map of [this.#directories, this.#entries, this.#resolved, this.#hashes]) map.clear();
    this.#remembered = 0;
  }
}
