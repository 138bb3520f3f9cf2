import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { deployTip } from "../../src/commands/deploy-tip.ts";
import { withPrepared } from "../../src/commands/prepare.ts";
import { flake, Repository } from "../scenario/flake.ts";

/** Which branch is deployed is the origin's to say, whatever somebody has checked out: real git, real repositories. */
let scratch: string;
let origin: Repository;
let here: Repository;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "gate-tip-"));
  origin = new Repository(join(scratch, "origin"));
  origin.git("checkout", "--quiet", "-b", "trunk");
  origin.write({ "flake.nix": flake('nixosConfigurations.web1 = system { name = "web1"; };') });
  here = new Repository(join(scratch, "here"));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const clone = (): void => {
  here.git("remote", "add", "origin", `file://${origin.directory}`);
  here.git("fetch", "--quiet", "origin");
  here.git("checkout", "--quiet", "-b", "trunk", "origin/trunk");
};
const tip = async (): Promise<string | undefined> => {
  const event = { kind: "shell", trust: "deploy-branch" } as const;
  const log = { progress: () => {}, debug: () => {}, mask: () => {} };
  const world = { environment: process.env, signal: new AbortController().signal, log };
  return await withPrepared({ flake: here.directory, directory: here.directory, event, ...world }, deployTip);
};

test("it is the tip of the branch that the origin's HEAD names, now, and not what is checked out", async () => {
  const merged = origin.commit();
  clone();
  here.git("checkout", "--quiet", "-b", "feature");
  here.commit("mine");
  expect(await tip()).toBe(merged);
  // What was pushed since the last fetch counts as well.
  const later = origin.commit("later");
  expect(await tip()).toBe(later);
});

test("nothing, where the origin does not answer or has no branch there", async () => {
  origin.commit();
  clone();
  origin.git("symbolic-ref", "HEAD", "refs/heads/nowhere");
  expect(await tip()).toBe(undefined);
  renameSync(origin.directory, `${origin.directory}.away`);
  expect(await tip()).toBe(undefined);
});

test("the checkout's own commit, where it has no origin", async () => {
  here.write({ "flake.nix": flake('nixosConfigurations.web1 = system { name = "web1"; };') });
  const mine = here.commit();
  expect(await tip()).toBe(mine);
});
