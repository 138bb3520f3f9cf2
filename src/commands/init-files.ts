import {
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, sep } from "node:path";
import { gateError } from "../failure.ts";
import { workflowNames } from "../init/workflows.ts";

const longest = 1024 * 1024;

/** The texts of examples/workflows of one forge, which lie beside this program. Throws the GateError `init-incomplete` where they do not. */
export function exampleWorkflows(programRoot: string, forge: "github" | "forgejo"): ReadonlyMap<string, string> {
  const folder = join(programRoot, "examples/workflows", forge);
  try {
    return new Map(workflowNames.map((name) => [name, readFileSync(join(folder, name), "utf8")]));
  } catch (error) {
    throw gateError("init-incomplete", { folder }, String(error), error);
  }
}

/** What stands at a path below the root: its text, nothing, or something that is no text of ours to look at. */
export function standing(
  root: string,
  path: string,
): { readonly kind: "missing" | "other" } | { readonly kind: "file"; readonly text: string } {
  const found = lstatSync(join(root, path), { throwIfNoEntry: false });
  if (found === undefined) return { kind: "missing" };
  if (!found.isFile() || found.size > longest) return { kind: "other" };
  return { kind: "file", text: readFileSync(join(root, path), "utf8") };
}

/** Names of workflow files in a folder of the repository. */
export function workflowFilesIn(root: string, folder: string): string[] {
  try {
    return readdirSync(join(root, folder))
      .filter((name) => /\.ya?ml$/.test(name))
      .toSorted();
  } catch {
    // No such folder.
    return [];
  }
}

/** Makes a file that was not there. Whoever was faster keeps theirs, and no link leads out of the repository. Throws the GateError `init-write-failed`. */
export function writeNew(root: string, path: string, text: string): void {
  const place = join(root, path);
  try {
    mustBeInside(root, standingAbove(place));
    mkdirSync(dirname(place), { recursive: true });
    mustBeInside(root, dirname(place));
    writeFileSync(place, text, { flag: "wx" });
  } catch (error) {
    throw gateError("init-write-failed", { path }, error instanceof Error ? error.message : String(error), error);
  }
}

/** Puts a text in the place of the one that was read before, at once or not at all. Throws the GateError `init-write-failed`, also where it has changed meanwhile. */
export function replaceText(root: string, path: string, from: string, to: string): void {
  const place = join(root, path);
  const beside = `${place}.deploy-gate-new`;
  let isOurs = false;
  try {
    mustBeInside(root, dirname(place));
    const found = lstatSync(place);
    if (!found.isFile() || readFileSync(place, "utf8") !== from) throw new Error("it was changed meanwhile");
    const file = openSync(beside, "wx", found.mode & 0o777);
    isOurs = true;
    try {
      writeFileSync(file, to);
    } finally {
      closeSync(file);
    }
    renameSync(beside, place);
  } catch (error) {
    if (isOurs) rmSync(beside, { force: true });
    throw gateError("init-write-failed", { path }, error instanceof Error ? error.message : String(error), error);
  }
}

/** The nearest directory above that is there; a link that leads nowhere is there, and whoever asks where it leads is told so. */
function standingAbove(place: string): string {
  const above = dirname(place);
  return above === place || lstatSync(above, { throwIfNoEntry: false }) !== undefined ? above : standingAbove(above);
}

function mustBeInside(root: string, directory: string): void {
  const [outer, inner] = [realpathSync(root), realpathSync(directory)];
  if (inner !== outer && !inner.startsWith(`${outer}${sep}`)) throw new Error("a symbolic link leads out of the repository");
}
