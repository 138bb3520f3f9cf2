import { failure, type Failure } from "../failure.ts";
import type { CopyResult } from "../io/ports.ts";
import type { Address } from "../target/address.ts";
import { loginCommand, targetFailure } from "../target/target-failure.ts";

export type FailedCopy = {
  readonly address: Address;
  readonly store: "ssh-ng" | "ssh";
  readonly checkSignatures: boolean;
  readonly timeoutSeconds: number;
  /** The first of what was to be copied. */
  readonly path: string;
  readonly result: CopyResult;
  /** What Nix, ssh and the programs on the host said, cleaned and bounded. */
  readonly said: string;
};

/**
 * Why a copy failed and what cures it, from what Nix 2.8 to 2.34 say. A host can write any of these words itself, which only misnames its own failure. The order
 * counts: a daemon that dies of a full disk closes the connection as well.
 */
export function copyFailure(copy: FailedCopy): Failure {
  const { address, said, result } = copy;
  const { host, user } = address;
  const login = loginCommand(address);
  const path = /'(\/nix\/store\/[0-9a-z]{32}-[A-Za-z0-9+\-._?=]{1,211})'/.exec(said)?.[1] ?? copy.path;
  if (/No space left on device|database or disk is full|Disk quota exceeded|not enough (?:free )?(?:disk )?space/i.test(said))
    return failure("copy-no-space", { host, login }, said);
  if (unsigned.test(said)) return failure("copy-unsigned", { host, user, path, checked: copy.checkSignatures }, said);
  if (/^(?:sudo: |.*is not in the sudoers file)/m.test(said) && address.sudo) return targetFailure(address, "sudo-refused", said);
  const missing = missingProgram.exec(said);
  if (missing !== null)
    return failure("copy-no-nix", { host, program: missing[0].includes("nix-store") ? "nix-store" : "nix-daemon", login }, said);
  if (/hash mismatch (?:importing|in) (?:path|NAR)|NAR hash mismatch|has been corrupted|was modified!|is corrupt/.test(said))
    return failure("copy-corrupt", { host, path }, said);
  if (/cannot connect to (?:socket|daemon) at/.test(said)) return failure("copy-daemon", { host, login }, said);
  if (
    /path '[^']*' (?:is not valid|does not exist and cannot be created)|does not exist in (?:the|binary) (?:store|cache)|no substituter that can build|don't know how to build/.test(
      said,
    )
  )
    return failure("copy-path-missing", { host, path }, said);
  if (result.timedOut) return failure("copy-timed-out", { host, seconds: copy.timeoutSeconds }, said);
  if (result.trouble !== undefined) return targetFailure(address, result.trouble, result.detail ?? said);
  return failure("copy-failed", { host, url: `${copy.store}://${user}@${address.hostname}`, path, exitCode: result.exitCode }, said);
}

/** 2.8 says "a valid signature", newer ones "a signature by a trusted key"; a daemon that does not trust us may refuse the wish itself. */
const unsigned =
  /lacks a (?:valid signature|signature by a trusted key)|you are not (?:privileged|allowed) to|not a trusted user.*(?:import|signature)/;

/** In the words of bash, dash, zsh, fish, nushell and of `exec`. */
const missingProgram =
  /nix-(?:daemon|store)['"]?: (?:command )?not found|(?:command not found|[Uu]nknown command|no such (?:file|command))[^\n]*nix-(?:daemon|store)|nix-(?:daemon|store)['"]?:? (?:No such file|not found)/i;

/** True where a second try may go better: the connection broke, and what has arrived does not have to be copied again. */
export function worthAnotherTry(result: CopyResult): boolean {
  return result.trouble === "lost" || result.trouble === "unreachable";
}
