import { readTokens } from "../decide/approval-token.ts";
import { gateError } from "../failure.ts";
import type { ActionRequest } from "./action.ts";

/** The short name of the branch whose tip the machines should run; undefined where neither the workflow nor the forge says. */
export const deployBranchOf = ({ inputs, run }: Pick<ActionRequest, "inputs" | "run">): string | undefined =>
  inputs.deployBranch ?? run.defaultBranch;

/** What a run comes to, by where it runs: hosts are changed, or it is only planned and `note` says why. */
export type Course = { readonly kind: "deploy"; readonly branch: string } | { readonly kind: "plan"; readonly note: string | undefined };

/**
 * What the event allows (invariant 3). Pure. A push elsewhere is planned, since such a push is normal; somebody who starts or schedules a run elsewhere means
 * something that is not done, and is told so by the GateError `not-deploy-branch`.
 */
export function courseOf(request: Pick<ActionRequest, "command" | "inputs" | "run" | "event">): Course {
  const { event, command } = request;
  if (event.kind === "pull-request" || command === "plan") return { kind: "plan", note: undefined };
  const branch = deployBranchOf(request);
  if (branch !== undefined && event.branch === branch) return { kind: "deploy", branch };
  if (event.kind !== "push") throw gateError("not-deploy-branch", { branch: event.branch, deployBranch: branch });
  const what = branch === undefined ? "which branch is deployed is not known (deploy-branch)" : `only ${branch} is deployed`;
  return { kind: "plan", note: `This is a push to ${event.branch} and ${what}: it was planned, and no host was contacted.` };
}

/** The revision that the tokens of this run are for, and their hosts; undefined where there are none. Throws the GateErrors of `readTokens`. */
export function approvedRevision({
  approve,
  reject,
}: Pick<ActionRequest["inputs"], "approve" | "reject">): { revision: string; hosts: readonly string[] } | undefined {
  const read = readTokens([...approve, ...reject]);
  return read === undefined || !/^[0-9a-f]{40}$/.test(read.revision)
    ? undefined
    : { revision: read.revision, hosts: [...read.tokens.keys()] };
}
