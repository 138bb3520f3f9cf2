import { randomBytes } from "node:crypto";
import { type Check } from "../doctor/check.ts";
import { machineChecks, type MachineFacts } from "../doctor/machine-checks.ts";
import { GateError } from "../failure.ts";
import { freeBytes } from "../io/free-space.ts";
import { machine, scratchDirectory } from "../io/machine.ts";
import { nixPort } from "../io/nix.ts";
import type { Nix } from "../io/ports.ts";
import { runCommand } from "../io/run-command.ts";
import { lastError } from "../nix-message.ts";
import { nixString } from "../nix-string.ts";
import type { Shell } from "./shell.ts";

/** Looks at this machine, without any flake. */
export async function checkMachine({ environment, signal }: Shell): Promise<Check[]> {
  const scratch = scratchDirectory(environment);
  try {
    const nix = nixPort({ environment, scratch: scratch.path, signal });
    const program = async (name: string, flag: string, pattern: RegExp): Promise<string | undefined> => {
      const end = await runCommand({
        program: name,
        arguments: [flag],
        environment: { PATH: environment["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C" },
        timeoutSeconds: 20,
        signal,
      });
      return end.exitCode === 0 ? (pattern.exec(`${end.stdout}\n${end.stderr}`)?.[1] ?? name) : undefined;
    };
    const version = await nix.version().catch((error: unknown) => {
      if (!(error instanceof GateError) || error.failure.code === "cancelled") throw error;
      return error.failure;
    });
    const [store, git, ssh] = await Promise.all([
      "code" in version ? undefined : askStore(nix),
      program("git", "--version", /version ([^\s]+)/),
      program("ssh", "-V", /^(OpenSSH_[^\s,]+)/m),
    ]);
    const facts: MachineFacts = {
      node: process.versions.node,
      nix: version,
      store,
      git,
      ssh,
      freeMemoryBytes: machine().freeMemoryBytes,
      storeFreeBytes: freeBytes("/nix/store") ?? freeBytes("/nix"),
      scratch: { path: scratch.path.replace(/\/[^/]*$/, ""), freeBytes: freeBytes(scratch.path) },
    };
    return machineChecks(facts);
  } finally {
    scratch.remove();
  }
}

/** Writes a text of a few bytes that nothing else has, as any evaluation does. A garbage collection takes it away. */
async function askStore(nix: Nix): Promise<{ readonly writable: boolean; readonly said: string }> {
  const text = randomBytes(16).toString("hex");
  const end = await nix.run({
    arguments: ["eval", "--raw", "--expr", `builtins.toFile "deploy-gate-doctor" ${nixString(text)}`],
    trust: "deploy-branch",
    timeoutSeconds: 60,
    maxBytes: 4096,
  });
  return {
    writable: end.exitCode === 0,
    said: end.timedOut ? "it did not answer within a minute" : (lastError(end.stderr).split("\n")[0] ?? ""),
  };
}
