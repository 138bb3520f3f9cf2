import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { type ExitCode, gateError } from "../failure.ts";
import { inputLimits } from "../inputs.ts";
import type { GateLog } from "../io/log.ts";
import { goalExit } from "../report/goal-standing.ts";
import { goalMarkdown } from "../report/goal-markdown.ts";
import { goalJson, goalText } from "../report/goal-text.ts";
import { personAt } from "./deploy-run.ts";
import { deployTip } from "./deploy-tip.ts";
import { withFleet } from "./fleet-setup.ts";
import { checkCall, type GoalCall, goalOn } from "./goal-setup.ts";
import { sessionOf } from "./shell-session.ts";
import type { Prepared } from "./prepare.ts";
import type { Options, Shell } from "./shell.ts";
import { listOption } from "./shell-run.ts";
import { sshWords } from "./ssh-words.ts";

/** What was typed. Files are read here, before anything else begins. Throws the GateError `usage`. */
export function callOf(name: string, options: Options, shell: Pick<Shell, "directory">): GoalCall {
  const word = (key: string): string | undefined => {
    const value = options[key];
    return typeof value === "string" ? value : undefined;
  };
  const file = (key: string): string | undefined => {
    const path = word(key);
    if (path === undefined) return undefined;
    try {
      return readFileSync(path === "-" ? 0 : resolve(shell.directory, path), "utf8");
    } catch (error) {
      throw gateError("usage", { problem: `--${key} ${path} cannot be read.`, command: "goal" }, String(error), error);
    }
  };
  if (word("text") !== undefined && word("text-file") !== undefined)
    throw gateError("usage", { problem: "--text and --text-file are the same thing; give one.", command: "goal" });
  const text = word("text") ?? file("text-file");
  if (text !== undefined && text.trim().length > inputLimits.text)
    throw gateError("usage", {
      problem: `A wish is a page: it has ${text.trim().length} characters, and ${inputLimits.text} are read.`,
      command: "goal",
    });
  return { name, text, alert: file("alert"), dryRun: options["dry-run"] === true };
}

/** Runs it and prints the report. Exit codes: 4 no session answered, 1 an action failed, 3 a person has to look, 0 otherwise. */
export async function runGoalCommand(call: GoalCall, prepared: Prepared, options: Options, shell: Shell, log: GateLog): Promise<ExitCode> {
  await checkCall(call, prepared, shell.programRoot);
  const setup = { ...personAt(shell), ...sshWords(options, "goal"), dryRun: call.dryRun };
  return await withFleet({ prepared, hosts: listOption(options, "hosts"), withGroups: true, log, setup }, async (asked) => {
    const session = sessionOf(options, shell, prepared);
    const report = await goalOn(asked, call, { session, log, ...shell, deployTip: async () => await deployTip(prepared) });
    log.close();
    const path = options["markdown"];
    const patch = options["patch"];
    const made = "patch" in report.proposal ? report.proposal.patch : undefined;
    if (typeof patch === "string" && made !== undefined) writeText(resolve(shell.directory, patch), made);
    shell.out(options["json"] === true ? goalJson(report) : goalText(report, { ...shell.terminal, verbose: options["verbose"] === true }));
    if (typeof path === "string")
      writeText(resolve(shell.directory, path), `${goalMarkdown(report, { detail: "full", limit: 1 << 20 })}\n`);
    return goalExit(report);
  });
}

function writeText(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw gateError(
      "usage",
      { problem: `The report could not be written to "${path}"; all else was done.`, command: "goal" },
      String(error),
      error,
    );
  }
}
