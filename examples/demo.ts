/**
 * npm run demo: the gate's main job on the example fleet, base against head, in a scratch repository. No account, no key, no forge.
 *
 * The fleet's update holds one change of each kind: a clean one, one that needs a reboot, a risky one, one that does not build, a host that does not change and
 * one that the policy does not hand to the gate.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const here = import.meta.dirname;
const scratch = mkdtempSync(join(tmpdir(), "gate-demo-"));
const fleet = join(scratch, "fleet");

const author = { name: "Demo", email: "demo@example.org" };
const identity = {
  GIT_AUTHOR_NAME: author.name,
  GIT_AUTHOR_EMAIL: author.email,
  GIT_COMMITTER_NAME: author.name,
  GIT_COMMITTER_EMAIL: author.email,
};

function git(...words: readonly string[]): void {
  const done = spawnSync("git", ["-C", fleet, ...words], {
    encoding: "utf8",
    env: { ...process.env, ...identity, GIT_CONFIG_GLOBAL: "/dev/null" },
  });
  if (done.status !== 0) throw new Error(`git ${words.join(" ")}: ${done.stderr || done.error?.message}`);
}

let status = 4;
try {
  cpSync(join(here, "fleet"), fleet, { recursive: true });
  git("init", "--quiet", "--initial-branch=main");
  git("add", "--all");
  git("commit", "--quiet", "--message=The fleet as it runs");
  git("switch", "--quiet", "--create", "update");
  git("apply", join(here, "update.patch"));
  git("commit", "--quiet", "--all", "--message=Update nginx, PostgreSQL, the kernel of the NAS and restic");

  const run = spawnSync(process.execPath, [join(here, "..", "src", "cli.ts"), "plan", fleet, "--base", "main", ...process.argv.slice(2)], {
    stdio: "inherit",
  });
  status = run.status ?? 4;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
// One host of the fleet does not build, on purpose: the gate answers 1 and the demo has shown what it should.
process.exitCode = status === 1 ? 0 : status || 4;
