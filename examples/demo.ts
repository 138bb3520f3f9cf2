/**
 * npm run demo: the gate's main job on the example fleet, base against head, in a scratch repository. No account, no key, no forge.
 *
 * The fleet's update holds one change of each kind: a clean one, one that needs a reboot, a risky one, one that does not build, a host that does not change and
 * one that the policy does not hand to the gate.
 */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";

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

const git = execa({ cwd: scratch, extendEnv: true, env: { ...identity, GIT_CONFIG_GLOBAL: "/dev/null" } });

let status = 4;
try {
  cpSync(join(here, "fleet"), fleet, { recursive: true });
  await git`git -C ${fleet} init --quiet --initial-branch=main`;
  await git`git -C ${fleet} add --all`;
  await git`git -C ${fleet} commit --quiet ${"--message=The fleet as it runs"}`;
  await git`git -C ${fleet} switch --quiet --create update`;
  await git`git -C ${fleet} apply ${join(here, "update.patch")}`;
  await git`git -C ${fleet} commit --quiet --all ${"--message=Update nginx, PostgreSQL, the kernel of the NAS and restic"}`;

  const program = join(here, "..", "src", "cli.ts");
  const run = await execa({
    stdio: "inherit",
    reject: false,
  })`${process.execPath} ${program} plan ${fleet} --base main ${process.argv.slice(2)}`;
  status = run.exitCode ?? 4;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
// One host of the fleet does not build, on purpose: the gate answers 1 and the demo has shown what it should.
process.exitCode = status === 1 ? 0 : status || 4;
