import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The text of one of our goals. `programRoot` is the directory that holds both `goals/` and the program, whether it runs from src/ or from dist/. */
export function readGoal(programRoot: string, name: string): string {
  return readFileSync(join(programRoot, "goals", `${name}.md`), "utf8");
}
