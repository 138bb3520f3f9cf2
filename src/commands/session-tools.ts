import { relayTools } from "../io/tool-relay.ts";
import type { Command } from "./shell.ts";

/** The variable of a relay's environment that holds the word by which the gate knows it: argument lists can be read by everyone on the machine. */
export const relaySecret = "NIXOS_DEPLOY_GATE_RELAY";

/** Started by a session's program, as its server of tools: the gate that holds the session answers. A person has no use for it, and it is in no list. */
export const sessionToolsCommand: Command = {
  name: "session-tools",
  summary: "carry a session's questions to the gate that asked it (started by the session itself)",
  hidden: true,
  usage: "session-tools SOCKET",
  words: [1, 1],
  options: {},
  examples: [],
  run: async ([socket = ""], _, shell) => {
    const secret = shell.environment[relaySecret] ?? "";
    const problem = await relayTools({ socket, secret, input: process.stdin, output: process.stdout, signal: shell.signal });
    if (problem === undefined) return 0;
    shell.error(`The gate cannot be reached: ${problem}\n`);
    return 4;
  },
};
