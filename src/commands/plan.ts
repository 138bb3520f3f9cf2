import type { SessionJudgeOptions } from "../classify/session/session-judge.ts";
import { gate } from "../gate.ts";
import { openDebugLog } from "../io/debug-log.ts";
import { plainLog, terminalLog } from "../io/log.ts";
import type { Credential } from "../io/session.ts";
import { comment } from "../report/comment.ts";
import { exitCode } from "../report/exit-code.ts";
import { planJson } from "../report/plan.ts";
import { terminalReport } from "../report/terminal.ts";
import { withPrepared } from "./prepare.ts";
import { setUpSession } from "./session-setup.ts";
import type { Command, Options, Shell } from "./shell.ts";
import packageJson from "../../package.json" with { type: "json" };

/** `gate plan`: what would happen to every host of a flake. Changes nothing but the store. */
export const planCommand: Command = {
  name: "plan",
  summary: "say what a change does to every host of a flake",
  usage: "plan [FLAKEREF] [--base REF] [--hosts GLOB,...] [--json | --markdown]",
  words: [0, 1],
  options: {
    base: { type: "string", value: "REF", help: "compare with this commit or branch (the default branch, else the commit before)" },
    hosts: { type: "string", value: "GLOB,...", help: "only these hosts" },
    json: { type: "boolean", help: "the whole plan as JSON, on stdout" },
    markdown: { type: "boolean", help: "the comment of a pull request, on stdout" },
    session: { type: "boolean", help: "ask a Claude session for a second opinion (ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN)" },
    model: { type: "string", value: "NAME", help: "the session's model (sonnet)" },
    verbose: { type: "boolean", short: "v", help: "every list whole, with the diffs of units and files" },
    "debug-log": { type: "string", value: "FILE", help: "write what is done, as JSON lines" },
  },
  examples: ["nixos-deploy-gate plan", "nixos-deploy-gate plan . --base main --hosts 'web*,db1'", "nixos-deploy-gate plan --json | jq '.hosts[].decision'"],
  run: async ([flake = "."], options, shell) => {
    const debug = typeof options["debug-log"] === "string" ? await openDebugLog(options["debug-log"]) : undefined;
    const sink = { write: (text: string): void => shell.error(text) };
    const { unicode } = shell.terminal;
    const log = shell.terminal.live
      ? terminalLog(process.stderr, { unicode, ...(debug === undefined ? {} : { debug }) })
      : plainLog(sink, { unicode, ...(debug === undefined ? {} : { debug }) });
    try {
      const base = text(options, "base");
      const plan = await withPrepared(
        { flake, directory: shell.directory, event: { kind: "shell", base }, environment: shell.environment, signal: shell.signal, log },
        ({ sources, ports, commitMessage, scratch }) =>
          gate(
            {
              event: "shell",
              phase: "pull-request",
              flake,
              sources,
              commitMessage,
              hosts: (text(options, "hosts") ?? "").split(",").filter((glob) => glob !== ""),
              detail: "full",
              // What a shell holds is the operator's own affair: the isolation is used where there is one, and what cannot be isolated is as safe as `nix build`.
              holdings: { secrets: false, writeToken: false },
              session: options["session"] === true ? sessionOf(options, shell, scratch) : "no session was asked for",
              version: packageJson.version,
              notes: [],
            },
            ports,
          ),
      );
      log.close();
      if (options["json"] === true) shell.out(planJson(plan));
      else if (options["markdown"] === true) shell.out(`${comment(plan, { limit: 60_000, detail: plan.detail, links: {} })}\n`);
      else shell.out(terminalReport(plan, { ...shell.terminal, verbose: options["verbose"] === true }));
      return exitCode(plan);
    } finally {
      log.close();
      debug?.close();
    }
  },
};

function sessionOf(options: Options, shell: Shell, scratch: string): SessionJudgeOptions | string {
  const { environment, signal, programRoot } = shell;
  const [token, key] = [environment["CLAUDE_CODE_OAUTH_TOKEN"] ?? "", environment["ANTHROPIC_API_KEY"] ?? ""];
  const credential: Credential | undefined = token !== "" ? { kind: "oauth-token", value: token } : key !== "" ? { kind: "api-key", value: key } : undefined;
  return setUpSession({ credential, program: undefined, model: text(options, "model"), environment, scratch, signal, programRoot });
}

function text(options: Options, name: string): string | undefined {
  const value = options[name];
  return typeof value === "string" ? value : undefined;
}
