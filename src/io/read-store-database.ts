import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { loadSqlite } from "./sqlite.ts";

/** As `StoreClosures`, the paths joined by `pathSeparator`: one text crosses from thread to thread at once, ten thousand do not. */
export type PackedClosures = {
  readonly paths: string;
  readonly narSizes: Float64Array<ArrayBuffer>;
  readonly offsets: Uint32Array<ArrayBuffer>;
  readonly targets: Uint32Array<ArrayBuffer>;
};
/** No store path holds one. */
export const pathSeparator = "\n";

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

/**
 * Reads the closures of `roots` from Nix's database in `directory`; a root that is not in it is left out. Throws an Error whose message is the reason where the database cannot be
 * read or is not what we know.
 *
 * Tables and their meaning are those of Nix's own `src/libstore/schema.sql` at schema version 10, which has been the one since Nix 2.0 and is Lix's too: `ValidPaths(id, path,
 * narSize, …)`, and `Refs(referrer, reference)` with ids of `ValidPaths`, a path's reference to itself included. The file `schema` beside it says the version.
 *
 * Read-only, but never `immutable`: what has just been built may still be in the write-ahead log, and another Nix may be writing. One statement is one transaction, so that a
 * closure is never half of one state and half of the next.
 */
export function readStoreDatabase(directory: string, roots: readonly string[]): PackedClosures {
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

/** Names of plain tables only: a view or a computed column in their place is a program of whoever wrote the file, and it would run in this process. */
function checkTables(database: DatabaseSync): void {
  for (const table of ["ValidPaths", "Refs"]) {
    const found = database.prepare("select type, rootpage from sqlite_schema where name = ?").all(table);
    if (found.length !== 1 || found[0]?.["type"] !== "table" || found[0]["rootpage"] === 0) throw new Error(`${table} is not a table`);
    if (database.prepare(`select name from pragma_table_xinfo('${table}') where hidden <> 0`).all().length > 0)
      throw new Error(`${table} has columns that are computed`);
  }
}

function collect(database: DatabaseSync, roots: readonly string[]): PackedClosures {
  const until = performance.now() + maxSeconds * 1000;
  const ids: number[] = [];
  const paths: string[] = [];
  const sizes: number[] = [];
  const lists: (readonly number[])[] = [];
  for (const { id, path, narSize, refs } of database.prepare(closureQuery).iterate(JSON.stringify(roots))) {
    if (typeof id !== "number" || typeof path !== "string" || typeof refs !== "string")
      throw new Error("a path refers to one that is not valid");
    if (path.includes(pathSeparator)) throw new Error("a path has more than one line");
    if (narSize !== null && typeof narSize !== "number") throw new Error(`the size of ${path} is not a number`);
    ids.push(id);
    paths.push(path);
    // Nix says 0 of a path that it registered without one.
    sizes.push(narSize ?? 0);
    lists.push(JSON.parse(refs) as readonly number[]);
    if (ids.length > maxPaths) throw new Error(`there are more than ${maxPaths} paths`);
    if (ids.length % 4096 === 0 && performance.now() > until) throw new Error(`it took longer than ${maxSeconds} s`);
  }
  return packed(ids, paths, sizes, lists);
}

/** In the order in which Nix itself names paths and references. */
function packed(
  ids: readonly number[],
  paths: readonly string[],
  sizes: readonly number[],
  lists: readonly (readonly number[])[],
): PackedClosures {
  const order = [...ids.keys()].sort((a, b) => ((paths[a] as string) < (paths[b] as string) ? -1 : 1));
  const places = new Map(order.map((from, place) => [ids[from] as number, place]));
  const offsets = new Uint32Array(ids.length + 1);
  const targets = new Uint32Array(lists.reduce((sum, list) => sum + list.length, 0));
  let end = 0;
  for (const [place, from] of order.entries()) {
    const start = end;
    for (const id of lists[from] as readonly number[]) {
      const target = places.get(id);
      if (target === undefined) throw new Error("a path refers to one that was not reached");
      if (target === place) continue;
      targets[end] = target;
      end += 1;
    }
    targets.subarray(start, end).sort();
    offsets[place + 1] = end;
  }
  return {
    paths: order.map((from) => paths[from]).join(pathSeparator),
    narSizes: Float64Array.from(order, (from) => sizes[from] as number),
    offsets,
    targets: targets.slice(0, end),
  };
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
