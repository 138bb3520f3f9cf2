import type { Group } from "./group.ts";
import { grouped, names } from "./group.ts";
import { code, prose } from "./markdown-escape.ts";
import { inline } from "./markdown-details.ts";
import { isObserved, standing, type Standing } from "./order.ts";
import { count, verdictWord, whatHappens, whenWord, why } from "./phrases.ts";
import type { Plan, PlanHost } from "./plan.ts";

/** Signs differ in shape, not only in colour, and the word always stands beside them. */
const sign: Readonly<Record<Standing, string>> = {
  failed: "❌",
  "needs-you": "✋",
  risky: "⚠️",
  reboot: "🔁",
  unbuilt: "❔",
  clean: "✅",
  removed: "➖",
  unchanged: "⚪",
};

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
  const outcome = (host: PlanHost): string => `${standing(host)} ${isObserved(host)} ${verdictWord(host)} ${whatHappens(host, plan.event)}`;
  const reason = (host: PlanHost): string => inline(why(plan, host), 140);
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
  const head = [`| | Host | Verdict | Why | ${whenWord[plan.event]} |`, "| --- | --- | --- | --- | --- |"];
  const body = all.map((group) => {
    const hosts = names(group);
    const shown = hosts.slice(0, limit).map((host) => code(host));
    const listed =
      hosts.length > limit ? `${count(hosts.length, "host")}: ${shown.join(", ")} and ${hosts.length - limit} more` : shown.join(", ");
    const host = group.first;
    return `| ${sign[standing(host)]} | ${listed} | **${verdictWord(host)}** | ${reason(host, hosts.length === 1)} | ${prose(whatHappens(host, plan.event))} |`;
  });
  return [...head, ...body].join("\n");
}
