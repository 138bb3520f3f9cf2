import type { ExitCode } from "../failure.ts";
import { standing } from "./order.ts";
import type { Plan } from "./plan.ts";

/** The code that wins where several apply: the gate could not run, then wrong use, then a failed host, then a held one. */
const rank: readonly ExitCode[] = [0, 3, 1, 2, 4];
export const worstExit = (codes: readonly ExitCode[]): ExitCode =>
  codes.reduce<ExitCode>((worst, code) => (rank.indexOf(code) > rank.indexOf(worst) ? code : worst), 0);

/** The exit code of a run that came to its end: 1 a host failed, 3 one waits for a person, 0 otherwise. A run that looked at no host proved nothing (invariant 5). */
export function exitCode(plan: Plan): ExitCode {
  if (plan.hosts.length === 0) return 4;
  return worstExit(plan.hosts.map((host) => (standing(host) === "failed" ? 1 : standing(host) === "needs-you" ? 3 : 0)));
}
