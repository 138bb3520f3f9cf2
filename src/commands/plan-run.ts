import type { SessionAtHand } from "../classify/second-opinion.ts";
import { gate } from "../gate.ts";
import { comment } from "../report/comment.ts";
import { exitCode } from "../report/exit-code.ts";
import { planJson, type Plan } from "../report/plan.ts";
import { terminalReport } from "../report/terminal.ts";
import type { DeployRequest } from "../deploy/contact.ts";
import type { Policy } from "../policy.ts";
import type { ExitCode } from "../failure.ts";
import type { Prepared } from "./prepare.ts";
import { credentialOf, setUpSession, shellCache } from "./session-setup.ts";
import type { Options, Shell } from "./shell.ts";
import packageJson from "../../package.json" with { type: "json" };

/** The pipeline as a shell runs it; with `deploy` to its end. */
export async function runGate(
  prepared: Prepared,
  flake: string,
  options: Options,
  shell: Shell,
  deploy: DeployRequest | undefined,
  onPolicy?: (policy: Policy, changes: boolean) => void,
): Promise<Plan> {
  const { sources, ports, commitMessage } = prepared;
  return await gate(
    {
      event: "shell",
      phase: deploy === undefined ? "pull-request" : "push",
      flake,
      sources,
      commitMessage,
      hosts: (textOption(options, "hosts") ?? "").split(",").filter((glob) => glob !== ""),
      detail: "full",
      build: options["no-build"] !== true,
      // What a shell holds is the operator's own affair: the isolation is used where there is one, and what cannot be isolated is as safe as `nix build`.
      holdings: { secrets: false, writeToken: false },
      session: options["session"] === true ? sessionOf(options, shell, prepared) : "no session was asked for",
      version: packageJson.version,
      ...(deploy === undefined ? {} : { deploy }),
      ...(onPolicy === undefined ? {} : { onPolicy }),
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

/** The session that `--session` asks for, or why there is none. */
export function sessionOf(options: Options, shell: Shell, { scratch, knowledge, ports }: Prepared): SessionAtHand | string {
  const { environment, signal, programRoot } = shell;
  return setUpSession({
    credential: credentialOf(environment["ANTHROPIC_API_KEY"], environment["CLAUDE_CODE_OAUTH_TOKEN"]),
    program: undefined,
    model: textOption(options, "model"),
    keptIn: shellCache(environment),
    // Whoever types --session wants to hear of every host.
    everyHost: true,
    knowledge,
    environment,
    scratch,
    signal,
    programRoot,
    log: ports.log,
  });
}

function textOption(options: Options, name: string): string | undefined {
  const value = options[name];
  return typeof value === "string" ? value : undefined;
}
