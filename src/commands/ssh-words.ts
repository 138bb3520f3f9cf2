import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { gateError } from "../failure.ts";
import type { Command, Options } from "./shell.ts";

/** The options of every command that speaks to hosts. */
export const sshOptions = {
  "ssh-key": { type: "string", value: "FILE", help: "a private key without passphrase (the agent is asked without one)" },
  "known-hosts": { type: "string", value: "FILE", help: "host keys to believe (~/.ssh/known_hosts)" },
} as const satisfies Command["options"];

/** The options of a command that asks hosts and changes nothing. */
export const askingOptions = {
  hosts: { type: "string", value: "GLOB,...", help: "only these hosts" },
  ...sshOptions,
  json: { type: "boolean", help: "as JSON, on stdout" },
  "log-file": { type: "string", value: "FILE", help: "write all that is done, as JSON lines, without secrets" },
} as const satisfies Command["options"];

/** Key and host keys as they were asked for. Throws the GateError `usage` for a file that cannot be read. */
export function sshWords(options: Options, command: string): { readonly privateKey: string | undefined; readonly knownHosts: string } {
  return {
    privateKey: fileOption(options, "ssh-key", command),
    knownHosts: fileOption(options, "known-hosts", command) ?? usualKnownHosts(),
  };
}

function fileOption(options: Options, name: string, command: string): string | undefined {
  const path = options[name];
  if (typeof path !== "string") return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw gateError("usage", { problem: `--${name} ${path} cannot be read.`, command }, String(error), error);
  }
}

/** Those that ssh believes when this person types it. */
function usualKnownHosts(): string {
  return [join(homedir(), ".ssh/known_hosts"), "/etc/ssh/ssh_known_hosts"].map(textOf).join("\n");
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Not there: nothing is known of hosts then, which is said for each.
    return "";
  }
}
