import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The text of one of our goals. `programRoot` is the directory that holds both `goals/` and the program, whether it runs from src/ or from dist/. */
export function readGoal(programRoot: string, name: string): string {
  return readFileSync(join(programRoot, "goals", `${name}.md`), "utf8");
}

/** All of them by file name, those of judging and of diagnosing too, which are asked elsewhere. */
export function readOwnGoals(programRoot: string): readonly { readonly path: string; readonly text: string }[] {
  const folder = join(programRoot, "goals");
  return readdirSync(folder)
    .filter((file) => file.endsWith(".md"))
    .toSorted()
    .map((file) => ({ path: `goals/${file}`, text: readFileSync(join(folder, file), "utf8") }));
}
