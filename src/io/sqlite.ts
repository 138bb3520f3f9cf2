export type Sqlite = typeof import("node:sqlite");

/**
 * Node's own SQLite; undefined where this Node has none (before 22.13). Loading it says on stderr that it is experimental, in Node 22 and in 24 before 24.15; that sentence and
 * no other is held back: it is loaded synchronously, so nothing else can warn in between.
 */
export function loadSqlite(): Sqlite | undefined {
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
