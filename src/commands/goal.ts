import { gateError } from "../failure.ts";
import type { Command } from "./shell.ts";
import { withShellRun } from "./shell-run.ts";
import { askingOptions } from "./ssh-words.ts";

/** `gate goal`: one run of a goal by the person who types it. */
export const goalCommand: Command = {
  name: "goal",
  summary: "ask a Claude session to look at the fleet for one purpose: health-check, incident, proactive, intent, explore, or your own",
  usage: "goal NAME [FLAKEREF] [--text WISH | --alert FILE] [options], goal --list [FLAKEREF]",
  words: [0, 2],
  options: {
    list: { type: "boolean", help: "say which goals there are, what each may do here, and ask nobody" },
    text: { type: "string", value: "WISH", help: "what you wish for, in words" },
    "text-file": { type: "string", value: "FILE", help: "the same, from a file" },
    alert: { type: "string", value: "FILE", help: "what happened: an alert as JSON (gate listen, Alertmanager, or plain)" },
    model: { type: "string", value: "NAME", help: "the model of the session" },
    "dry-run": { type: "boolean", help: "ask the session, and do and propose nothing whatever the policy allows" },
    verbose: { type: "boolean", short: "v", help: "also the snapshot and every call of a tool" },
    markdown: { type: "string", value: "FILE", help: "also write the report as Markdown" },
    patch: {
      type: "string",
      value: "FILE",
      help: "write what the session proposes to change as a patch for git am; from a shell nothing is pushed",
    },
    ...askingOptions,
  },
  examples: [
    "nixos-deploy-gate goal health-check",
    "nixos-deploy-gate goal explore --text 'what if we added a third server for quorum?'",
    "nixos-deploy-gate goal incident --alert alert.json",
    "nixos-deploy-gate goal --list",
  ],
  run: async ([first, second], options, shell) => {
    if (options["list"] === true) {
      if (second !== undefined) throw gateError("usage", { problem: "--list takes a flake and no goal.", command: "goal" });
      return await withShellRun({ flake: first ?? ".", options, shell, trust: "deploy-branch" }, async (prepared, log) => {
        const { listGoals } = await import("./goal-list.ts");
        return await listGoals(prepared, options, shell, log);
      });
    }
    if (first === undefined)
      throw gateError("usage", { problem: "The name of a goal is missing; --list says which there are.", command: "goal" });
    const { callOf, runGoalCommand } = await import("./goal-run.ts");
    const call = callOf(first, options, shell);
    return await withShellRun(
      { flake: second ?? ".", options, shell, trust: "deploy-branch" },
      async (prepared, log) => await runGoalCommand(call, prepared, options, shell, log),
    );
  },
};
