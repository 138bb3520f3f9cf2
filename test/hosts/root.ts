import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { attempt, must } from "./command.ts";

/** What the root directory is made from: another word in one of these is another directory. */
const recipe = ["build-root.sh", "machine/loader.sh", "machine/network.sh", "machine/machine-network.service"];

/**
 * The root directory that all hosts are layers over, built where it is not in the cache (about a minute). One builds at a time; the rest wait and
 * find what it made, which appears in one step.
 */
export async function cachedRoot(): Promise<string> {
  const cache = process.env.NDG_HOSTS_CACHE || "/var/cache/nixos-deploy-gate-test";
  const hash = createHash("sha256");
  for (const file of recipe) hash.update(`${file}\0`).update(readFileSync(join(import.meta.dirname, file)));
  const goal = join(cache, `root-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(goal)) return goal;
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, "building-"));
  try {
    const lock = ["flock", join(cache, "lock"), "sh", "-euc", '[ -e "$1" ] || exec sh "$2" "$3"', "build"];
    await must([...lock, goal, join(import.meta.dirname, "build-root.sh"), work], { seconds: 1800 });
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
