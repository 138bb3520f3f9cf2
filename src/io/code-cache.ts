import { existsSync, lstatSync, realpathSync, type Stats } from "node:fs";
import module from "node:module";
import { dirname, join, relative } from "node:path";
import { cacheDirectory } from "./cache-directory.ts";
import { makeDirectory } from "./make-directory.ts";

/**
 * Has Node keep what it compiles of this program in the user's cache directory, so that the next command starts without. It is run as it lies there: who may write to
 * it, or put another directory in its place, is who this program is. So every directory down to it has to be in the hands of this user or root, as ssh asks it of keys;
 * that of another user, whose home a sudo may have kept, is left alone. Where it cannot be kept it is not.
 */
export function keepCompiledCode(environment: Readonly<Record<string, string | undefined>>): void {
  const cache = cacheDirectory(environment);
  if (cache === undefined) return;
  try {
    // A user without a home is given none: often its path says so, as /nonexistent does.
    if (!existsSync(dirname(dirname(cache)))) return;
    const directory = ownPlace(join(cache, "code"));
    if (directory === undefined) return;
    makeDirectory(directory);
    module.enableCompileCache(directory);
  } catch {
    // It may not be looked at, or not be made.
  }
}

/** The path without links, whoever may turn those elsewhere; undefined where others could put something there. What does not exist yet is made in what does. */
function ownPlace(path: string): string | undefined {
  let there = path;
  while (lstatSync(there, { throwIfNoEntry: false }) === undefined && dirname(there) !== there) there = dirname(there);
  const real = realpathSync(there);
  if (lstatSync(real).uid !== process.geteuid?.()) return undefined;
  for (let each = real; ; each = dirname(each)) {
    if (!closed(lstatSync(each))) return undefined;
    if (dirname(each) === each) return join(real, relative(there, path));
  }
}

/** In a directory with the sticky bit, as /tmp, others may make their own, and not touch ours. */
function closed({ uid, mode }: Stats): boolean {
  return (uid === 0 || uid === process.geteuid?.()) && ((mode & 0o022) === 0 || (mode & 0o1000) !== 0);
}
