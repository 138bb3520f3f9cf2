import type { ExitCode } from "../failure.ts";
import { comment } from "../report/comment.ts";
import { exitCode } from "../report/exit-code.ts";
import { planJson, type Plan } from "../report/plan.ts";
import { terminalReport } from "../report/terminal.ts";
import type { Options, Shell } from "./shell.ts";

/** Prints the plan as it was asked for, on stdout. */
export function showPlan(plan: Plan, options: Options, shell: Shell): ExitCode {
  if (options["json"] === true) shell.out(planJson(plan));
  else if (options["markdown"] === true) shell.out(`${comment(plan, { limit: 60_000, detail: plan.detail, links: {} })}\n`);
  else shell.out(terminalReport(plan, { ...shell.terminal, verbose: options["verbose"] === true }));
  return exitCode(plan);
}
