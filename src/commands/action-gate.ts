import { join } from "node:path";
import type { SessionAtHand } from "../classify/second-opinion.ts";
import type { DeployRequest } from "../deploy/contact.ts";
import type { SourceEvent } from "../discover/source.ts";
import type { Event } from "../event.ts";
import { gate } from "../gate.ts";
import type { Inputs } from "../inputs.ts";
import type { Plan, PlanEvent } from "../report/plan.ts";
import type { ActionRequest, ActionWorld, RunGate } from "./action.ts";
import { approvedRevision, courseOf, deployBranchOf } from "./course.ts";
import { type Preparation, type Prepared, withPrepared } from "./prepare.ts";
import { credentialOf, setUpSession } from "./session-setup.ts";
import packageJson from "../../package.json" with { type: "json" };

const planEvents: Readonly<Record<Event["kind"], PlanEvent>> = {
  "pull-request": "pull_request",
  push: "push",
  dispatch: "workflow_dispatch",
  schedule: "schedule",
};

/** The pipeline, as the Action runs it. `programRoot` is where `goals/` lies. */
export const runGate =
  (programRoot: string): RunGate =>
  async (request, world) => {
    const { inputs, event } = request;
    if (request.command === "join") {
      const { joinInAction } = await import("./join-files.ts");
      const joined = joinInAction(inputs.plans, directoryOf(world.environment), { ...request, planEvent: planEvents[event.kind] });
      world.log.show(joined.detail);
      return joined;
    }
    const course = courseOf(request);

    const fork = event.kind === "pull-request" && event.fromFork;
    const plan = await withPrepared(preparationOf(request, world), async (prepared) => {
      if (request.command === "reboot") {
        const { rebootByAction } = await import("./action-reboot.ts");
        const session = sessionOf(request, world, prepared, programRoot);
        return await rebootByAction(request, world, prepared, { event: planEvents[event.kind], session });
      }
      const { sources, ports, commitMessage } = prepared;
      const run = async (deploy: DeployRequest | undefined, notes: readonly string[]): Promise<Plan> =>
        await gate(
          {
            event: planEvents[event.kind],
            phase: event.kind === "pull-request" ? "pull-request" : "push",
            repository: `${request.run.owner}/${request.run.repository}`,
            flake: inputs.flake,
            sources,
            commitMessage,
            hosts: inputs.hosts,
            detail: request.detail,
            build: true,
            ...(world.onPreview === undefined ? {} : { onPreview: world.onPreview }),
            ...(world.onPolicy === undefined ? {} : { onPolicy: world.onPolicy }),
            ...(world.onDecided === undefined ? {} : { onDecided: world.onDecided }),
            holdings: holdings(inputs, world.environment, fork),
            session: fork
              ? "the pull request comes from a fork, whose text no session is asked about"
              : sessionOf(request, world, prepared, programRoot),
            version: packageJson.version,
            ...(deploy === undefined ? {} : { deploy }),
            notes,
          },
          ports,
        );
      if (course.kind === "plan") return await run(undefined, course.note === undefined ? [] : [course.note]);
      // Loaded where hosts may be changed only: a pull request has no use for it.
      const { withActionDeploy } = await import("./action-deploy.ts");
      return await withActionDeploy({ request, world, prepared, branch: course.branch }, run);
    });
    world.log.show(plan.detail);
    return plan;
  };

/** What a run lays out, of the checkout and of what the event says of it. */
export const preparationOf = (request: ActionRequest, { environment, signal, log }: ActionWorld): Preparation => ({
  flake: request.inputs.flake,
  directory: directoryOf(environment),
  event: sourceEvent(request),
  forgeToken:
    request.inputs.token === undefined ? undefined : { serverUrl: environment["GITHUB_SERVER_URL"] ?? "", token: request.inputs.token },
  environment,
  signal,
  log,
});

const directoryOf = (environment: Readonly<Record<string, string | undefined>>): string => environment["GITHUB_WORKSPACE"] || process.cwd();

/** The session of a run by the Action, or why there is none. */
export const sessionOf = (
  { inputs }: ActionRequest,
  { environment, signal, log }: ActionWorld,
  { knowledge, scratch }: Prepared,
  programRoot: string,
): SessionAtHand | string =>
  setUpSession({
    credential: credentialOf(inputs.anthropicApiKey, inputs.claudeCodeOauthToken),
    program: inputs.claudePath,
    install: { toolCache: environment["RUNNER_TOOL_CACHE"] || undefined },
    model: inputs.model,
    keptIn: inputs.sessionCache,
    everyHost: false,
    knowledge,
    environment,
    scratch,
    signal,
    programRoot,
    log,
  });

/** The directory of this program: `main.js` lies in `dist/`, `main.ts` in `src/`, both one below it. */
export const rootOf = (entryDirectory: string): string => join(entryDirectory, "..");

function sourceEvent(request: ActionRequest): SourceEvent {
  const { event, inputs } = request;
  const deployBranch = deployBranchOf(request);
  switch (event.kind) {
    case "pull-request":
      return { kind: "pull-request", number: event.number, headSha: event.headSha, baseRef: event.baseRef, deployBranch };
    case "push":
      return { kind: "branch", trust: event.branch === deployBranch ? "deploy-branch" : "unreviewed", before: inputs.base ?? event.before };
    case "dispatch":
      return {
        kind: "branch",
        trust: event.branch === deployBranch ? "deploy-branch" : "unreviewed",
        before: inputs.base,
        rev: approvedRevision(inputs)?.revision,
      };
    case "schedule":
      return { kind: "branch", trust: event.branch === deployBranch ? "deploy-branch" : "unreviewed", before: inputs.base };
  }
}

/** A token counts as one that may write unless the pull request comes from a fork: what a workflow's `permissions` say cannot be asked on both forges. */
function holdings(
  inputs: Inputs,
  environment: Readonly<Record<string, string | undefined>>,
  fork: boolean,
): { secrets: boolean; writeToken: boolean } {
  const ambient = ["GITHUB_TOKEN", "FORGEJO_TOKEN", "GITEA_TOKEN"].some((name) => (environment[name] ?? "") !== "");
  return {
    secrets: [inputs.anthropicApiKey, inputs.claudeCodeOauthToken, inputs.sshPrivateKey].some((value) => value !== undefined),
    writeToken: !fork && (inputs.token !== undefined || ambient),
  };
}
