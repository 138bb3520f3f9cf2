import { gateError } from "../failure.ts";
import { plainText } from "../nix-message.ts";
import { runCommand } from "./run-command.ts";

/** Longer than any key: RSA with 16,384 bits takes 13 KiB. */
const keyLimit = 64 * 1024;

/** Refuses what cannot be a key before it is written anywhere. Throws the GateError `ssh-key-unusable`. */
export function checkKeyText(key: string): void {
  if (key.trim() === "") throw gateError("ssh-key-unusable", { problem: "it is empty" });
  if (key.length > keyLimit) throw gateError("ssh-key-unusable", { problem: `it is longer than ${keyLimit} characters` });
  if (key.includes("\0")) throw gateError("ssh-key-unusable", { problem: "it holds a NUL byte" });
  if (/^(?:ssh-|ecdsa-|sk-)/.test(key.trim())) throw gateError("ssh-key-unusable", { problem: "it is a public key" });
}

/**
 * Asks ssh-keygen for the public half, which needs the private one to be whole and without a passphrase. Where ssh-keygen is missing nothing is said: ssh itself
 * will. Throws the GateError `ssh-key-unusable`; its detail never holds a byte of the key.
 */
export async function checkKeyFile(path: string, environment: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void> {
  const result = await runCommand({
    program: "ssh-keygen",
    arguments: ["-y", "-P", "", "-f", path],
    environment,
    timeoutSeconds: 20,
    maxStdoutBytes: 64 * 1024,
    signal,
  });
  if (result.cancelled) throw gateError("cancelled", {});
  if (result.missing || result.exitCode === 0) return;
  const said = plainText(result.stderr).replaceAll(path, "the key").trim().slice(0, 300);
  const problem = /incorrect passphrase/.test(said)
    ? "it is protected by a passphrase, which nobody is there to type"
    : /invalid format|error in libcrypto|not a .*key/i.test(said)
      ? "it is not a private key that OpenSSH reads"
      : "OpenSSH cannot read it";
  throw gateError("ssh-key-unusable", { problem }, said);
}
