import { mkdirSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes a directory and those above it that are missing, for this user alone. Not mkdir's own recursion, which never ends where a parent says that it is not there and
 * cannot be made, as below /proc.
 */
export function makeDirectory(path: string): void {
  const make = (): void => {
    mkdirSync(path, { mode: 0o700 });
  };
  try {
    make();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return;
    if (code !== "ENOENT" || dirname(path) === path) throw error;
    makeDirectory(dirname(path));
    make();
  }
}
