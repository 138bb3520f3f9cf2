import { headline } from "./headline.ts";
import { hostExit } from "./exit-code.ts";
import type { Plan } from "./plan.ts";
import { terminalLine } from "./terminal-escape.ts";
import { cutMiddle } from "./cut.ts";

/** The states that both forges know. */
export type CommitStatus = { readonly state: "success" | "failure" | "pending" | "error"; readonly description: string };

/** GitHub refuses a longer description. */
const limit = 140;

/**
 * The commit status of a plan. On a pull request only a failed host is a failure: a risky change is a success with its counts in words, because its approval comes
 * after the merge and a red check would ask for the wrong thing. After the merge a held host keeps the status pending, and a host that is not well is a failure.
 */
export function status(plan: Plan): CommitStatus {
  const at = new Set(plan.hosts.map((host) => hostExit(plan, host)));
  const description = cutMiddle(terminalLine(headline(plan.hosts), true), limit);
  if (at.has(1)) return { state: "failure", description };
  if (plan.hosts.length === 0) return { state: "error", description: "No host was looked at, so nothing is known." };
  if (at.has(3) && plan.event !== "pull_request" && plan.event !== "shell") return { state: "pending", description };
  return { state: "success", description };
}

/** The status of a run that could not come to a plan; `message` is the failure's sentence. */
export function brokenStatus(message: string): CommitStatus {
  return { state: "failure", description: cutMiddle(terminalLine(`The gate could not run: ${message}`, true), limit) };
}
