import { readEvent, type Event, type Run } from "../event.ts";
import type { GoalReport } from "../goal/goal-report.ts";
import { GateError, gateError, type ExitCode, type Failure } from "../failure.ts";
import { type Environment, type Inputs, maskSecrets, readInputs, unknownInputs } from "../inputs.ts";
import { systemClock } from "../io/clock.ts";
import { connectForge } from "../io/forge.ts";
import { actionLog, type GateLog } from "../io/log.ts";
import type { Clock, Forge } from "../io/ports.ts";
import { readEventPayload, stepRunner } from "../io/runner.ts";
import type { Policy } from "../policy.ts";
import { ShownDeployments } from "./deployments-run.ts";
import { notifyFailure, notifyOf } from "./notify-run.ts";
import type { HostReport } from "../host-report.ts";
import { approveAt } from "../report/approve-command.ts";
import { exitCode } from "../report/exit-code.ts";
import type { Plan } from "../report/plan.ts";
import { type Destination, failedOutputs, publish, publishFailure, publishPreview } from "../report/publish.ts";
import { terminalReport } from "../report/terminal.ts";

/** What one step of a workflow asks of the gate. */
export type ActionRequest = {
  readonly command: "plan" | "join" | "deploy" | "reboot" | "goal";
  readonly inputs: Inputs;
  readonly run: Run;
  readonly event: Event;
  /** How much of what the hosts hold strangers may read: the repository is public, or nobody knows whether it is (invariant 8). A policy may say otherwise. */
  readonly detail: "full" | "names";
};

/** What the pipeline is given of the runner. */
export type ActionWorld = {
  readonly environment: Environment;
  readonly log: GateLog;
  /** Shows what is known before the build, where there is a pull request to show it on. */
  readonly onPreview?: (plan: Plan) => Promise<void>;
  /** Hears the policy in force; `changes` where hosts may be changed under it. */
  readonly onPolicy?: (policy: Policy, changes: boolean) => void;
  /** Hears what was decided, before the first host is changed. */
  readonly onDecided?: (reports: readonly HostReport[], policy: Policy, revision: string | undefined) => void;
  /** Asked what people may do; undefined where there is no token. */
  readonly forge: Forge | undefined;
  readonly clock: Clock;
  /** Aborted where the run is cancelled. */ readonly signal: AbortSignal;
};

/** The pipeline as the Action needs it: throws a GateError where no plan can be made. */
export type RunGate = (request: ActionRequest, world: ActionWorld) => Promise<Plan>;

/** A run of a goal, which ends in a report of its own and not in a plan. */
export type RunGoal = (request: ActionRequest, world: ActionWorld) => Promise<GoalReport>;

/** What the process gives: nothing here reads it by itself. */
export type Step = {
  readonly environment: Environment;
  readonly write: (text: string) => unknown;
  readonly wait: (seconds: number) => Promise<void>;
  readonly signal: AbortSignal;
};

const byEvent = { "pull-request": "plan", push: "deploy", dispatch: "deploy", schedule: "reboot" } as const;

/**
 * Runs one step to its exit code: inputs and event in, the pipeline, the report out. Nothing is thrown: whatever goes wrong is an annotation, outputs, and where
 * the forge is known a status and a comment, so that a required check never hangs.
 */
