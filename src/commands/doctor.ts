import type { Command } from "./shell.ts";
import { sshOptions } from "./ssh-words.ts";

/** The options of whoever ends in a doctor's table. */
export const doctorOptions = {
  ...sshOptions,
  "token-file": { type: "string", value: "FILE", help: "a token of the forge, to see what it may do (in a job, the job's own)" },
  forge: { type: "string", value: "github|forgejo", help: "what kind of forge the flake's origin is (asked there)" },
} as const satisfies Command["options"];

/** `gate doctor`: whether everything is there that the gate needs, and what to type where it is not. */
export const doctorCommand: Command = {
  name: "doctor",
  summary: "check machine, flake, policy, workflows, forge, session and hosts, and say what is missing",
  usage: "doctor [FLAKEREF] [--hosts GLOB,... | --no-hosts] [--token-file FILE] [--json]",
  words: [0, 1],
  options: {
    hosts: {
      type: "string",
      value: "GLOB,...",
      help: "ask these hosts, those too that the policy does not hand over (asked, never changed)",
    },
    "no-hosts": { type: "boolean", help: "contact no host" },
    ...doctorOptions,
    "ask-model": { type: "boolean", help: "ask the session's model one small question, which costs a fraction of a cent" },
    json: { type: "boolean", help: "as JSON, on stdout" },
    "log-file": { type: "string", value: "FILE", help: "write all that is done, as JSON lines, without secrets" },
  },
  examples: [
    "nixos-deploy-gate doctor",
    "nixos-deploy-gate doctor ~/fleet --hosts web1 --ssh-key deploy.key",
    "nixos-deploy-gate doctor --no-hosts --token-file forge.token",
    "nixos-deploy-gate doctor --json | jq '.checks[] | select(.state == \"fail\")'",
  ],
  run: async ([flake = "."], options, shell) => {
    const { runDoctor } = await import("./doctor-run.ts");
    return await runDoctor(flake, options, shell);
  },
};
