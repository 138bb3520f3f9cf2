import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { StoreClosures, StoreDatabase } from "./ports.ts";

export type StoreDatabaseOptions = {
  /** The environment of this process; NIX_REMOTE in it may say that the store is not this machine's. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where Nix keeps it. */
  readonly directory?: string;
  /** Told once, as a sentence, why it was not read. */
  readonly onUnusable?: (reason: string) => void;
};

/**
 * Nix's database of this machine's store, `/nix/var/nix/db/db.sqlite`. Tables and their meaning are those of Nix's own `src/libstore/schema.sql` at schema version 10, which has
 * been the one since Nix 2.0 and is Lix's too: `ValidPaths(id, path, narSize, …)`, and `Refs(referrer, reference)` with ids of `ValidPaths`, a path's reference to itself
 * included. The file `schema` beside it says the version.
 *
 * The store that Nix would ask may be another one, by its settings. A path that is valid here and whose files are here is then still described by this database.
 *
 * Read-only, but never `immutable`: what has just been built may still be in the write-ahead log, and another Nix may be writing. One statement is one transaction, so
 * that a closure is never half of one state and half of the next.
 */
export function storeDatabase(options: StoreDatabaseOptions): StoreDatabase {
  let told = false;
  return {
    closures: (roots) => {
      try {
        return readClosures(options, roots);
      } catch (error) {
        if (!told) options.onUnusable?.(error instanceof Error ? error.message : String(error));
        told = true;
        return undefined;
      }
    },
  };
}

/** Values of NIX_REMOTE with which Nix uses the store of this machine, itself or through its daemon. */
const ownStore: ReadonlySet<string> = new Set(["", "auto", "local", "daemon"]);
const schemaVersion = "10";
/** A fleet's union has a hundred thousand paths, a machine's store some millions. More is no store. */
const maxPaths = 5_000_000;
const maxSeconds = 120;
/** While another Nix holds the lock; with a write-ahead log nobody ever does. */
const busyMilliseconds = 2000;

/** `union` drops what was reached before. A reference to what is not valid has no path in the answer. */
const closureQuery = `
with recursive closure (id) as (
  select id from ValidPaths where path in (select value from json_each(?))
  union
  select reference from Refs join closure on referrer = closure.id
  limit ${maxPaths + 1}
)
select closure.id as id, path, narSize, (select json_group_array(reference) from Refs where referrer = closure.id) as refs
from closure left join ValidPaths on ValidPaths.id = closure.id`;

function readClosures({ environment, directory = "/nix/var/nix/db" }: StoreDatabaseOptions, roots: readonly string[]): StoreClosures {
  const remote = environment["NIX_REMOTE"] ?? "";
  if (!ownStore.has(remote)) throw new Error("NIX_REMOTE names another store");
  const file = join(directory, "db.sqlite");
  const version = shortText(join(directory, "schema")).trim();
  if (version !== schemaVersion) throw new Error(`${directory} has schema ${JSON.stringify(version)}, not ${schemaVersion}`);
  // What builds without a daemon can write here: a FIFO in the file's place would stop us for good.
  if (!lstatSync(file).isFile()) throw new Error(`${file} is not a file`);
  const sqlite = loadSqlite();
  if (sqlite === undefined) throw new Error(`Node ${process.versions.node} has no node:sqlite`);
  const database = new sqlite.DatabaseSync(file, { readOnly: true, timeout: busyMilliseconds });
  try {
    database.exec("pragma trusted_schema = off; pragma cell_size_check = on; pragma cache_size = -65536");
    checkTables(database);
    return collect(database, roots);
  } finally {
    database.close();
  }
}

/** Names of plain tables only: a view or a generated column in their place is a program of whoever wrote the file, and it would run in this process. */
function checkTables(database: DatabaseSync): void {
  for (const table of ["ValidPaths", "Refs"]) {
    const found = database.prepare("select type, rootpage from sqlite_schema where name = ?").all(table);
    if (found.length !== 1 || found[0]?.["type"] !== "table" || found[0]["rootpage"] === 0) throw new Error(`${table} is not a table`);
    if (database.prepare(`select name from pragma_table_xinfo('${table}') where hidden <> 0`).all().length > 0)
      throw new Error(`${table} has columns that are computed`);
  }
}

function collect(database: DatabaseSync, roots: readonly string[]): StoreClosures {
  const until = performance.now() + maxSeconds * 1000;
  const ids: number[] = [];
  const found: string[] = [];
  const sizes: number[] = [];
  const lists: string[] = [];
  for (const { id, path, narSize, refs } of database.prepare(closureQuery).iterate(JSON.stringify(roots))) {
    if (typeof id !== "number" || typeof path !== "string" || typeof refs !== "string")
      throw new Error("a path refers to one that is not valid");
    if (narSize !== null && typeof narSize !== "number") throw new Error(`the size of ${path} is not a number`);
    ids.push(id);
    found.push(path);
    // Nix says 0 of a path that it registered without one.
    sizes.push(narSize ?? 0);
    lists.push(refs);
    if (ids.length > maxPaths) throw new Error(`there are more than ${maxPaths} paths`);
    if (ids.length % 4096 === 0 && performance.now() > until) throw new Error(`it took longer than ${maxSeconds} s`);
  }
  return inOrder(ids, found, sizes, lists);
}

/** In the order in which Nix itself names paths and references. */
function inOrder(ids: readonly number[], found: readonly string[], sizes: readonly number[], lists: readonly string[]): StoreClosures {
  const order = Uint32Array.from(found.keys()).sort((a, b) => ((found[a] as string) < (found[b] as string) ? -1 : 1));
  const places = new Map<number, number>();
  const paths: string[] = [];
  const narSizes: number[] = [];
  for (const from of order) {
    places.set(ids[from] as number, paths.length);
    paths.push(found[from] as string);
    narSizes.push(sizes[from] as number);
  }
  const references: (readonly number[])[] = [];
  for (const from of order) {
    const own = references.length;
    const list: number[] = [];
    for (const id of JSON.parse(lists[from] as string) as readonly number[]) {
      const place = places.get(id);
      if (place === undefined) throw new Error("a path refers to one that was not reached");
      if (place !== own) list.push(place);
    }
    references.push(list.sort((a, b) => a - b));
  }
  return { paths, narSizes, references };
}

/** The beginning of a small file. O_NONBLOCK: a FIFO must not stop us. */
function shortText(path: string): string {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!fstatSync(descriptor).isFile()) throw new Error(`${path} is not a file`);
    const bytes = Buffer.alloc(64);
    return bytes.toString("latin1", 0, readSync(descriptor, bytes));
  } finally {
    closeSync(descriptor);
  }
}

type Sqlite = typeof import("node:sqlite");

/**
 * Undefined where this Node has none (before 22.13). Loading it says on stderr that it is experimental, in Node 22 and in 24 before 24.15; that sentence and no other is held back:
 * it is loaded synchronously, so nothing else can warn in between.
 */
function loadSqlite(): Sqlite | undefined {
  const own = Object.getOwnPropertyDescriptor(process, "emitWarning");
  const emitWarning = process.emitWarning.bind(process) as (...words: readonly unknown[]) => void;
  process.emitWarning = (...words: readonly unknown[]): void => {
    if (!String(words[0]).startsWith("SQLite is an experimental feature")) emitWarning(...words);
  };
  try {
    return process.getBuiltinModule("node:sqlite") as Sqlite | undefined;
  } finally {
    if (own !== undefined) Object.defineProperty(process, "emitWarning", own);
  }
}
