import type { PostedStatus } from "../io/ports.ts";
import { cutMiddle } from "./cut.ts";
import { hostExit } from "./exit-code.ts";
import { headline } from "./headline.ts";
import { isQuiet } from "./order.ts";
import type { Plan, PlanHost } from "./plan.ts";
import type { CommitStatus } from "./status.ts";
import { terminalLine } from "./terminal-escape.ts";

export type HostStatus = CommitStatus & { readonly context: string };

/** A forge shows every one of them beside the commit, and GitHub takes a thousand of one commit in all. */
export const mostHostStatuses = 40;

/**
 * One status for each host that this run has news of, worst first: it changes, or a status that an earlier run left on this commit is no longer so. What already says
 * the same is left out. They say outcomes and verdicts in the words of the headline and nothing else, so that nothing has to be taken out for strangers.
 */
export function hostStatuses(plan: Plan, posted: ReadonlyMap<string, PostedStatus>): HostStatus[] {
  return plan.hosts
    .filter((host) => !isQuiet(host) || posted.has(contextOf(host)))
    .map((host) => ({ context: contextOf(host), state: stateOf(plan, host), description: describe(host) }))
    .filter(({ context, state, description }) => {
      const there = posted.get(context);
      return there?.state !== state || there.description !== description;
    })
    .slice(0, mostHostStatuses);
}

const contextOf = ({ host }: PlanHost): string => `nixos-deploy-gate/${host}`;

/** As the status of the whole plan: on a pull request nothing waits for a person yet. */
function stateOf(plan: Plan, host: PlanHost): CommitStatus["state"] {
  const exit = hostExit(plan, host);
  if (exit === 1) return "failure";
  return exit === 3 && plan.event !== "pull_request" && plan.event !== "shell" ? "pending" : "success";
}

function describe(host: PlanHost): string {
  const worst = host.state === "changed" || host.state === "added" ? host.judgement : undefined;
  const rules = [
    ...new Set(worst?.findings.filter(({ verdict }) => verdict === worst.verdict && verdict !== "clean").map(({ rule }) => rule)),
  ];
  const why = rules.length === 0 ? "" : `: ${rules.slice(0, 3).join(", ")}${rules.length > 3 ? " …" : ""}`;
  const word = headline([host]).replace(/^1 (?:host )?/, "");
  return cutMiddle(terminalLine(`${word}${why}`, true), 140);
}
