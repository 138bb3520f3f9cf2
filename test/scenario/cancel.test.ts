import { randomUUID } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nixVersions } from "../nix/versions.ts";
import { flake, Repository } from "./flake.ts";
import { failureOf, Gate } from "./gate.ts";

let scratch: string;
beforeAll(() => void (scratch = mkdtempSync(join(tmpdir(), "gate-cancel-"))));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function repository(outputs: string): string {
  const repo = new Repository(join(scratch, randomUUID()));
  repo.write({ "flake.nix": flake(outputs) });
  repo.commit();
  return repo.directory;
}

const numbers = "(builtins.genList (x: x) 100000)";
const endless = `nixosConfigurations.a = builtins.seq (builtins.foldl' (a: _: builtins.foldl' builtins.add a ${numbers}) 0 ${numbers}) { };`;
/** Its builder sleeps for a number of seconds that no other process on this machine sleeps for. */
const slow = (seconds: string): string =>
  `nixosConfigurations.a = system { name = "${randomUUID()}"; more = "ln -s \${derivation { name = "slow-1.0"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "PATH=/usr/bin:/bin; sleep ${seconds}; echo > $out" ]; }} slow"; };`;
const unique = (): string => `86400.${Math.floor(Math.random() * 1e9)}`;

const cancelled = { code: 4, signal: null, left: [], running: [] };

describe.each(nixVersions())("Nix $version", { timeout: 120_000, concurrent: true }, ({ path }) => {
  test("SIGINT while a host is evaluated: Nix ends and nothing is left", async () => {
    const gate = new Gate(["plan", "--json"], { directory: repository(endless), path });
    await gate.says(/evaluating 1 host/);
    await gate.runs(/config\.system\.build\.toplevel/);
    gate.kill("SIGINT");
    const end = await gate.ended();
    expect(end, end.stderr).toMatchObject(cancelled);
    expect(failureOf(end.stderr)?.code).toBe("cancelled");
    expect(end.stdout).toBe("");
  });

  test("SIGTERM while a builder works: it ends as well", async () => {
    const seconds = unique();
    const gate = new Gate(["plan", "--json"], { directory: repository(slow(seconds)), path });
    await gate.runs(new RegExp(`^sleep ${seconds.replace(".", "\\.")}`));
    gate.kill("SIGTERM");
    const end = await gate.ended();
    expect(end, end.stderr).toMatchObject(cancelled);
    expect(end.stderr).toContain("slow-1.0 is being built");
    expect(failureOf(end.stderr)?.code).toBe("cancelled");
  });
});

test("in a terminal the cursor comes back", { timeout: 60_000 }, async () => {
  const seconds = unique();
  const gate = new Gate(["plan"], { directory: repository(slow(seconds)), terminal: true, environment: { TERM: "xterm" } });
  await gate.runs(new RegExp(`^sleep ${seconds.replace(".", "\\.")}`));
  await gate.says(/slow-1\.0/);
  gate.kill("SIGINT");
  const end = await gate.ended();
  expect(end, end.stdout).toMatchObject(cancelled);
  expect(end.stdout).toContain("\u001b[?25l");
  expect(end.stdout.lastIndexOf("\u001b[?25h")).toBeGreaterThan(end.stdout.lastIndexOf("\u001b[?25l"));
  expect(end.stdout).toContain("[cancelled]");
  expect(end.stdout).toContain("Stopping in order");
});

test("a terminal that is gone ends the run as a signal does", { timeout: 60_000 }, async () => {
  const seconds = unique();
  const gate = new Gate(["plan"], { directory: repository(slow(seconds)), terminal: true, environment: { TERM: "xterm" } });
  await gate.runs(new RegExp(`^sleep ${seconds.replace(".", "\\.")}`));
  // Its master is closed, and the kernel tells the program.
  gate.child.kill("SIGKILL");
  expect(await gate.ended()).toMatchObject({ left: [], running: [] });
});

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("a second %s ends at once, whatever Nix does", { timeout: 60_000 }, async (signal, code) => {
  const seconds = unique();
  const fake = join(scratch, randomUUID());
  mkdirSync(fake);
  const deaf = `#!/bin/sh\n[ "$1" = --version ] && echo "nix (Nix) 2.30.0" && exit\ntrap "" TERM INT\nwhile :; do sleep ${seconds}; done\n`;
  writeFileSync(join(fake, "nix"), deaf);
  chmodSync(join(fake, "nix"), 0o755);
  const gate = new Gate(["plan"], { directory: repository(endless), path: `${fake}${delimiter}${process.env["PATH"] ?? ""}` });
  await gate.runs(new RegExp(`^sleep ${seconds.replace(".", "\\.")}`));
  gate.kill(signal);
  // Until the first has been heard: Node takes signals one by one, and two of a kind at once may become one.
  await new Promise((done) => setTimeout(done, 300));
  gate.kill(signal);
  expect(await gate.ended()).toMatchObject({ code, left: [], running: [] });
});
