import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { scratchDirectory } from "../../src/io/machine.ts";

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "scratch-test-"));
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

const module = new URL("../../src/io/machine.ts", import.meta.url).href;
/** Another run, which makes its directory, puts a key there and is killed. */
function killedRun(): string {
  const program = `const { scratchDirectory } = await import(${JSON.stringify(module)}); const { writeFileSync } = await import("node:fs");
    writeFileSync(scratchDirectory({ RUNNER_TEMP: ${JSON.stringify(parent)} }).path + "/key", "secret"); process.kill(process.pid, "SIGKILL");`;
  expect(spawnSync(process.execPath, ["--input-type=module", "-e", program]).signal).toBe("SIGKILL");
  const [left] = readdirSync(parent);
  return join(parent, left ?? "");
}

test("what a killed run left is taken away by the next one, its key too", () => {
  const left = killedRun();
  expect(readFileSync(join(left, "key"), "utf8")).toBe("secret");
  const next = scratchDirectory({ RUNNER_TEMP: parent });
  expect(existsSync(left)).toBe(false);
  expect(existsSync(next.path)).toBe(true);
  next.remove();
  expect(readdirSync(parent)).toEqual([]);
});

test("a run that is alive, and whatever is not surely a dead run's, is left alone", () => {
  const alive = scratchDirectory({ RUNNER_TEMP: parent });
  const owner = readFileSync(join(alive.path, "owner"), "utf8");
  const [place = "", pid = "", since = ""] = owner.split(" ");
  mkdirSync(join(parent, "deploy-gate-unknown"));
  mkdirSync(join(parent, "deploy-gate-elsewhere"));
  // Of another machine or container that shares the directory: whether it lives cannot be seen from here.
  writeFileSync(join(parent, "deploy-gate-elsewhere", "owner"), `other/${place} ${pid} ${since}`);
  mkdirSync(join(parent, "deploy-gate-reused"));
  // The number is in use again, by a process that began at another moment.
  writeFileSync(join(parent, "deploy-gate-reused", "owner"), `${place} ${pid} ${Number(since) - 5}`);
  const next = scratchDirectory({ RUNNER_TEMP: parent });
  expect(
    readdirSync(parent)
      .filter((name) => !next.path.endsWith(name))
      .toSorted(),
  ).toEqual(["deploy-gate-elsewhere", "deploy-gate-unknown", basename(alive.path)].toSorted());
  next.remove();
  alive.remove();
});
