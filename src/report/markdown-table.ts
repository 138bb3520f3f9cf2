import type { Group } from "./group.ts";
import { grouped, names } from "./group.ts";
import { code, prose } from "./markdown-escape.ts";
import { inline } from "./markdown-details.ts";
import { happened, happenedWord, reason as reasonOf } from "./happened.ts";
import { hasOutcomes, isObserved, standing } from "./order.ts";
import { count } from "./count.ts";
import { verdictWord } from "./phrases.ts";
import type { Plan, PlanHost } from "./plan.ts";
import { looks } from "./standing-look.ts";

/**
 * The table of hosts, worst first, in at most `room`. It is never cut: where there are too many rows, hosts with the same outcome share one, first those that
 * have the same reason too, then all.
 */
export function table(plan: Plan, all: readonly Group[], room: number, measure: (text: string) => number): string {
  const bySame = (key: (host: PlanHost) => string): Group[] =>
    grouped(
      all.flatMap((group) => group.hosts),
      key,
    );
  const outcome = (host: PlanHost): string => `${standing(host)} ${isObserved(host)} ${verdictWord(host)} ${happened(plan, host)}`;
  const reason = (host: PlanHost): string => inline(reasonOf(plan, host), 140);
  const attempts = [
    (): string => rows(plan, all, 8, reason),
    (): string =>
      rows(
        plan,
        bySame((host) => `${outcome(host)} ${reason(host)}`),
        8,
        reason,
      ),
    (): string => rows(plan, bySame(outcome), 12, (host, alone) => (alone ? reason(host) : "several reasons, see the details")),
  ];
  let text = "";
  for (const attempt of attempts) {
    text = attempt();
    if (measure(text) <= room) return text;
  }
  return text;
}

function rows(plan: Plan, all: readonly Group[], limit: number, reason: (host: PlanHost, alone: boolean) => string): string {
  const head = [
    `| | Host | ${hasOutcomes(plan) ? "Outcome" : "Verdict"} | Why | ${happenedWord(plan)} |`,
    "| --- | --- | --- | --- | --- |",
  ];
  const body = all.map((group) => {
    const hosts = names(group);
    const shown = hosts.slice(0, limit).map((host) => code(host));
    const listed =
      hosts.length > limit ? `${count(hosts.length, "host")}: ${shown.join(", ")} and ${hosts.length - limit} more` : shown.join(", ");
    const host = group.first;
    return `| ${looks[standing(host)].emoji} | ${listed} | **${verdictWord(host)}** | ${reason(host, hosts.length === 1)} | ${prose(happened(plan, host))} |`;
  });
  return [...head, ...body].join("\n");
}
