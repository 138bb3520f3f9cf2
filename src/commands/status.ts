import type { Command } from "./shell.ts";
import { withShellRun } from "./shell-run.ts";
import { askingOptions } from "./ssh-words.ts";

/** `gate status`: what the hosts run, boot and wait for. */
export const statusCommand: Command = {
  name: "status",
  summary: "say what hosts run and boot, which reboots are pending, and how far behind they are",
  usage: "status [FLAKEREF] [--hosts GLOB,...] [--json]",
  words: [0, 1],
  options: askingOptions,
  examples: ["nixos-deploy-gate status", "nixos-deploy-gate status --hosts 'web*' --json"],
  run: async ([flake = "."], options, shell) =>
    await withShellRun({ flake, options, shell, trust: "deploy-branch" }, async (prepared, log) => {
      const { runStatus } = await import("./status-run.ts");
      return await runStatus(prepared, options, shell, log);
    }),
};
