import type { Overridable } from "../apply/preflight.ts";
import { gateError } from "../failure.ts";
import { openDebugLog } from "../io/debug-log.ts";
import { plainLog, terminalLog } from "../io/log.ts";
import { withPrepared } from "./prepare.ts";
import type { Command, Options } from "./shell.ts";

/** What a person may ask the gate to pass over. */
const overridable = ["checks", "group", "attempts", "order"] as const satisfies readonly Overridable[];

/** `gate deploy`: the plan against what hosts run, and then what it says. */
export const deployCommand: Command = {
  name: "deploy",
  summary: "bring the hosts of a flake to what it says, each supervised and proven",
  usage: "deploy [FLAKEREF] [--hosts GLOB,...] [--dry-run] [--approve TOKEN,...] [--json | --markdown]",
  words: [0, 1],
  options: {
    hosts: { type: "string", value: "GLOB,...", help: "only these hosts" },
    "dry-run": { type: "boolean", help: "ask the hosts and say what would be done; change nothing on them" },
    approve: { type: "string", value: "TOKEN,...", help: "bring in changes that are held, each by the token that the report printed" },
    reject: { type: "string", value: "TOKEN,...", help: "say no to changes that are held; their hosts keep it in mind" },
    despite: { type: "string", value: "WHAT,...", help: `go on in spite of ${overridable.join(", ")}` },
    "ssh-key": { type: "string", value: "FILE", help: "a private key without passphrase (the agent is asked without one)" },
    "known-hosts": { type: "string", value: "FILE", help: "host keys to believe (~/.ssh/known_hosts)" },
    base: { type: "string", value: "REF", help: "what hosts that are not deployed are compared with" },
    json: { type: "boolean", help: "the whole plan as JSON, on stdout" },
    markdown: { type: "boolean", help: "the report as Markdown, on stdout" },
    session: { type: "boolean", help: "ask a Claude session for a second opinion (ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN)" },
    model: { type: "string", value: "NAME", help: "the session's model (sonnet)" },
    verbose: { type: "boolean", short: "v", help: "every list whole, with the diffs of units and files" },
    "debug-log": { type: "string", value: "FILE", help: "write what is done, as JSON lines" },
  },
  examples: [
    "nixos-deploy-gate deploy --dry-run",
    "nixos-deploy-gate deploy . --hosts 'web*'",
    "nixos-deploy-gate deploy --approve 'db1@1f0c….1795388716.9b1c…'",
  ],
  run: async ([flake = "."], options, shell) => {
    const despite = words(options, "despite").map((word) => {
      const known = overridable.find((one) => one === word);
      if (known === undefined)
        throw gateError("usage", { problem: `--despite takes ${overridable.join(", ")}; this is "${word}".`, command: "deploy" });
      return known;
    });
    const debug = typeof options["debug-log"] === "string" ? await openDebugLog(options["debug-log"]) : undefined;
    const logging = { unicode: shell.terminal.unicode, ...(debug === undefined ? {} : { debug }) };
    const log = shell.terminal.live
      ? terminalLog(process.stderr, logging)
      : plainLog({ write: (text: string): void => shell.error(text) }, logging);
    try {
      const { directory, environment, signal } = shell;
      const base = typeof options["base"] === "string" ? options["base"] : undefined;
      const event = { kind: "shell", base, trust: "deploy-branch" } as const;
      return await withPrepared({ flake, directory, event, environment, signal, log }, async (prepared) => {
        const [{ runDeploy }, { showPlan }] = await Promise.all([import("./deploy-run.ts"), import("./plan-run.ts")]);
        const plan = await runDeploy(prepared, flake, options, shell, {
          despite,
          approve: words(options, "approve"),
          reject: words(options, "reject"),
        });
        log.close();
        return showPlan(plan, options, shell);
      });
    } finally {
      log.close();
      debug?.close();
    }
  },
};

export function words(options: Options, name: string): readonly string[] {
  const value = options[name];
  return typeof value === "string" ? value.split(/[\s,]+/).filter((word) => word !== "") : [];
}
