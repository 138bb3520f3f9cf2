import type { Command } from "./shell.ts";
import { withShellRun } from "./shell-run.ts";
import { askingOptions } from "./ssh-words.ts";

/** `gate context`: the snapshot that a goal's session is given. */
export const contextCommand: Command = {
  name: "context",
  summary: "say how the hosts fare: what failed, disks, memory, errors, timers, certificates, clusters",
  usage: "context [FLAKEREF] [--hosts GLOB,...] [--json]",
  words: [0, 1],
  options: askingOptions,
  examples: ["nixos-deploy-gate context", "nixos-deploy-gate context --hosts 'web*' --json"],
  run: async ([flake = "."], options, shell) =>
    await withShellRun({ flake, options, shell, trust: "deploy-branch" }, async (prepared, log) => {
      const { runContext } = await import("./context-run.ts");
      return await runContext(prepared, options, shell, log);
    }),
};
