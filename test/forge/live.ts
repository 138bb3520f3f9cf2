import { execFileSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { StandInHost } from "../commands/stand-in-host.ts";
import { Repository } from "../scenario/flake.ts";
import { LiveForgejo } from "./live-forgejo.ts";
import { standInStory } from "./stand-in-story.ts";
import { Story, throughApproval, throughRejection } from "./story.ts";

/**
 * npm run test:live: the stories of test/forge/story.ts on a real Forgejo, in a repository that is made for them and removed after them. The host is one that only says what
 * it runs. GATE_FORGEJO_URL is the forge's address, GATE_FORGEJO_TOKEN a token of a user who may make repositories (write:repository, write:issue, write:user).
 */
const { GATE_FORGEJO_URL: url = "", GATE_FORGEJO_TOKEN: token = "" } = process.env;

test("a change from the pull request to its approval, and another to its refusal", { timeout: 900_000 }, async () => {
  expect(url, "GATE_FORGEJO_URL").toMatch(/^https?:\/\//);
  const scratch = mkdtempSync(join(tmpdir(), "gate-live-"));
  const flake = new Repository(join(scratch, "running"));
  flake.write({ ...standInStory(undefined).files(0, false), "policy.json": "{}" });
  flake.commit();
  const link = join(scratch, "result");
  const attribute = `git+file://${flake.directory}#nixosConfigurations.web1.config.system.build.toplevel`;
  execFileSync("nix", ["--extra-experimental-features", "nix-command flakes", "build", "--out-link", link, attribute]);
  try {
    await using host = await new StandInHost("web1").start(realpathSync(link));
    await using forge = await LiveForgejo.make(url, token);
    const story = new Story(forge, standInStory(host), scratch);
    await throughApproval(story);
    await throughRejection(story, 5);
    expect(host.asked).not.toContain("other");
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
});
