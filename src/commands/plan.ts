import { htmlOption, pageFile, writePage } from "./page-file.ts";
import type { Command } from "./shell.ts";
import { withShellRun } from "./shell-run.ts";

/** `gate plan`: what would happen to every host of a flake. Changes nothing but the store. */
export const planCommand: Command = {
  name: "plan",
  summary: "say what a change does to every host of a flake",
  usage: "plan [FLAKEREF] [--base REF] [--hosts GLOB,...] [--no-build] [--json | --markdown] [--html FILE]",
  words: [0, 1],
  options: {
    base: { type: "string", value: "REF", help: "compare with this commit or branch (the default branch, else the commit before)" },
    hosts: { type: "string", value: "GLOB,...", help: "only these hosts" },
    json: { type: "boolean", help: "the whole plan as JSON, on stdout" },
    markdown: { type: "boolean", help: "the comment of a pull request, on stdout" },
    html: htmlOption,
    "no-build": { type: "boolean", help: "judge from derivations alone, in seconds; what only a build shows is not in it" },
    session: { type: "boolean", help: "ask a Claude session for a second opinion (ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN)" },
    model: { type: "string", value: "NAME", help: "the session's model (sonnet)" },
    verbose: { type: "boolean", short: "v", help: "every list whole, with the diffs of units and files" },
    "log-file": { type: "string", value: "FILE", help: "write all that is done, as JSON lines, without secrets" },
  },
  examples: [
    "nixos-deploy-gate plan",
    "nixos-deploy-gate plan . --base main --hosts 'web*,db1'",
    "nixos-deploy-gate plan --json | jq '.hosts[].decision'",
  ],
  run: async ([flake = "."], options, shell) => {
    const page = pageFile(options, shell, "plan");
    return await withShellRun({ flake, options, shell, trust: "unreviewed" }, async (prepared, log) => {
      // Loaded here, while Nix has been at work since the sources were laid out.
      const { runGate } = await import("./plan-run.ts");
      // Builds begin when the policy is known, and this process then only waits for them. What cannot be loaded is said where it is needed.
      const onPolicy = (): void => void import("./show-plan.ts").catch(() => {});
      const plan = await runGate(prepared, flake, options, shell, undefined, onPolicy);
      log.close();
      const { showPlan } = await import("./show-plan.ts");
      const code = showPlan(plan, options, shell);
      await writePage(plan, page, "plan");
      return code;
    });
  },
};
