import { lstatSync, realpathSync } from "node:fs";
import { resolve } from "node:path";
import { GateError, failure } from "../failure.ts";

/**
 * What was typed, as the store path that it leads to: `./result`, `/run/current-system`, a profile's generation. Whether that is a system is for the comparison to say. Throws
 * `toplevel-missing` or `toplevel-invalid` where it leads nowhere.
 */
export function toplevelPath(typed: string, directory: string): string {
  const path = resolve(directory, typed);
  try {
    return realpathSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    const dangling = code === "ENOENT" && isLink(path);
    if (code === "ENOENT" && !dangling) throw new GateError(failure("toplevel-missing", { path }), 2, { cause: error });
    const problem = dangling ? "it is a link that leads to nothing" : (problems[code] ?? `it cannot be looked up (${code})`);
    throw new GateError(failure("toplevel-invalid", { path, problem }), 2, { cause: error });
  }
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    return false;
  }
}

const problems: Readonly<Record<string, string>> = {
  ELOOP: "its links lead in a circle",
  EACCES: "it may not be read by this user",
  ENOTDIR: "a part of its path is not a directory",
  ENAMETOOLONG: "its path is too long",
};

/** Where a path ends after all links, `/run/current-system/sw/bin/git`; a name, and what is not here, stay as they are. */
export function linkEnd(typed: string, directory: string): string {
  if (!typed.includes("/")) return typed;
  try {
    return realpathSync(resolve(directory, typed));
  } catch {
    return typed;
  }
}
