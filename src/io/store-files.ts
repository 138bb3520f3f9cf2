import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  type Dirent,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
} from "node:fs";
import type { StoreEntry, StoreFiles, StoreText } from "./ports.ts";

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
  readonly #entries = new Map<string, StoreEntry>();
  readonly #kinds = new Map<string, ReadonlyMap<string, Dirent>>();
  readonly #lists = new Map<string, readonly string[]>();
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
    const directory = this.resolve(path);
    if (directory === undefined) return [];
    const known = this.#lists.get(directory);
    if (known !== undefined) return known;
    if (this.#entryAt(directory)?.kind !== "directory") return [];
    let found: Dirent[];
    try {
      found = readdirSync(directory, { withFileTypes: true });
    } catch {
      return [];
    }
    const names = found.map((entry) => entry.name).sort();
    // The kinds come with the listing for nothing; without them each entry costs a call of its own.
    if (directory !== this.prefix) {
      this.#kinds.set(directory, new Map(found.map((entry) => [entry.name, entry])));
      this.#lists.set(directory, names);
      this.#count(names.length);
    }
    return names;
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
    const entry = place === undefined ? undefined : this.#entryAt(place);
    if (place === undefined || entry === undefined) return undefined;
    let found: string | undefined = place;
    if (entry.kind === "symlink") {
      // Nearly every link of a system is one step to another store path; what is not is walked.
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
    const known = this.#entries.get(place);
    if (known !== undefined) return known;
    const entry = this.#lookUp(place);
    if (entry !== undefined) {
      this.#entries.set(place, entry);
      this.#count(1);
    }
    return entry;
  }

  #lookUp(place: string): StoreEntry | undefined {
    try {
      const cut = place.lastIndexOf("/");
      const kind = this.#kinds.get(place.slice(0, cut))?.get(place.slice(cut + 1));
      if (kind?.isSymbolicLink()) return { kind: "symlink", target: readlinkSync(place) };
      if (kind?.isDirectory()) return { kind: "directory" };
      const stats = lstatSync(place, { throwIfNoEntry: false });
      return stats === undefined ? undefined : entryOf(stats, place);
    } catch {
      return undefined;
    }
  }

  /** Opens a regular file. O_NONBLOCK: a FIFO that took the file's place must not stop us; O_NOFOLLOW: nor must a link lead away. */
  #open(path: string): { readonly descriptor: number; readonly size: number } | undefined {
    const place = this.resolve(path);
    if (place === undefined || this.#entryAt(place)?.kind !== "file") return undefined;
    let descriptor: number | undefined;
    try {
      descriptor = openSync(place, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      const stats = fstatSync(descriptor);
      if (stats.isFile()) return { descriptor, size: stats.size };
    } catch {
      // Unreadable: the caller says so, with the path.
    }
    if (descriptor !== undefined) closeSync(descriptor);
    return undefined;
  }

  #count(more: number): void {
    this.#remembered += more;
    if (this.#remembered <= maxRemembered) return;
    for (const map of [this.#entries, this.#kinds, this.#lists, this.#resolved, this.#hashes]) map.clear();
    this.#remembered = 0;
  }
}

function entryOf(stats: Stats, place: string): StoreEntry {
  if (stats.isFile()) return { kind: "file", size: stats.size, executable: (stats.mode & 0o111) !== 0 };
  if (stats.isDirectory()) return { kind: "directory" };
  if (stats.isSymbolicLink()) return { kind: "symlink", target: readlinkSync(place) };
  return { kind: "other" };
}

function readUpTo(descriptor: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const count = readSync(descriptor, bytes, filled, length - filled, offset + filled);
    if (count === 0) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}

/** Strict UTF-8, or undefined. Where the text was cut, a character that was cut with it is no error. */
function decode(bytes: Buffer, truncated: boolean): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes, { stream: truncated });
  } catch {
    return undefined;
  }
}
