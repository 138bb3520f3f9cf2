import type { Command } from "./shell.ts";
import { withShellRun } from "./shell-run.ts";
import { sshOptions } from "./ssh-words.ts";

/** `gate verify`: whether hosts are what the flake says, by effect and not by exit codes. Changes nothing. */
export const verifyCommand: Command = {
  name: "verify",
  summary: "prove that hosts are what the flake says: systems, units, mounts, kernel, settings, checks",
  usage: "verify [FLAKEREF] [--hosts GLOB,...] [--json]",
  words: [0, 1],
  options: {
    hosts: { type: "string", value: "GLOB,...", help: "only these hosts" },
    ...sshOptions,
    json: { type: "boolean", help: "as JSON, on stdout" },
    "debug-log": { type: "string", value: "FILE", help: "write what is done, as JSON lines" },
  },
  examples: ["nixos-deploy-gate verify", "nixos-deploy-gate verify --hosts db1 --json"],
  run: async ([flake = "."], options, shell) =>
    await withShellRun({ flake, options, shell, trust: "deploy-branch" }, async (prepared, log) => {
      const { runVerify } = await import("./verify-run.ts");
      return await runVerify(prepared, options, shell, log);
    }),
};
