import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Plan } from "../../src/report/plan.ts";
import { binaryCache, signingKey, type BinaryCache } from "../nix/binary-cache.ts";
import { inStore, storeIn } from "../nix/remote-builder.ts";
import { nixVersions } from "../nix/versions.ts";
import { flake, Repository } from "./flake.ts";
import { gate, type Ended } from "./gate.ts";

/** A cache beside the runner: what one run has built, a run in an empty store takes from there. A system says in `place` in whose store it was built. */
const toplevels = (end: Ended): readonly string[] =>
  Plan.parse(JSON.parse(end.stdout)).hosts.flatMap((host) => (host.state === "added" ? host.to : []));

describe.each(nixVersions().map((at) => [at.version, at] as const))("Nix %s", { timeout: 120_000 }, (version, at) => {
  let scratch: string;
  let repository: Repository;
  let cache: BinaryCache;
  let built: readonly string[];
  let made = 0;
  const store = (name: string): string => {
    const directory = join(scratch, name);
    mkdirSync(join(directory, "nix"), { recursive: true });
    writeFileSync(join(directory, "nix", "place"), `${name}\n`);
    return directory;
  };
  const run = async (directory: string, words: readonly string[], ...settings: readonly string[]): Promise<Ended> => {
    const lines = ["experimental-features = nix-command flakes", "build-users-group =", "sandbox = false", ...settings, ""];
    return await gate([...words, "--json"], {
      directory: repository.directory,
      path: at.path,
      before: [...storeIn(directory), "env", `NIX_CONFIG=${lines.join("\n")}`],
    });
  };

  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), "gate-cache-"));
    repository = new Repository(join(scratch, "repo"));
    const host = (name: string) =>
      `nixosConfigurations.${name} = system { name = "${name}"; more = "cat /nix/place > place; # ${version} ${scratch}"; };`;
    repository.write({ "flake.nix": flake(`${host("a")} ${host("b")}`) });
    repository.commit();
    cache = await binaryCache(scratch, at);
    const first = store("first");
    const end = await run(first, ["plan"], "substituters =");
    built = toplevels(end);
    expect(built, end.stderr).toHaveLength(2);
    cache.put(storeIn(first), built);
  });
  afterAll(async () => {
    await cache.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  test.each(["plan", "deploy"])("%s: nothing is built a second time", async (command) => {
    const second = store(`second-${made++}`);
    const words = command === "deploy" ? ["deploy", "--dry-run"] : ["plan"];
    const end = await run(second, words, `substituters = ${cache.url}`, `trusted-public-keys = ${cache.publicKey}`);
    expect(end, end.stderr).toMatchObject({ code: 0, left: [], running: [] });
    for (const path of built) expect(inStore(second, join(path, "place"))).toBe("first\n");
    expect(end.stderr).not.toContain("warning");
    expect(cache.asked.filter((path) => path.startsWith("/nar/"))).not.toEqual([]);
  });

  describe("signed by nobody whom this machine trusts", () => {
    const distrusting = async (directory: string, jobs: number): Promise<Ended> =>
      await run(
        directory,
        ["plan"],
        `substituters = ${cache.url}`,
        `trusted-public-keys = ${signingKey(at, "other-1").public}`,
        `max-jobs = ${jobs}`,
      );

    test("it is built instead, and that is said once for all of it", async () => {
      const third = store("third");
      const end = await distrusting(third, 1);
      expect(end, end.stderr).toMatchObject({ code: 0, left: [], running: [] });
      for (const path of built) expect(inStore(third, join(path, "place"))).toBe("third\n");
      expect(end.stderr.match(/^warning: .*$/gm)).toEqual([
        `warning: What the cache ${cache.url} has is signed by none of this machine's trusted-public-keys, so it is built instead.`,
      ]);
    });

    test("where nothing may be built here, the failure names the cache", async () => {
      const end = await distrusting(store("fourth"), 0);
      expect(end, end.stderr).toMatchObject({ code: 1, left: [], running: [] });
      expect(Plan.parse(JSON.parse(end.stdout)).hosts.map((host) => (host.state === "failed" ? host.failure : host))).toEqual(
        ["a", "b"].map((name) =>
          expect.objectContaining({
            code: "build-nowhere",
            message: `No machine could build nixos-system-${name}-26.05: this one builds nothing itself (max-jobs = 0), and what the cache ${cache.url} has is signed by none of its trusted-public-keys.`,
          }),
        ),
      );
    });
  });
});
