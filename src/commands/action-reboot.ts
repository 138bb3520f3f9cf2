import type { SessionAtHand } from "../classify/second-opinion.ts";
import { gateError } from "../failure.ts";
import type { Plan, PlanEvent } from "../report/plan.ts";
import type { ActionRequest, ActionWorld } from "./action.ts";
import { withActionDeploy } from "./action-deploy.ts";
import { courseOf, deployBranchOf } from "./course.ts";
import { explainedReboots } from "./explain-reboots.ts";
import { askFlake } from "./fleet-setup.ts";
import { rememberTold } from "./remember-told.ts";
import type { Prepared } from "./prepare.ts";
import { rebootFleet } from "./reboot-fleet.ts";

/**
 * A run of reboots by the Action: what is due, in its window, by the policy of the deploy branch's tip. Throws the GateErrors `not-deploy-
 * branch` and `reboot-overtaken` before any host is contacted.
 */
export async function rebootByAction(
  request: ActionRequest,
  world: ActionWorld,
  prepared: Prepared,
  about: { readonly event: PlanEvent; readonly session: SessionAtHand | string },
): Promise<Plan> {
  const { inputs, run, event } = request;
  const course = courseOf(request);
  const branch = course.kind === "deploy" ? course.branch : deployBranchOf(request);
  if (course.kind !== "deploy" || branch === undefined)
    throw gateError("not-deploy-branch", { branch: "branch" in event ? event.branch : "a pull request", deployBranch: branch });
  const startedAt = prepared.ports.clock.now();
  return await withActionDeploy({ request, world, prepared, branch }, async (deploy, notes) => {
    if (deploy === undefined) throw gateError("reboot-overtaken", { branch });
    const asked = await askFlake({ prepared, hosts: inputs.hosts, withGroups: true, log: world.log }, deploy);
    world.onPolicy?.(asked.policy, !inputs.dryRun);
    const rebooted = await rebootFleet(asked, undefined, world.log);
    const repository = `${run.owner}/${run.repository}`;
    const { detail } = request;
    const said = { ...about, repository, flake: inputs.flake, startedAt, detail, notes };
    const plan = await explainedReboots(asked, rebooted, said, world.log);
    // The connections end here, so that it is written before it is told.
    await rememberTold(asked, rebooted, plan, world.log);
    return plan;
  });
}
