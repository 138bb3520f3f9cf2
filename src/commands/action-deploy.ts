import { join } from "node:path";
import type { Approver } from "../decide/approval.ts";
import type { DeployRequest } from "../deploy/contact.ts";
import { gateError } from "../failure.ts";
import type { ActionRequest, ActionWorld } from "./action.ts";
import { approvedRevision } from "./course.ts";
import { withDeploy } from "./deploy-setup.ts";
import type { Prepared } from "./prepare.ts";

/**
 * Runs `use` as a run of the deploy branch: with what may change hosts where this is its tip, and without where a newer push has overtaken this run, whose own run then
 * deploys all of it. Throws the GateErrors `not-on-deploy-branch` and `git-fetch-failed` before anything of the flake is looked at.
 */
export async function withActionDeploy<T>(
  { request, world, prepared, branch }: { request: ActionRequest; world: ActionWorld; prepared: Prepared; branch: string },
  use: (deploy: DeployRequest | undefined, notes: readonly string[]) => Promise<T>,
): Promise<T> {
  const { inputs, run, event } = request;
  const { sources, git } = prepared;
  const revision = sources.head.rev;
  const { fetchBranch } = sources;
  if (revision === undefined || fetchBranch === undefined)
    throw gateError("source-unusable", {
      flake: inputs.flake,
      problem: "it is in no repository, so that nobody can tell whether it is what the deploy branch says",
      next: `Set the input "flake" to a path in the checkout.`,
    });
  const overtaken = async (): Promise<string | undefined> => {
    const tip = await fetchBranch(branch);
    if (tip === revision) return undefined;
    const words = ["merge-base", "--is-ancestor", revision, tip];
    const asked = await git.run({ directory: join(prepared.scratch, "repo"), arguments: words });
    if (asked.exitCode !== 0) throw gateError("not-on-deploy-branch", { revision, deployBranch: branch, tip });
    return `Superseded by a newer push: ${branch} is at ${tip.slice(0, 9)} by now, and the run of that push deploys it. Where it started none, start the workflow on ${branch} by hand.`;
  };
  const note = await overtaken();
  // What was approved is brought in as it was approved, to those hosts alone, though the branch has moved on; who may approve is what its tip says.
  const approved = approvedRevision(inputs);
  const behind = note !== undefined && approved?.revision === revision;
  if (note !== undefined && !behind) return await use(undefined, [note]);
  const tip = behind ? await fetchBranch(branch) : undefined;
  return await withDeploy(
    {
      prepared,
      environment: world.environment,
      signal: world.signal,
      privateKey: inputs.sshPrivateKey,
      knownHosts: inputs.sshKnownHosts ?? "",
      repository: `${run.owner}/${run.repository}`,
      approve: inputs.approve,
      reject: inputs.reject,
      approver: async () => await approverOf(event.kind === "dispatch" ? event.actor : run.actor, request, world),
      // Shown above: it is the tip.
      onDeployBranch: true,
      policyGuarded: true,
      dryRun: inputs.dryRun,
      despite: [],
      ...(tip === undefined ? { overtaken } : { tip }),
      // A person named these hosts. What else the run would bring in, a session may have held when it was pushed, and this run may have none to ask.
      ...(approved === undefined ? {} : { only: approved.hosts }),
    },
    async (deploy) =>
      await use(
        deploy,
        tip === undefined
          ? []
          : [`The branch ${branch} has moved on to ${tip.slice(0, 9)}; only what was approved at ${revision.slice(0, 9)} is brought in.`],
      ),
  );
}

/**
 * Who started the run, with the forge's own word on what they may do. Whether they wrote what they approve is never known here: e-mail addresses in commits are whatever
 * their author typed, so that they could show only who did not care to hide. A policy with `exceptAuthor` therefore refuses.
 */
async function approverOf(login: string, { run }: ActionRequest, { forge, log }: ActionWorld): Promise<Approver> {
  const asked = await forge?.permission(login);
  if (asked?.ok === false) log.progress({ kind: "warning", text: `What ${login} may do could not be asked: ${asked.failure.message}` });
  return {
    login,
    permission: asked?.ok === true ? asked.value : "unknown",
    attempt: run.attempt,
    triggeredBy: run.triggeredBy,
    isAuthor: "unknown",
  };
}
