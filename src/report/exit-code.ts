import type { ExitCode } from "../failure.ts";
import { standing } from "./order.ts";
import type { Plan, PlanHost } from "./plan.ts";

/** The code that wins where several apply: the gate could not run, then wrong use, then a failed host, then a held one. */
const rank: readonly ExitCode[] = [0, 3, 1, 2, 4];
export const worstExit = (codes: readonly ExitCode[]): ExitCode =>
  codes.reduce<ExitCode>((worst, code) => (rank.indexOf(code) > rank.indexOf(worst) ? code : worst), 0);

/** The exit code of a run that came to its end: 1 a host failed, 3 one waits for a person, 0 otherwise. A run that looked at no host proved nothing (invariant 5). */
export function exitCode(plan: Plan): ExitCode {
  if (plan.hosts.length === 0) return 4;
  return worstExit(plan.hosts.map((host) => hostExit(plan, host)));
}

/** What one host adds to the exit code, to the commit status and to the overall decision. */
export function hostExit(plan: Plan, host: PlanHost): 0 | 1 | 3 {
  switch (standing(host)) {
    case "needs-person":
    case "live-but-old-boots":
    case "left-unconfirmed":
    case "failed":
    case "rolled-back":
    case "reboot-failed":
    case "unreachable":
    case "superseded":
    // Part of what the report promised is not so on a host that serves, and nothing mends that by itself: who only sees a green check would never look.
    case "deployed-with-misses":
      return 1;
    case "held":
    case "reboot-held":
    case "needs-you":
      return 3;
    // A wave that waits for an approval is no failure. Where nothing was held either, the host should have been reached.
    case "not-reached":
      return plan.hosts.some((other) => standing(other) === "held" || standing(other) === "needs-you") ? 3 : 1;
    // Its own supervisor brings it to its end and the next run reads that; the headline says so.
    case "handed-over":
    case "risky":
    case "reboot":
    case "unbuilt":
    case "clean":
    case "would-stage":
    case "would-deploy":
    case "deployed-reboot-pending":
    case "offline":
    case "reboot-pending":
    case "rebooted":
    case "would-reboot":
    case "staged":
    case "deployed":
    case "removed":
    case "unchanged":
      return 0;
  }
}
