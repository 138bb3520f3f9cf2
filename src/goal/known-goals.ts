import { posix } from "node:path";
import { gateError } from "../failure.ts";
import { type Goal, readGoalFile } from "./goal.ts";

export type GoalFile = { readonly path: string; readonly text: string };

/** A goal and where it stands. */
export type KnownGoal =
  | { readonly name: string; readonly path: string; readonly whose: "ours" | "operator"; readonly goal: Goal }
  | { readonly name: string; readonly path: string; readonly whose: "ours" | "operator"; readonly problem: string };

/** Asked elsewhere, in another shape: no run of a goal is about them, and nobody's file takes their place. */
const elsewhere = new Set(["classify", "diagnose-build", "diagnose-deploy"]);

/**
 * What can be run, by name: the gate's own goals, and over them those of the operator. Theirs that cannot be read is a problem under its name and never ours in its
 * place: they believe that theirs is in force.
 */
export function knownGoals(ours: readonly GoalFile[], operators: readonly GoalFile[]): ReadonlyMap<string, KnownGoal> {
  const known = new Map<string, KnownGoal>();
  const add = (whose: KnownGoal["whose"], { path, text }: GoalFile): void => {
    const name = posix.basename(path, ".md");
    if (elsewhere.has(name)) return;
    const read = readGoalFile(text);
    const problem = !read.ok
      ? read.problem
      : read.goal.name === name
        ? undefined
        : `it calls itself "${read.goal.name}", and the file is ${name}.md`;
    known.set(name, { name, path, whose, ...(read.ok && problem === undefined ? { goal: read.goal } : { problem: problem ?? "" }) });
  };
  for (const file of ours) add("ours", file);
  for (const file of operators) add("operator", file);
  return new Map([...known].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** The goal of that name. Throws the GateErrors `goal-unknown` and `goal-invalid`. */
export function goalNamed(known: ReadonlyMap<string, KnownGoal>, name: string): Goal {
  const found = known.get(name);
  if (found === undefined) throw gateError("goal-unknown", { name: name.slice(0, 60), known: [...known.keys()] });
  if ("problem" in found) throw gateError("goal-invalid", { path: found.path, problem: found.problem });
  return found.goal;
}
