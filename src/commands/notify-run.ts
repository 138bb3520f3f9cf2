import type { Failure } from "../failure.ts";
import { notify } from "../io/notify.ts";
import type { NotifyPolicy } from "../policy-notify.ts";
import { failureNotification, notification, notificationJson } from "../report/notification.ts";
import type { Plan } from "../report/plan.ts";

export type NotifyRun = {
  /** Of the policy in force; undefined where the run changed no hosts. */
  readonly policy: NotifyPolicy | undefined;
  /** Page of the run, where it has one. */
  readonly url: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly masked: (text: string) => string;
};

/** Tells the operator's command and webhook of what needs a person, after the report. What did not work comes back as sentences; the run is none the worse. */
export async function notifyOf(plan: Plan, { policy, url, environment, masked }: NotifyRun): Promise<readonly string[]> {
  if (policy === undefined || (policy.command === undefined && policy.webhook === undefined)) return [];
  const made = notification(plan, url);
  return made === undefined ? [] : await notify(notificationJson(made), policy, { environment, masked });
}

/**
 * The same for a run that broke off after its policy was known: best effort, since whatever ended it may end this, too. Nobody is told of a run that a person ended.
 */
export async function notifyFailure(
  failure: Failure,
  about: Omit<Parameters<typeof failureNotification>[1], "url">,
  { policy, url, environment, masked }: NotifyRun,
): Promise<readonly string[]> {
  if (policy === undefined || (policy.command === undefined && policy.webhook === undefined) || failure.code === "cancelled") return [];
  return await notify(notificationJson(failureNotification(failure, { ...about, url })), policy, { environment, masked });
}
