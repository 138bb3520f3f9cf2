import { userInfo } from "node:os";
import type { Overridable } from "../apply/preflight.ts";
import type { Policy } from "../policy.ts";
import type { Plan } from "../report/plan.ts";
import { type DeploySetup, withDeploy } from "./deploy-setup.ts";
import { runGate } from "./plan-run.ts";
import type { Prepared } from "./prepare.ts";
import type { Options, Shell } from "./shell.ts";
import { sshWords } from "./ssh-words.ts";

export type Asked = {
  /** Hears the policy in force. */ readonly onPolicy?: (policy: Policy, changes: boolean) => void;
  readonly despite: readonly Overridable[];
  readonly approve: readonly string[];
  readonly reject: readonly string[];
};

/** The pipeline as a shell runs it to the end: whoever types it holds the key to the hosts, and is the authority that a forge asks for elsewhere. */
export async function runDeploy(prepared: Prepared, flake: string, options: Options, shell: Shell, asked: Asked): Promise<Plan> {
  return await withDeploy(
    {
      prepared,
      ...personAt(shell),
      ...sshWords(options, "deploy"),
      repository: flake,
      despite: asked.despite,
      approve: asked.approve,
      reject: asked.reject,
      dryRun: options["dry-run"] === true,
    },
    async (deploy) => await runGate(prepared, flake, options, shell, deploy, asked.onPolicy),
  );
}

/** A run that a person at a prompt has started: nobody has pushed anything, so that no branch and no older policy has a say. */
export function personAt({ environment, signal }: Shell): Omit<DeploySetup, "prepared" | "privateKey" | "knownHosts" | "dryRun"> {
  return {
    environment,
    signal,
    repository: "shell",
    approve: [],
    reject: [],
    despite: [],
    approver: () => Promise.resolve({ login: userName(), permission: "admin", attempt: 1, isAuthor: "unknown" }),
    onDeployBranch: true,
    policyGuarded: false,
  };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user that the machine has no name for.
    return String(process.getuid?.() ?? "unknown");
  }
}
