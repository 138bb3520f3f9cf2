import { chmodSync, lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
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
  const parent = environment["RUNNER_TEMP"] || tmpdir();
  clearAbandoned(parent);
  const path = mkdtempSync(join(parent, prefix));
  chmodSync(path, 0o700);
  const owner = ownerOf("self");
  if (owner !== undefined) writeFileSync(join(path, ownerFile), owner, { mode: 0o600 });
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

const prefix = "deploy-gate-";
const ownerFile = "owner";

/**
 * Takes away what runs left that were killed before they could: a deploy key may lie there. Only our own user's, and only where the process that made it is surely gone:
 * of this boot and this PID namespace, and not under its number any more, or since another moment.
 */
function clearAbandoned(parent: string): void {
  for (const name of entries(parent)) {
    if (!name.startsWith(prefix)) continue;
    const path = join(parent, name);
    try {
      const found = lstatSync(path);
      if (!found.isDirectory() || found.uid !== process.getuid?.()) continue;
      const [place = "", pid = "", since = ""] = readFileSync(join(path, ownerFile), "utf8").split(" ");
      if (!/^[0-9]+$/.test(pid) || place !== ownerOf("self")?.split(" ")[0]) continue;
      if (ownerOf(pid) !== `${place} ${pid} ${since}`) rmSync(path, { recursive: true, force: true });
    } catch {
      // It has no owner that could be read, or is being taken away by another run: left alone.
    }
  }
}

function entries(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    // mkdtemp will say what is wrong with it.
    return [];
  }
}

/** A process so that no other is taken for it: boot and PID namespace, number, and the moment of its start. Undefined where there is none, or no /proc. */
function ownerOf(pid: string): string | undefined {
  try {
    // The name in the second field may hold blanks and brackets; the start is the 22nd field (proc_pid_stat(5)).
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const since = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
    const number = stat.slice(0, stat.indexOf(" "));
    const space = readlinkSync("/proc/self/ns/pid").replace(/[^0-9]/g, "");
    return `${runnerBootId() ?? ""}/${space} ${number} ${since}`;
  } catch {
    return undefined;
  }
}
