import type { Command } from "./shell.ts";
import { listOption, withShellRun } from "./shell-run.ts";
import { sshOptions } from "./ssh-words.ts";

/** `gate diagnose`: why hosts of an earlier run failed, asked anew. Changes nothing. */
export const diagnoseCommand: Command = {
  name: "diagnose",
  summary: "ask again why hosts of an earlier run failed: build logs of this machine, and the hosts themselves",
  usage: "diagnose PLAN.json [FLAKEREF] [--host NAME,...] [--json]",
  words: [1, 2],
  options: {
    host: { type: "string", value: "NAME,...", help: "only these hosts of the plan" },
    ...sshOptions,
    session: {
      type: "boolean",
      help: "ask a Claude session where no known cause is certain (ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN)",
    },
    model: { type: "string", value: "NAME", help: "the session's model (sonnet)" },
    json: { type: "boolean", help: "as JSON, on stdout" },
    verbose: { type: "boolean", short: "v", help: "with the evidence" },
    "log-file": { type: "string", value: "FILE", help: "write all that is done, as JSON lines, without secrets" },
  },
  examples: ["nixos-deploy-gate diagnose plan.json", "nixos-deploy-gate diagnose plan.json . --host web1 --verbose"],
  run: async ([file = "", flake = "."], options, shell) => {
    const { failedHosts, readPlan } = await import("./plan-file.ts");
    // Whatever is wrong with the plan is said before anything is asked.
    const plan = readPlan(file, shell.directory);
    const failed = failedHosts(plan, listOption(options, "host"));
    return await withShellRun({ flake, options, shell, trust: "deploy-branch" }, async (prepared, log) => {
      const { runDiagnose } = await import("./diagnose-run.ts");
      return await runDiagnose(plan, failed, prepared, options, shell, log);
    });
  },
};
