import type { Command } from "./shell.ts";
import { withShellRun } from "./shell-run.ts";
import { sshOptions } from "./ssh-words.ts";

/** `gate reboot`: what is due, in its window, as far as groups can spare it. */
export const rebootCommand: Command = {
  name: "reboot",
  summary: "reboot what is due in its window, one of a group after the other, and prove that it came back",
  usage: "reboot [FLAKEREF] [--now] [--hosts GLOB,...] [--dry-run] [--json]",
  words: [0, 1],
  options: {
    now: { type: "boolean", help: "outside of their windows too; a host that somebody must attend only where --hosts has its name" },
    hosts: { type: "string", value: "GLOB,...", help: "only these hosts" },
    "dry-run": { type: "boolean", help: "say what would be rebooted; change nothing" },
    ...sshOptions,
    session: {
      type: "boolean",
      help: "ask a Claude session why a host did not come back as planned (ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN)",
    },
    model: { type: "string", value: "NAME", help: "the session's model (sonnet)" },
    json: { type: "boolean", help: "as JSON, on stdout" },
    "log-file": { type: "string", value: "FILE", help: "write all that is done, as JSON lines, without secrets" },
  },
  examples: ["nixos-deploy-gate reboot --dry-run", "nixos-deploy-gate reboot", "nixos-deploy-gate reboot --now --hosts web1"],
  run: async ([flake = "."], options, shell) =>
    await withShellRun({ flake, options, shell, trust: "deploy-branch" }, async (prepared, log) => {
      const { runReboot } = await import("./reboot-run.ts");
      return await runReboot(prepared, flake, options, shell, log);
    }),
};
