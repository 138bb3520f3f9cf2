import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { GcRoots } from "../../src/build/gc-root.ts";
import { believed } from "../../src/build/believed.ts";
import { build } from "../../src/build/build.ts";
import { HostName } from "../../src/discover/host.ts";
import type { Failure } from "../../src/failure.ts";
import { systemClock } from "../../src/io/clock.ts";
import { nixPort } from "../../src/io/nix.ts";
import type { Nix, NixLogLine } from "../../src/io/ports.ts";
import { storeFiles } from "../../src/io/store-files.ts";
import { recordingLog } from "../nix/recording-log.ts";
import { nixVersions } from "../nix/versions.ts";

/** Builders that speak in Nix's name, against real Nix. */
const scratch = mkdtempSync(join(tmpdir(), "believed-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const tag = scratch.slice(-6).replaceAll(/[^a-zA-Z0-9]/g, "0");

describe.each(nixVersions())("on Nix $version", { timeout: 120_000 }, ({ path, version, directory }) => {
  const name = (what: string): string => `${what}-${tag}-${version.replaceAll(".", "-")}`;
  const real = nixPort({ environment: { ...process.env, PATH: path }, scratch: join(scratch, version) });
  /** As a daemon relays it: no message has more than its text. */
  const throughDaemon: Nix = {
    ...real,
    run: async (run) =>
      await real.run({
        ...run,
        ...(run.onLog === undefined ? {} : { onLog: (line) => run.onLog?.(withoutRaw(line)) }),
      }),
  };

  /** A builder that says so of another one while it is at work, another one that fails or not, and what the gate makes of it. */
  async function failures(
    nix: Nix,
    kind: string,
    { message, liar = "sleep 2; echo done > $out", victim }: { message: string | undefined; liar?: string; victim: string },
  ): Promise<{ liar: Failure | undefined; victim: Failure | undefined }> {
    const quoted = (text: string): string => JSON.stringify(text).replaceAll("$", "\\$");
    const said =
      message === undefined
        ? ""
        : `printf '%s\\n' '@nix ${JSON.stringify({ action: "msg", level: 0, msg: message }).replaceAll("'", `'\\''`)}' >&2; `;
    const expression = `let
      made = name: script: derivation { inherit name; system = "x86_64-linux"; builder = "/bin/sh"; PATH = "/usr/bin:/bin"; args = [ "-c" script ]; };
      victim = made "${name(`victim-${kind}`)}" ${quoted(victim)};
      drv = builtins.unsafeDiscardStringContext victim.drvPath;
      line = builtins.replaceStrings [ "VICTIM" ] [ drv ] ${quoted(said)};
      liar = made "${name(`liar-${kind}`)}" (line + ${quoted(liar)});
    in map (one: { drv = one.drvPath; out = one.outPath; }) [ liar victim ]`;
    const flags = ["--extra-experimental-features", "nix-command"];
    const printed = execFileSync(join(directory, "nix"), ["eval", ...flags, "--json", "--impure", "--expr", expression], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, PATH: path, HOME: scratch },
    });
    const [one, other] = JSON.parse(printed) as [{ drv: string; out: string }, { drv: string; out: string }];
    const requests = [one, other].map(({ drv, out }, n) => ({
      host: HostName.parse(n === 0 ? "liar" : "victim"),
      drvPath: drv,
      outPath: out,
    }));
    const options = {
      nix,
      trust: "deploy-branch",
      files: storeFiles(),
      log: recordingLog(),
      clock: systemClock,
      timeoutSeconds: 60,
      roots: new GcRoots(join(scratch, "roots")),
    } as const;
    const found = await build(requests, options);
    const of = (drv: string): Failure | undefined => {
      const result = found.get(drv);
      return result?.ok === false && result.failure.code !== "not-a-nixos-system" ? result.failure : undefined;
    };
    return { liar: of(one.drv), victim: of(other.drv) };
  }

  const platform = "error: a 'riscv64-linux' with features {} is required to build 'VICTIM', but I am a 'x86_64-linux' with features {}";
  const ways = [
    ["directly", real],
    ["through a daemon", throughDaemon],
  ] as const;

  test.each(ways)("%s: what a builder says of another one chooses neither its code nor its words", async (way, nix) => {
    const { liar, victim } = await failures(nix, `code-${way.length}`, { message: platform, victim: "sleep 1; echo no; exit 3" });
    expect(liar).toBeUndefined();
    expect(victim?.code).toBe("build-failed");
    expect(`${victim?.message}${victim?.detail}`).not.toContain("riscv64");
    expect(victim?.detail).toContain("\nno");
  });

  test.each(ways)("%s: what a builder says of another one makes it no failure", async (way, nix) => {
    const { liar, victim } = await failures(nix, `well-${way.length}`, { message: platform, victim: "sleep 1; echo fine > $out" });
    expect([liar, victim]).toEqual([undefined, undefined]);
  });

  test.each(ways)("%s: nor is a builder's own failure another one's, or the machine's", async (way, nix) => {
    const disk = "error: writing to file: No space left on device";
    const { liar, victim } = await failures(nix, `disk-${way.length}`, {
      message: disk,
      liar: "exit 4",
      victim: "sleep 1; echo no; exit 3",
    });
    expect([liar?.code, victim?.code]).toEqual(["build-failed", "build-failed"]);
  });

  test("through a daemon: a failure beside no such builder keeps Nix's own words", async () => {
    const { victim } = await failures(throughDaemon, "honest", { message: undefined, victim: "exit 3" });
    expect(victim?.message).toMatch(/exit code 3/);
  });
});

function withoutRaw(line: NixLogLine): NixLogLine {
  if (line.kind !== "nix" || line.event["action"] !== "msg") return line;
  const { action, level, msg } = line.event;
  return { kind: "nix", event: { action, level, msg } };
}

test("a builder without a log, and one too many, is one that may have said it", async () => {
  const nix: Pick<Nix, "run"> = {
    run: () => Promise.resolve({ exitCode: 1, signal: undefined, timedOut: false, stdout: "", stderr: "" }),
  };
  const drv = `/nix/store/${"0".repeat(32)}-a.drv`;
  const error = { kind: "hash", derivation: drv, reason: "specified x, got y", during: [drv] } as const;
  expect(await believed([error], new Set([drv]), { nix, trust: "deploy-branch" })).toMatchObject([{ kind: "builder", derivation: drv }]);
  expect(await believed([error], new Set(), { nix, trust: "deploy-branch" })).toEqual([]);
  const { during: _, ...own } = error;
  expect(await believed([own], new Set(), { nix, trust: "deploy-branch" })).toEqual([own]);
});
