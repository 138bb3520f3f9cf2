import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { isRoot } from "../nix/root.ts";

const root = realpathSync(mkdtempSync(join(tmpdir(), "gate-code-cache-")));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let homes = 0;
const newHome = (): string => {
  const home = join(root, `home-${(homes += 1)}`);
  mkdirSync(home, { mode: 0o700 });
  return home;
};

const program = join(import.meta.dirname, "../../src/cli.ts");
/** Runs the program as its user would, and says how many files of compiled code lie in a directory afterwards. */
function kept(environment: Readonly<Record<string, string>>, cache: string, ...words: string[]): number {
  execFileSync(process.execPath, [program, ...(words.length === 0 ? ["--version"] : words)], {
    env: { PATH: process.env["PATH"], NODE_NO_WARNINGS: "1", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  try {
    return readdirSync(join(cache, "nixos-deploy-gate/code"), { recursive: true }).length;
  } catch {
    return 0;
  }
}

test("it is kept in the cache directory of whoever runs it", () => {
  const [home, cache] = [newHome(), newHome()];
  expect(kept({ HOME: home }, join(home, ".cache"))).toBeGreaterThan(1);
  expect(kept({ HOME: home, XDG_CACHE_HOME: join(cache, "made") }, join(cache, "made"))).toBeGreaterThan(1);
  // What a link leads to may change, so that what it led to is what counts.
  symlinkSync(newHome(), join(root, "link"));
  expect(kept({ HOME: join(root, "link") }, join(root, "link/.cache"))).toBeGreaterThan(1);
});

test("nothing is kept where others could write, nor without a home", () => {
  for (const open of ["", ".cache", ".cache/nixos-deploy-gate", ".cache/nixos-deploy-gate/code"]) {
    const home = newHome();
    mkdirSync(join(home, ".cache/nixos-deploy-gate/code"), { recursive: true });
    chmodSync(join(home, open), 0o770);
    expect([open, kept({ HOME: home }, join(home, ".cache"))]).toEqual([open, 0]);
  }
  const file = newHome();
  expect(kept({ HOME: "relative" }, join(file, ".cache"))).toBe(0);
  expect(kept({}, join(file, ".cache"))).toBe(0);
  expect(kept({ HOME: "/proc/nowhere" }, "/proc/nowhere/.cache")).toBe(0);
  const missing = join(root, "nonexistent");
  expect(kept({ HOME: missing }, join(missing, ".cache"))).toBe(0);
  expect(existsSync(missing)).toBe(false);
});

test.skipIf(!isRoot)("a home that a sudo has kept is left as it is", () => {
  const home = newHome();
  chownSync(home, 61234, 61234);
  expect(kept({ HOME: home }, join(home, ".cache"))).toBe(0);
  expect(readdirSync(home)).toEqual([]);
});
