import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";

/** What this machine has to give. Both figures respect the limits of a container. */
export function machine(): { readonly cores: number; readonly freeMemoryBytes: number } {
  return { cores: availableParallelism(), freeMemoryBytes: process.availableMemory() };
}

/** Of this machine since it was started; a container shares that of its host. Undefined where there is no such thing. */
export function runnerBootId(): string | undefined {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    // No Linux, or /proc is masked.
    return undefined;
  }
}

/**
 * A directory of our own for one run, 0700: repositories, gc roots, homes and canaries live in it. A runner gives RUNNER_TEMP, which it clears itself; the
 * machine's temporary directory otherwise. Nothing that a pull request built is ever read from one run's directory by another's.
 */
export function scratchDirectory(environment: Readonly<Record<string, string | undefined>>): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(environment["RUNNER_TEMP"] || tmpdir(), "deploy-gate-"));
  chmodSync(path, 0o700);
  // Store paths that were copied in are read-only; a directory that cannot be emptied must not turn a good run into a failed one.
  const remove = (): void => rmSync(path, { recursive: true, force: true, maxRetries: 2 });
  // Also where a second signal ends the run at once.
  process.once("exit", remove);
  return {
    path,
    remove: () => {
      process.off("exit", remove);
      remove();
    },
  };
}
