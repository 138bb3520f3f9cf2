import { join } from "node:path";
import type { Approver } from "../decide/approval.ts";
import { isAuthor } from "../decide/authorship.ts";
import type { DeployRequest } from "../deploy/contact.ts";
import { gateError } from "../failure.ts";
import type { ActionRequest, ActionWorld } from "./action.ts";
import { approvedRevision } from "./course.ts";
import { withDeploy } from "./deploy-setup.ts";
import type { Prepared } from "./prepare.ts";

type Where = { readonly request: ActionRequest; readonly world: ActionWorld; readonly prepared: Prepared; readonly branch: string };

/**
 * Runs `use` as a run of the deploy branch: with what may change hosts where this is its tip, and without where a newer push has overtaken this run, whose own run then
 * deploys all of it. Throws the GateErrors `not-on-deploy-branch` and `git-fetch-failed` before anything of the flake is looked at.
 */
export async function withActionDeploy<T>(
  { request, world, prepared, branch }: Where,
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
      isAuthor: authorshipOf({ request, world, prepared, branch }),
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

/** Asks the forge who had a hand in what lies between two revisions, and holds that against git's own list: neither may leave a commit out. */
function authorshipOf({ world: { forge }, prepared, branch }: Where): DeployRequest["isAuthor"] {
  if (forge === undefined) return undefined;
  const { git, scratch } = prepared;
  const here = join(scratch, "repo");
  return async (login, base, head) => {
    if (![base, head].every((rev) => /^[0-9a-f]{40}$/.test(rev))) return { answer: "unknown", why: "a revision is none of git's" };
    const isBefore = async (revision: string): Promise<boolean | "unknown"> => {
      if (!/^[0-9a-f]{40}$/.test(revision)) return "unknown";
      const told = await git.run({ directory: here, arguments: ["merge-base", "--is-ancestor", revision, base] });
      return told.exitCode === 0 ? true : "unknown";
    };
    const shallow = await git.run({ directory: here, arguments: ["rev-parse", "--is-shallow-repository"] });
    const listed = await git.run({ directory: here, arguments: ["rev-list", `--max-count=${mostCommits + 1}`, head, `^${base}`] });
    const commits = listed.stdout.split("\n").filter((line) => line !== "");
    if (shallow.stdout.trim() !== "false" || listed.exitCode !== 0)
      return { answer: "unknown", why: `the history from ${base.slice(0, 9)} on is not at hand` };
    if (commits.length > mostCommits) return { answer: "unknown", why: `there are more than ${mostCommits} commits in between` };
    if (commits.length === 0) return { answer: false };
    const said = await forge.authorship(base, head, branch);
    if (!said.ok) return { answer: "unknown", why: `the forge did not say who made it (${said.failure.message.replace(/\.$/, "")})` };
    return await isAuthor(login, { commits, head }, said.value, isBefore);
  };
}

/** As many as a forge is asked about. */
const mostCommits = 1_000;

/** Who started the run, with the forge's own word on what they may do. Whether they wrote what they approve is another question for each host. */
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
