import { gateError } from "../failure.ts";
import type { GoalReport } from "../goal/goal-report.ts";
import { systemClock } from "../io/clock.ts";
import { ForgeClient } from "../io/forge-client.ts";
import { openPullRequest } from "../io/pull-requests.ts";
import type { ActionRequest, ActionWorld } from "./action.ts";
import { withActionDeploy } from "./action-deploy.ts";
import { preparationOf, sessionOf } from "./action-gate.ts";
import { courseOf, deployBranchOf } from "./course.ts";
import { askFlake } from "./fleet-setup.ts";
import { checkCall, goalOn } from "./goal-setup.ts";
import { type Prepared, withPrepared } from "./prepare.ts";
import type { WorkshopSetup } from "./workshop.ts";

/**
 * A goal by the Action: policy, goals and knowledge are those of the deploy branch's tip, whoever started the run. Throws the GateErrors `not-deploy-branch` and
 * `goal-overtaken` before any host is contacted.
 */
export async function goalByAction(request: ActionRequest, world: ActionWorld, programRoot: string): Promise<GoalReport> {
  const { inputs, event } = request;
  const course = courseOf(request);
  const branch = course.kind === "deploy" ? course.branch : deployBranchOf(request);
  if (course.kind !== "deploy" || branch === undefined || inputs.goal === undefined)
    throw gateError("not-deploy-branch", { branch: "branch" in event ? event.branch : "a pull request", deployBranch: branch });
  const call = { name: inputs.goal, text: inputs.text, alert: inputs.alert, dryRun: inputs.dryRun };
  return await withPrepared(
    preparationOf(request, world),
    async (prepared) =>
      await withActionDeploy({ request, world, prepared, branch }, async (deploy, notes) => {
        if (deploy === undefined) throw gateError("goal-overtaken", { branch });
        await checkCall(call, prepared, programRoot);
        const asked = await askFlake({ prepared, hosts: inputs.hosts, withGroups: true, log: world.log }, deploy);
        world.onPolicy?.(asked.policy, !inputs.dryRun);
        const session = sessionOf(request, world, prepared, programRoot);
        const report = await goalOn(asked, call, {
          session,
          programRoot,
          log: world.log,
          environment: world.environment,
          signal: world.signal,
          // Shown by withActionDeploy: what is checked out is the tip.
          deployTip: async () => await Promise.resolve(prepared.sources.head.rev),
          publish: await publisher(request, world, prepared, branch),
        });
        return { ...report, notes: [...notes, ...report.notes] };
      }),
  );
}

/** Where a proposal of this run goes: a branch beside the deploy branch, and a pull request into it. Undefined where the job has no token or the checkout no origin. */
async function publisher(
  { inputs: { token }, run, detail }: ActionRequest,
  { log }: ActionWorld,
  { sources }: Prepared,
  into: string,
): Promise<WorkshopSetup["publish"]> {
  const remote = await sources.origin?.();
  if (token === undefined || remote === undefined) return undefined;
  const client = new ForgeClient({
    apiUrl: run.apiUrl,
    token,
    clock: systemClock,
    log,
    wait: async (seconds) => await new Promise((done) => setTimeout(done, seconds * 1000)),
    redact: (text) => log.masked(text),
  });
  const repository = `${run.owner}/${run.repository}`;
  return {
    remote,
    detail,
    runUrl: run.url,
    open: async (wanted) => await openPullRequest(client, run.forge, { ...wanted, repository, into }),
  };
}
