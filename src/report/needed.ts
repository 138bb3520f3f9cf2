import { groups, names, type Group } from "./group.ts";
import { list, type Line } from "./line.ts";
import { standing } from "./order.ts";
import type { Plan } from "./plan.ts";

/** What a person has to do, each with the exact command; empty where nobody is needed. At most `limit` entries, and a line that counts the rest. */
export function needed(plan: Plan, limit = 12): Line[] {
  const lines = groups(plan).flatMap((group) => act(plan, group));
  return lines.length > limit
    ? [...lines.slice(0, limit), { spans: [`and ${lines.length - limit} more like these, see the details`] }]
    : lines;
}

function act(plan: Plan, group: Group): Line[] {
  const host = group.first;
  const who = list(names(group), 6);
  if (host.state === "failed") {
    const look = host.failure.next === "" ? `nixos-deploy-gate plan --hosts ${host.host}` : host.failure.next;
    return [{ spans: [...who, host.atBase ? " failed before this change too; look: " : " has to be fixed; look: ", { command: look }] }];
  }
  if (standing(host) !== "needs-you") return [];
  const look: Line["spans"] =
    host.state === "changed" && host.from !== ""
      ? [{ command: `nixos-deploy-gate diff ${host.from} ${host.to}` }]
      : [{ command: `nixos-deploy-gate plan --hosts ${host.host}` }];
  const approve =
    plan.event === "pull_request"
      ? "merging does not deploy it, the run after the merge prints the command that approves it"
      : "nothing happens to it until you approve";
  return [{ spans: [...who, ` ${group.hosts.length === 1 ? "waits" : "wait"} for you: ${approve}. Look closer: `, ...look] }];
}
