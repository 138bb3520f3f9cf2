import type { SessionJudgeOptions } from "../classify/session/session-judge.ts";
import { gate } from "../gate.ts";
import type { Credential } from "../io/session.ts";
import { comment } from "../report/comment.ts";
import { exitCode } from "../report/exit-code.ts";
import { planJson, type Plan } from "../report/plan.ts";
import { terminalReport } from "../report/terminal.ts";
import type { ExitCode } from "../failure.ts";
import type { Prepared } from "./prepare.ts";
import { setUpSession } from "./session-setup.ts";
import type { Options, Shell } from "./shell.ts";
import packageJson from "../../package.json" with { type: "json" };

/** The pipeline as a shell runs it. */
export async function runPlan(
  { sources, ports, commitMessage, scratch }: Prepared,
  flake: string,
  options: Options,
  shell: Shell,
): Promise<Plan> {
  return await gate(
    {
      event: "shell",
      phase: "pull-request",
      flake,
      sources,
      commitMessage,
      hosts: (textOption(options, "hosts") ?? "").split(",").filter((glob) => glob !== ""),
      detail: "full",
      // What a shell holds is the operator's own affair: the isolation is used where there is one, and what cannot be isolated is as safe as `nix build`.
      holdings: { secrets: false, writeToken: false },
      session: options["session"] === true ? sessionOf(options, shell, scratch) : "no session was asked for",
      version: packageJson.version,
      notes: [],
    },
    ports,
  );
}

/** Prints the plan as it was asked for, on stdout. */
export function showPlan(plan: Plan, options: Options, shell: Shell): ExitCode {
  if (options["json"] === true) shell.out(planJson(plan));
  else if (options["markdown"] === true) shell.out(`${comment(plan, { limit: 60_000, detail: plan.detail, links: {} })}\n`);
  else shell.out(terminalReport(plan, { ...shell.terminal, verbose: options["verbose"] === true }));
  return exitCode(plan);
}

function sessionOf(options: Options, shell: Shell, scratch: string): SessionJudgeOptions | string {
  const { environment, signal, programRoot } = shell;
  const [token, key] = [environment["CLAUDE_CODE_OAUTH_TOKEN"] ?? "", environment["ANTHROPIC_API_KEY"] ?? ""];
  const credential: Credential | undefined =
    token !== "" ? { kind: "oauth-token", value: token } : key !== "" ? { kind: "api-key", value: key } : undefined;
  return setUpSession({ credential, program: undefined, model: textOption(options, "model"), environment, scratch, signal, programRoot });
}

function textOption(options: Options, name: string): string | undefined {
  const value = options[name];
  return typeof value === "string" ? value : undefined;
}
