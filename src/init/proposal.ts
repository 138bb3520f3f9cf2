import { posix } from "node:path";
import { startingPolicy, type StartingPolicy } from "./starting-policy.ts";
import { workflowFolder, workflowNames, workflowText, type WorkflowWords } from "./workflows.ts";

/** A file that the repository is to get, by its path from the root. */
export type ProposedFile = { readonly path: string; readonly text: string };

export type Proposal = {
  readonly workflows: WorkflowWords;
  /** Undefined where the flake has a policy already. */
  readonly policy: StartingPolicy | undefined;
  /** False while no host is handed over: a run on a schedule that has nobody to look after is a red one every hour. */
  readonly schedule: boolean;
};

export const policyFile = "deploy-gate.nix";

/** The files of a set-up. `examples` are the texts of examples/workflows of the forge, by their names. */
export function proposedFiles({ workflows, policy, schedule }: Proposal, examples: ReadonlyMap<string, string>): readonly ProposedFile[] {
  const folder = workflowFolder[workflows.forge];
  const texts = workflowNames
    .filter((name) => name !== "schedule.yml" || schedule)
    .flatMap((name) => {
      const example = examples.get(name);
      return example === undefined ? [] : [{ path: `${folder}/${name}`, text: workflowText(example, workflows) }];
    });
  return policy === undefined ? texts : [{ path: posix.join(workflows.directory, policyFile), text: startingPolicy(policy) }, ...texts];
}
