import { readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Event, Run } from "../event.ts";
import { gateError } from "../failure.ts";
import { joinPlans } from "../report/join-plans.ts";
import type { Plan, PlanEvent } from "../report/plan.ts";
import { readPlan } from "./plan-file.ts";

/** More jobs than a matrix has on either forge. */
const most = 256;
/** Artifacts arrive in a folder for each of them, below one that was named. */
const deepest = 3;

/**
 * The plans that `words` name, as one. A directory stands for every `plan.json` in it. Throws the GateErrors `usage` for what is no plan and `plans-do-not-join`.
 */
export function joinFiles(words: readonly string[], directory: string): Plan {
  const files = [...new Set(words.flatMap((word) => filesOf(word, directory)))];
  if (files.length > most) throw gateError("plans-do-not-join", { problem: `there are ${files.length} of them, and ${most} is the limit` });
  const joined = joinPlans(files.map((name) => ({ name, plan: readPlan(name, directory, "join") })));
  if (!joined.ok) throw gateError("plans-do-not-join", { problem: joined.problem });
  return joined.plan;
}

function filesOf(word: string, directory: string): string[] {
  if (statSync(resolve(directory, word), { throwIfNoEntry: false })?.isDirectory() !== true) return [word];
  const found = below(word, directory, deepest);
  if (found.length === 0) throw gateError("plans-do-not-join", { problem: `there is no plan.json in ${word}` });
  return found;
}

/** Links are not followed: an artifact may hold one. */
function below(folder: string, directory: string, depth: number): string[] {
  return readdirSync(resolve(directory, folder), { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      if (entry.isFile() && entry.name === "plan.json") return [join(folder, entry.name)];
      return entry.isDirectory() && depth > 1 ? below(join(folder, entry.name), directory, depth - 1) : [];
    });
}

/** The same in a workflow. What is joined has to be of this very run's repository, event and, on a push, commit: artifacts of another are easily taken up by mistake. */
export function joinInAction(
  words: readonly string[],
  directory: string,
  here: { readonly run: Run; readonly event: Event; readonly planEvent: PlanEvent },
): Plan {
  if (words.length === 0)
    throw gateError("input-invalid", {
      input: "plans",
      problem: `"join" needs the files or the directory with the plans of the other jobs`,
    });
  const plan = joinFiles(words, directory);
  const repository = `${here.run.owner}/${here.run.repository}`;
  const refuse = (problem: string): Error => gateError("plans-do-not-join", { problem });
  if (plan.repository !== repository) throw refuse(`they are of ${plan.repository ?? "no repository"}, and this is ${repository}`);
  if (plan.event !== here.planEvent) throw refuse(`they were made on ${plan.event}, and this is ${here.planEvent}`);
  // On a pull request the revision is that of the merge, which each job made for itself; that they all made the same one has been seen.
  if (here.event.kind === "push" && plan.revision.head !== here.event.after)
    throw refuse(`they are of ${plan.revision.head ?? "no commit"}, and this is a push of ${here.event.after}`);
  return plan;
}
