import type { Command } from "./shell.ts";
import { doctorOptions } from "./doctor.ts";

/** `gate init`: from a flake to a repository that the gate guards, as files that a person reads and commits. */
export const initCommand: Command = {
  name: "init",
  summary: "set a flake's repository up for the gate: workflows, a first policy, and what is still missing",
  usage: "init [FLAKEREF] [--forge github|forgejo] [--deploy GLOB,...] [--yes] [--dry-run] [--json]",
  words: [0, 1],
  options: {
    ...doctorOptions,
    action: {
      type: "string",
      value: "REFERENCE",
      help: "what workflows use: OWNER/NAME@COMMIT, on Forgejo https://HOST/OWNER/NAME@COMMIT (this program's own)",
    },
    branch: { type: "string", value: "NAME", help: "the branch that is deployed (the repository's default branch)" },
    runner: { type: "string", value: "LABEL", help: "the runner's label (ubuntu-24.04 on GitHub, nix on Forgejo)" },
    hosts: { type: "string", value: "GLOB,...", help: "the hosts that the policy speaks of (all)" },
    deploy: { type: "string", value: "GLOB,...", help: "the hosts that it hands to the gate (none: nothing is deployed unasked)" },
    approvers: { type: "string", value: "LOGIN,...", help: "who may let held changes pass (needed on Forgejo)" },
    user: { type: "string", value: "NAME", help: "who logs in on the hosts (root)" },
    yes: {
      type: "boolean",
      short: "y",
      help: "ask nothing: flags, what was found, and defaults; flake.nix too where the change is proven",
    },
    "dry-run": { type: "boolean", help: "write nothing; show what would be written" },
    "no-doctor": { type: "boolean", help: "do not end with the doctor's table" },
    json: { type: "boolean", help: "what was done, and the doctor's table, as JSON on stdout; asks nothing" },
    "log-file": { type: "string", value: "FILE", help: "write all that is done, as JSON lines, without secrets" },
  },
  examples: [
    "nixos-deploy-gate init",
    "nixos-deploy-gate init ~/fleet --dry-run",
    "nixos-deploy-gate init --yes --forge forgejo --approvers ada --deploy 'web*'",
  ],
  run: async ([flake = "."], options, shell) => {
    const { runInit } = await import("./init-run.ts");
    return await runInit(flake, options, shell);
  },
};
