import { gateError } from "../failure.ts";
import type { Plan, PlanEvent } from "../report/plan.ts";
import { rebootPlan } from "../report/reboot-plan.ts";
import type { ActionRequest, ActionWorld } from "./action.ts";
import { withActionDeploy } from "./action-deploy.ts";
import { courseOf, deployBranchOf } from "./course.ts";
import { askFlake } from "./fleet-setup.ts";
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
  about: { readonly event: PlanEvent; readonly version: string },
): Promise<Plan> {
  const { inputs, run, event } = request;
  const course = courseOf(request);
  const branch = course.kind === "deploy" ? course.branch : deployBranchOf(request);
  if (course.kind !== "deploy" || branch === undefined)
    throw gateError("not-deploy-branch", { branch: "branch" in event ? event.branch : "a pull request", deployBranch: branch });
  const { nix, clock } = prepared.ports;
  const startedAt = clock.now();
  return await withActionDeploy({ request, world, prepared, branch }, async (deploy, notes) => {
    if (deploy === undefined) throw gateError("reboot-overtaken", { branch });
    const asked = await askFlake({ prepared, hosts: inputs.hosts, withGroups: true, log: world.log }, deploy);
    world.onPolicy?.(asked.policy, true);
    const rebooted = await rebootFleet(asked, undefined, world.log);
    const { head } = prepared.sources;
    return rebootPlan(rebooted, asked.policy, {
      tool: { version: about.version, nix: (await nix.version()).version },
      repository: `${run.owner}/${run.repository}`,
      flake: inputs.flake,
      event: about.event,
      revision: { head: head.rev },
      startedAt,
      finishedAt: clock.now(),
      policy: { source: "deployGate", ...(head.rev === undefined ? {} : { revision: head.rev }) },
      detail: asked.policy.report.detail ?? request.detail,
      notes,
    });
  });
}
