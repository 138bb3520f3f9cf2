import type { Command } from "./shell.ts";
import { withShellRun } from "./shell-run.ts";
import { askingOptions } from "./ssh-words.ts";

/** `gate verify`: whether hosts are what the flake says, by effect and not by exit codes. Changes nothing. */
export const verifyCommand: Command = {
  name: "verify",
  summary: "prove that hosts are what the flake says: systems, units, mounts, kernel, settings, checks",
  usage: "verify [FLAKEREF] [--hosts GLOB,...] [--dry-run] [--json]",
  words: [0, 1],
  options: { ...askingOptions, "dry-run": { type: "boolean", help: "the same: it never changes anything" } },
  examples: ["nixos-deploy-gate verify", "nixos-deploy-gate verify --hosts db1 --json"],
  run: async ([flake = "."], options, shell) =>
    await withShellRun({ flake, options, shell, trust: "deploy-branch" }, async (prepared, log) => {
      const { runVerify } = await import("./verify-run.ts");
      return await runVerify(prepared, options, shell, log);
    }),
};