export async function action(step: Step, runGate: RunGate, runGoal?: RunGoal): Promise<ExitCode> {
  const { environment } = step;
  const log = actionLog({ write: step.write });
  maskSecrets(environment, log);
  const runner = stepRunner(environment, (text) => log.masked(text));
  const annotate = (failure: Failure): void => void step.write(log.masked(annotation(failure)));
  let to: Destination | undefined;
  let begun: ShownDeployments | undefined;
  let told: Policy["notify"] | undefined;
  try {
    const inputs = readInputs(environment);
    for (const name of unknownInputs(environment))
      log.progress({ kind: "warning", text: `The workflow gives an input "${name}", which the gate does not have.` });
    const { run, event } = readEvent(environment, await readEventPayload(environment));
    const detail = run.visibility === "private" ? "full" : "names";
    log.show(detail);
    const forge =
      inputs.token === undefined
        ? undefined
        : connectForge(
            run.forge,
            { owner: run.owner, name: run.repository },
            { apiUrl: run.apiUrl, token: inputs.token, clock: systemClock, log, wait: step.wait, redact: (text) => log.masked(text) },
          );
    to = {
      run,
      event,
      forge: inputs.post ? forge : undefined,
      unposted: !inputs.post,
      runner,
      scope: { flake: inputs.flake, hosts: inputs.hosts },
      artifact: inputs.artifact,
    };

    const asked = command(inputs, event);
    to = { ...to, reboots: asked === "reboot" || asked === "goal", goal: asked === "goal" };
    const here = to;
    const preview = (shown: Plan): Promise<void> => publishPreview(shown, here);
    if (asked === "goal" && runGoal !== undefined) {
      const { runGoalStep } = await import("./action-goal-step.ts");
      const request = { command: asked, inputs, run, event, detail } as const;
      const world = { environment, log, forge, clock: systemClock, signal: step.signal };
      return await runGoalStep(request, world, runGoal, here, (policy) => (told = policy.notify));
    }
    const shown = new ShownDeployments(forge, { run, event });
    begun = shown;
    let hostStatuses = false;
    const plan = await runGate(
      { command: asked, inputs, run, event, detail },
      {
        environment,
        log,
        forge,
        clock: systemClock,
        signal: step.signal,
        onPolicy: (policy, changes) => {
          if (changes) told = policy.notify;
          hostStatuses = policy.report.hostStatuses;
        },
        onDecided: (reports, policy, revision) => shown.begin(reports, policy, revision),
        ...(event.kind === "pull-request" ? { onPreview: preview } : {}),
      },
    );
    const published = await publish(plan, { ...to, hostStatuses });
    const deployments = await shown.end(plan);
    log.print(terminalReport(plan, { width: 120, color: false, unicode: true, approve: approveAt(run, event) }));
    const notified = await notifyOf(plan, { policy: told, url: run.url, environment, masked: (text) => log.masked(text) });
    for (const note of [...published.notes, ...deployments, ...notified]) log.progress({ kind: "warning", text: note });
    // A hold waits for a person and is no error of the job (`decision` tells); every other code is.
    const code = exitCode(plan);
    return code === 3 ? 0 : code;
  } catch (error) {
    const ended =
      error instanceof GateError
        ? error
        : gateError("internal", {}, error instanceof Error ? (error.stack ?? error.message) : String(error));
    annotate(ended.failure);
    if (to === undefined) for (const [name, value] of Object.entries(failedOutputs(ended.failure))) runner.output(name, value);
    else for (const note of (await publishFailure(ended.failure, to)).notes) log.progress({ kind: "warning", text: note });
    if (to !== undefined) {
      const about = { repository: `${to.run.owner}/${to.run.repository}`, flake: to.scope.flake, revision: to.run.sha };
      const telling = { policy: told, url: to.run.url, environment, masked: (text: string) => log.masked(text) };
      for (const note of await notifyFailure(ended.failure, about, telling)) log.progress({ kind: "warning", text: note });
    }
    for (const note of (await begun?.broke(ended.failure)) ?? []) log.progress({ kind: "warning", text: note });
    return ended.exit;
  } finally {
    log.close();
  }
}

/** The command that the event stands for, or the one that was asked for where that event may do it. */
function command(inputs: Inputs, event: Event): ActionRequest["command"] {
  const asked = inputs.command ?? byEvent[event.kind];
  if (event.kind === "pull-request" && asked !== "plan" && asked !== "join")
    throw gateError("input-invalid", { input: "command", problem: `a pull request is only ever planned, and "${asked}" changes hosts` });
  if (event.kind !== "dispatch" && inputs.approve.length > 0)
    throw gateError("input-invalid", { input: "approve", problem: "approvals are taken on workflow_dispatch only" });
  if (event.kind !== "dispatch" && inputs.reject.length > 0)
    throw gateError("input-invalid", { input: "reject", problem: "rejections are taken on workflow_dispatch only" });
  if (asked === "goal" && event.kind !== "dispatch" && event.kind !== "schedule")
    throw gateError("input-invalid", { input: "command", problem: `"goal" runs on schedule and workflow_dispatch only` });
  if (asked === "goal" && inputs.goal === undefined)
    throw gateError("input-invalid", { input: "goal", problem: `the command "goal" needs the name of one` });
  for (const name of ["goal", "text", "alert"] as const)
    if (asked !== "goal" && inputs[name] !== undefined)
      throw gateError("input-invalid", { input: name, problem: `only the command "goal" takes it, and this is "${asked}"` });
  if (asked !== "deploy" && [...inputs.approve, ...inputs.reject].length > 0)
    throw gateError("input-invalid", { input: "command", problem: `"${asked}" takes no approvals and no rejections` });
  return asked;
}

/** One line that the runner shows as an error. A failure's texts may hold what a tool said: a line break would start a command of its own. */
function annotation(failure: Failure): string {
  const text = [
    failure.message,
    `[${failure.code}]`,
    ...(failure.detail === undefined ? [] : [`\n${failure.detail.slice(0, 3_000)}`]),
    `\nNext: ${failure.next}`,
  ].join(" ");
  const escaped = text
    .replace(/[^\P{C}\n]/gu, "")
    .replaceAll("%", "%25")
    .replaceAll("\n", "%0A")
    .replaceAll("##[", "## [");
  return `::error title=nixos-deploy-gate::${escaped}\n`;
}
