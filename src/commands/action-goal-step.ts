import type { ExitCode } from "../failure.ts";
import { notify } from "../io/notify.ts";
import type { Policy } from "../policy.ts";
import { goalMarkdown } from "../report/goal-markdown.ts";
import { goalNotification } from "../report/goal-notification.ts";
import { goalExit } from "../report/goal-standing.ts";
import { goalText } from "../report/goal-text.ts";
import { notificationJson } from "../report/notification.ts";
import type { Destination } from "../report/publish.ts";
import { publishGoal } from "../report/publish-goal.ts";
import type { ActionRequest, ActionWorld, RunGoal } from "./action.ts";

/**
 * The step of a goal: run, report, tell. What it found waits for a person and is no error of the job, as a hold is none; that nobody answered is. Throws what the run
 * throws. `onPolicy` hears the policy where somebody is to be told by it.
 */
export async function runGoalStep(
  request: ActionRequest,
  world: ActionWorld,
  runGoal: RunGoal,
  to: Destination,
  onPolicy: (policy: Policy) => void,
): Promise<ExitCode> {
  const { log, environment } = world;
  const { inputs, run } = request;
  let inForce: Policy | undefined;
  const report = await runGoal(request, {
    ...world,
    onPolicy: (policy, changes) => {
      inForce = policy;
      if (changes) onPolicy(policy);
    },
  });
  const detail = inForce?.report.detail ?? request.detail;
  log.show(detail);
  const notes = [...(await publishGoal(report, detail, to))];
  log.print(
    detail === "full"
      ? goalText(report, { width: 120, color: false, unicode: true, verbose: true })
      : `${goalMarkdown(report, { detail, limit: 60_000 })}\n`,
  );
  const telling = inputs.dryRun ? undefined : inForce?.notify;
  const made = goalNotification(report, { repository: `${run.owner}/${run.repository}`, flake: inputs.flake, url: run.url });
  if (made !== undefined && telling !== undefined && (telling.command !== undefined || telling.webhook !== undefined))
    notes.push(...(await notify(notificationJson(made), telling, { environment, masked: (text) => log.masked(text) })));
  for (const note of notes) log.progress({ kind: "warning", text: note });
  const code = goalExit(report);
  return code === 3 ? 0 : code;
}
