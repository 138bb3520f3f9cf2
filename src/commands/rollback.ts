import type { Command } from "./shell.ts";
import { withShellRun } from "./shell-run.ts";
import { sshOptions } from "./ssh-words.ts";

/** `gate rollback`: one host back to a generation that is on it. */
export const rollbackCommand: Command = {
  name: "rollback",
  summary: "take one host back to an earlier generation, supervised and proven",
  usage: "rollback HOST [FLAKEREF] [--to GENERATION] [--dry-run] [--json]",
  words: [1, 2],
  options: {
    to: { type: "string", value: "GENERATION", help: "the number of a generation (the newest other one before that which boots)" },
    "dry-run": { type: "boolean", help: "say what it would go back to; change nothing" },
    ...sshOptions,
    json: { type: "boolean", help: "the outcome as JSON, on stdout" },
    "log-file": { type: "string", value: "FILE", help: "write all that is done, as JSON lines, without secrets" },
  },
  examples: ["nixos-deploy-gate rollback web1 --dry-run", "nixos-deploy-gate rollback web1", "nixos-deploy-gate rollback web1 --to 41"],
  run: async ([host = "", flake = "."], options, shell) =>
    await withShellRun({ flake, options, shell, trust: "deploy-branch" }, async (prepared, log) => {
      const { runRollback } = await import("./rollback-run.ts");
      return await runRollback(host, prepared, options, shell, log);
    }),
};
