import type { StoreFiles } from "../io/ports.ts";
import type { EtcFile } from "./system.ts";

const maxEntries = 20_000;
const maxDepth = 12;
/** A file up to this size carries its text. */
const maxCarriedBytes = 64 * 1024;
/** A settings file longer than this is not read as settings; the file diff still says that it changed. */
const maxTextBytes = 2 * 1024 * 1024;

/**
 * The entries of a toplevel's /etc, by path below it, the directories of units left out. `etcDirectory` is `<toplevel>/etc`. A link to a
 * directory is one entry, what is in it is read by `etcDirectoryFiles`. Never throws; a link that leaves the store has the place that it
 * names as `target`.
 */
export function readEtc(store: StoreFiles, etcDirectory: string): ReadonlyMap<string, EtcFile> {
  const entries = new Map<string, EtcFile>();
  const root = store.resolve(etcDirectory);
  if (root === undefined) return entries;
  walk(store, root, "", 0, entries);
  return entries;
}

function walk(store: StoreFiles, directory: string, below: string, depth: number, entries: Map<string, EtcFile>): void {
  const known = store.entries(directory);
  for (const [name, entry] of known) {
    if (entries.size >= maxEntries) return;
    const path = below === "" ? name : `${below}/${name}`;
    if (path === "systemd/system" || path === "systemd/user") continue;
    if (isSidecar(name, known)) continue;
    const place = `${directory}/${name}`;
    if (entry.kind === "directory") {
      if (depth < maxDepth) walk(store, place, path, depth + 1, entries);
      continue;
    }
    const mode = known.has(`${name}.mode`) ? (store.read(`${place}.mode`, 64)?.text.trim() ?? "symlink") : "symlink";
    const target = entry.kind === "symlink" ? (store.resolve(place) ?? entry.target) : entry.kind === "file" ? place : undefined;
    entries.set(path, new LazyEtcFile(store, path, target, mode));
  }
}

/** NixOS writes mode and owner of a copied entry beside it: `sudoers`, `sudoers.mode`, `sudoers.uid`, `sudoers.gid`. */
function isSidecar(name: string, names: ReadonlyMap<string, unknown>): boolean {
  const match = /^(.+)\.(?:mode|uid|gid)$/.exec(name);
  return match?.[1] !== undefined && names.has(match[1]) && names.has(`${match[1]}.mode`);
}

/** Reads its text when it is first asked for: most entries of most hosts never are. */
class LazyEtcFile implements EtcFile {
  readonly path: string;
  readonly target: string | undefined;
  readonly mode: string;
  readonly #store: StoreFiles;
  #text: string | undefined;
  #read = false;

  constructor(store: StoreFiles, path: string, target: string | undefined, mode: string) {
    this.#store = store;
    this.path = path;
    this.target = target;
    this.mode = mode;
  }

  get text(): string | undefined {
    if (!this.#read) {
      this.#read = true;
      const found = this.target === undefined ? undefined : this.#store.read(this.target, maxCarriedBytes);
      this.#text = found === undefined || found.binary || found.truncated ? undefined : found.text;
    }
    return this.#text;
  }
}

/** The text of one entry, up to two million bytes; undefined where there is none, where it is binary or too long. */
export function etcText(store: StoreFiles, etc: ReadonlyMap<string, EtcFile>, path: string): string | undefined {
  const target = etc.get(path)?.target;
  return target === undefined ? undefined : storeText(store, target);
}

/** The text of a file in the store under the same bounds. */
export function storeText(store: StoreFiles, path: string): string | undefined {
  const found = store.read(path, maxTextBytes);
  return found === undefined || found.binary || found.truncated ? undefined : found.text;
}

/**
 * Name and place of the files of one directory of /etc (`tmpfiles.d`), whether it is a directory of links or itself a link to one; sorted
 * by name.
 */
export function etcDirectoryFiles(store: StoreFiles, etc: ReadonlyMap<string, EtcFile>, directory: string): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  const whole = etc.get(directory)?.target;
  if (whole !== undefined)
    for (const name of store.list(whole).slice(0, maxEntries)) files.set(name, store.resolve(`${whole}/${name}`) ?? `${whole}/${name}`);
  const prefix = `${directory}/`;
  for (const [path, file] of etc) {
    if (path.startsWith(prefix) && file.target !== undefined && !path.includes("/", prefix.length))
      files.set(path.slice(prefix.length), file.target);
  }
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * The files of one directory of /etc that are not the same on both sides, with their texts; a file that is the same store path is left out
 * without being read.
 */
export function changedEtcTexts(
  store: StoreFiles,
  before: ReadonlyMap<string, EtcFile>,
  after: ReadonlyMap<string, EtcFile>,
  directory: string,
): { readonly name: string; readonly from: string; readonly to: string }[] {
  const from = etcDirectoryFiles(store, before, directory);
  const to = etcDirectoryFiles(store, after, directory);
  const names = [...new Set([...from.keys(), ...to.keys()])].sort();
  return names
    .filter((name) => from.get(name) !== to.get(name))
    .map((name) => ({ name, from: textOf(store, from.get(name)), to: textOf(store, to.get(name)) }))
    .filter((pair) => pair.from !== pair.to);
}

const textOf = (store: StoreFiles, path: string | undefined): string => (path === undefined ? "" : (storeText(store, path) ?? ""));
