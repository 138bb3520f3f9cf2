import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { attempt, must } from "./command.ts";

/**
 * The root directory that all hosts are layers over, built where it is not in the cache (about a minute).
 */
export const cachedRoot = (): Promise<string> =>
  cached("root", "build-root.sh", ["machine/loader.sh", "machine/network.sh", "machine/machine-network.service"]);

/**
 * Firmware, a boot loader and two kernels for a machine of its own (half a minute, 90 MB from Debian's archive): `OVMF_CODE_4M.fd`, `OVMF_VARS_4M.fd`, `systemd-bootx64.efi`,
 * `bootctl/`, and `kernels/old` and `kernels/new` with `bzImage`, `initrd` and `release` each.
 */
export const cachedFirmware = (): Promise<string> => cached("firmware", "build-firmware.sh", ["machine/initrd.sh"]);

/**
 * What a script makes, from the cache. It was made from the script and the files of its recipe: another word in one of these is another directory. One builds at a time; the
 * rest wait and find what it made, which appears in one step.
 */
async function cached(name: string, script: string, recipe: readonly string[]): Promise<string> {
  const cache = process.env.NDG_HOSTS_CACHE || "/var/cache/nixos-deploy-gate-test";
  const hash = createHash("sha256");
  for (const file of [script, ...recipe]) hash.update(`${file}\0`).update(readFileSync(join(import.meta.dirname, file)));
  const goal = join(cache, `${name}-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(goal)) return goal;
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, "building-"));
  try {
    const lock = ["flock", join(cache, "lock"), "sh", "-euc", '[ -e "$1" ] || exec sh "$2" "$3"', "build"];
    await must([...lock, goal, join(import.meta.dirname, script), work], { seconds: 1800 });
    if (existsSync(goal)) return goal;
    try {
      renameSync(work, goal);
    } catch (error) {
      if (!existsSync(goal)) throw error;
    }
  } finally {
    attempt("rm", "-rf", "--one-file-system", work);
  }
  return goal;
}
