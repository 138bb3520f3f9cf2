import { createHash } from "node:crypto";
import type { Failure } from "../failure.ts";
import { hoursText } from "../reboot/window-text.ts";
import { hostExit } from "./exit-code.ts";
import { jsonText } from "./json-text.ts";
import { needed } from "./needed.ts";
import { happened } from "./happened.ts";
import { headline } from "./headline.ts";
import type { PlanEscalation } from "./plan-diagnosis.ts";
import type { Plan, PlanHost } from "./plan.ts";
import { looks } from "./standing-look.ts";
import { standing } from "./order.ts";
import { flat } from "./terminal-section.ts";
import { visibleText } from "./visible.ts";

/** What is sent where something needs a person: whole sentences for people in `title` and `text`, and the same as data. Its strings are what strangers wrote. */
export type Notification = {
  readonly schema: 1;
  /** The same trouble has the same key in every run: an inbox or a phone can put the new message in place of the old one. */
  readonly key: string;
  readonly title: string;
  readonly text: string;
  /** A host failed or is not where anybody wants it; false where it only waits for an approval. */
  readonly urgent: boolean;
  readonly repository?: string;
  readonly flake: string;
  readonly revision?: string;
  /** Page of the run. */
  readonly url?: string;
  readonly hosts: readonly {
    readonly host: string;
    readonly standing: string;
    readonly happened: string;
    readonly since?: string;
    readonly cause?: string;
  }[];
  readonly escalations: readonly Pick<PlanEscalation, "key" | "hosts" | "stage" | "happened" | "states" | "next">[];
};

const limits = { hosts: 100, escalations: 20, lines: 12, text: 6_000, title: 200 } as const;

/** What a person is told of a run that changed hosts; undefined where nobody is needed. Bounded to about 100 KB. Pure. */
export function notification(plan: Plan, url: string | undefined): Notification | undefined {
  const concerned = plan.hosts.filter((host) => needsSomebody(plan, host));
  if (concerned.length === 0) return undefined;
  const escalations = (plan.escalations ?? []).slice(0, limits.escalations);
  const told = new Set(escalations.flatMap((one) => one.hosts));
  const rest = concerned.filter((host) => !told.has(host.host)).map((host) => `${standing(host)}/${host.host}`);
  const lines = needed(plan, { limit: limits.lines, characters: limits.text }).map((line) => `- ${flat(line)}`);
  const causes = concerned.flatMap((host) => (host.diagnosis?.cause ? [`${host.host}: ${host.diagnosis.cause}`] : [])).slice(0, 8);
  const ages = concerned.flatMap((host) => age(plan, host)).slice(0, 8);
  return {
    schema: 1,
    key: createHash("sha256")
      .update(JSON.stringify([plan.repository ?? plan.flake, ...escalations.map((one) => one.key), ...rest].toSorted()))
      .digest("hex")
      .slice(0, 16),
    title: visibleText(`${plan.repository ?? plan.flake}: ${headline(plan.hosts)}`).slice(0, limits.title),
    text: visibleText(
      [
        ...lines,
        ...(ages.length === 0 ? [] : ["", ...ages]),
        ...(causes.length === 0 ? [] : ["", "Why:", ...causes]),
        ...(url === undefined ? [] : ["", url]),
      ].join("\n"),
    ),
    urgent: concerned.some((host) => hostExit(plan, host) === 1),
    ...(plan.repository === undefined ? {} : { repository: plan.repository }),
    flake: plan.flake,
    ...(plan.revision.head === undefined ? {} : { revision: plan.revision.head }),
    ...(url === undefined ? {} : { url }),
    hosts: concerned.slice(0, limits.hosts).map((host) => ({
      host: host.host,
      standing: looks[standing(host)].word,
      happened: happened(plan, host),
      ...(host.reboot?.trouble?.since === undefined ? {} : { since: host.reboot.trouble.since }),
      ...(host.diagnosis?.cause ? { cause: host.diagnosis.cause } : {}),
    })),
    escalations: escalations.map(({ key, hosts, stage, happened: what, states, next }) => ({
      key,
      hosts: hosts.slice(0, limits.hosts),
      stage,
      happened: what,
      states: states.slice(0, 20),
      next,
    })),
  };
}

/**
 * A run of reboots comes every hour: that somebody has to reboot a host by hand was told when that came to be, and is told again when policy takes it for too long,
 * as is a reboot that never comes. Of the same host the same is told once a day.
 */
export function needsSomebody(plan: Plan, host: PlanHost): boolean {
  if (host.reboot?.trouble?.tell === false) return false;
  if (host.reboot?.overdue === true) return true;
  return hostExit(plan, host) !== 0 && !(standing(host) === "reboot-held" && host.reboot?.byHand === true);
}

/** Since when a host is so, where that was not just now: what is told again is the same trouble, and the first time may have been overlooked. */
function age(plan: Plan, { host, reboot }: PlanHost): string[] {
  if (reboot?.trouble?.since === undefined) return [];
  const since = new Date(reboot.trouble.since);
  const hours = (Date.parse(plan.finishedAt) - since.getTime()) / 3_600_000;
  return hours < 1 ? [] : [`${host} since ${since.toISOString().slice(0, 16).replace("T", " ")} UTC, ${hoursText(hours)}.`];
}

/** What is told of a run that could not be brought to its end: no host is known to be anything but what it was. The same failure has the same key. Bounded. Pure. */
export function failureNotification(
  { code, message, next }: Failure,
  about: {
    readonly repository?: string | undefined;
    readonly flake: string;
    readonly revision?: string | undefined;
    readonly url: string | undefined;
  },
): Notification {
  const { repository, flake, revision, url } = about;
  const what = repository ?? flake;
  return {
    schema: 1,
    key: createHash("sha256")
      .update(JSON.stringify([what, "run", code]))
      .digest("hex")
      .slice(0, 16),
    title: visibleText(`${what}: the gate could not run (${code})`).slice(0, limits.title),
    text: visibleText([message, "", `Next: ${next}`, ...(url === undefined ? [] : ["", url])].join("\n")).slice(0, limits.text),
    urgent: true,
    ...(repository === undefined ? {} : { repository }),
    flake,
    ...(revision === undefined ? {} : { revision }),
    ...(url === undefined ? {} : { url }),
    hosts: [],
    escalations: [],
  };
}

/** One line of JSON, ending in a newline. */
export const notificationJson = (given: Notification): string => jsonText(given);
