import { readFileSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import type { Overridable } from "../apply/preflight.ts";
import { gateError } from "../failure.ts";
import type { Plan } from "../report/plan.ts";
import { withDeploy } from "./deploy-setup.ts";
import { runGate } from "./plan-run.ts";
import type { Prepared } from "./prepare.ts";
import type { Options, Shell } from "./shell.ts";

export type Asked = { readonly despite: readonly Overridable[]; readonly approve: readonly string[]; readonly reject: readonly string[] };

/** The pipeline as a shell runs it to the end: whoever types it holds the key to the hosts, and is the authority that a forge asks for elsewhere. */
export async function runDeploy(prepared: Prepared, flake: string, options: Options, shell: Shell, asked: Asked): Promise<Plan> {
  const { environment, signal } = shell;
  const login = userName();
  return await withDeploy(
    {
      prepared,
      environment,
      signal,
      privateKey: fileOption(options, "ssh-key"),
      knownHosts: fileOption(options, "known-hosts") ?? usualKnownHosts(),
      repository: flake,
      ...asked,
      approver: () => Promise.resolve({ login, permission: "admin", attempt: 1, isAuthor: "unknown" }),
      // What is typed here is what is meant: there is no branch that somebody else could have pushed.
      onDeployBranch: true,
      policyGuarded: false,
      dryRun: options["dry-run"] === true,
    },
    async (deploy) => await runGate(prepared, flake, options, shell, deploy),
  );
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user that the machine has no name for.
    return String(process.getuid?.() ?? "unknown");
  }
}

function fileOption(options: Options, name: string): string | undefined {
  const path = options[name];
  if (typeof path !== "string") return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw gateError("usage", { problem: `--${name} ${path} cannot be read.`, command: "deploy" }, String(error), error);
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
