import { execFileSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readTokens } from "../../src/decide/approval-token.ts";
import { HostName } from "../../src/discover/host.ts";
import { StandInHost } from "../commands/stand-in-host.ts";
import { Repository } from "../scenario/flake.ts";
import { LoopbackForge } from "./loopback-forge.ts";
import { standInStory } from "./stand-in-story.ts";
import { Story, throughApproval, throughReplay } from "./story.ts";
import { LoopbackStory } from "./story-forge.ts";

/** The story of a change on both forges, with a host that only says what it runs; test/hosts/story.hosts.ts plays all of it on a real one. */
let scratch: string;
let host: StandInHost;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "gate-story-"));
  const flake = new Repository(join(scratch, "running"));
  flake.write({ ...standInStory(undefined).files(0, false), "policy.json": "{}" });
  flake.commit();
  const link = join(scratch, "result");
  const attribute = `git+file://${flake.directory}#nixosConfigurations.web1.config.system.build.toplevel`;
  execFileSync("nix", ["--extra-experimental-features", "nix-command flakes", "build", "--out-link", link, attribute]);
  host = await new StandInHost("web1").start(realpathSync(link));
}, 120_000);
afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

test.each(["github", "forgejo-15"] as const)(
  "%s: opened, synchronized, merged, held, approved; a spent token is refused",
  { timeout: 400_000 },
  async (name) => {
    host.forget();
    await using forge = await new LoopbackForge(name).start();
    const here = mkdtempSync(join(scratch, name));
    const story = new Story(new LoopbackStory(forge, new Repository(join(here, "origin"))), standInStory(host), here);
    await throughApproval(story);
    await throughReplay(story, 4, (token, to) => {
      const digest = readTokens([token])?.tokens.get(HostName.parse("web1"))?.digest;
      if (digest === undefined) throw new Error(`${token} is no token`);
      const at = Math.floor(Date.now() / 1000);
      const attempt = { id: "switch-0123456789abcdef", host: HostName.parse("web1"), operation: "switch" as const, from: {}, to };
      host.remembers(
        {
          v: 1,
          event: "started",
          at,
          bootId: "baff9136-f5ac-4acb-9b11-684014e6cf12",
          attempt: { ...attempt, revision: story.main, digest },
        },
        { v: 1, event: "ended", at, id: attempt.id, outcome: "deployed", reason: "confirmed" },
      );
      return Promise.resolve();
    });
    expect(host.asked).not.toContain("other");
    expect(forge.violations).toEqual([]);
  },
);
