import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { build, type Built, type BuildRequest } from "../../src/build/build.ts";
import type { Evaluation } from "../../src/build/evaluate.ts";
import { evaluateSides } from "../../src/build/sides.ts";
import { GcRoots, keepFromCollection } from "../../src/build/gc-root.ts";
import type { Side } from "../../src/build/sides.ts";
import { HostName } from "../../src/discover/host.ts";
import { systemClock } from "../../src/io/clock.ts";
import { nixPort } from "../../src/io/nix.ts";
import type { CommandResult, Nix, NixRun, Result } from "../../src/io/ports.ts";
import { storeFiles } from "../../src/io/store-files.ts";
import { recordingLog } from "../nix/recording-log.ts";
import { fleet } from "../nix/repository.ts";
import { nixVersions } from "../nix/versions.ts";

const scratch = mkdtempSync(join(tmpdir(), "build-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const buildable = [
  "broken",
  "broken-toplevel",
  "foreign",
  "full",
  "full-disk",
  "minimal",
  "not-nixos",
  "plain",
  "shared-a",
  "shared-b",
  "silent",
  "wrong-hash",
];

/** Where the links in a directory lead. */
const linked = (directory: string): string[] =>
  readdirSync(directory)
    .map((name) => realpathSync(join(directory, name)))
    .toSorted();

/** Processes whose command line has this word. */
function running(word: string): string[] {
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(word);
      } catch {
        return false;
      }
    });
}

describe.each(nixVersions())("on Nix $version", ({ path, version }) => {
  const flake = fleet(join(scratch, `fleet-${version}`), `${version} ${scratch}`);
  const port = (signal?: AbortSignal): Nix =>
    nixPort({
      environment: { ...process.env, PATH: path },
      scratch: join(scratch, version),
      graceSeconds: 2,
      ...(signal === undefined ? {} : { signal }),
    });
  const evaluated = async (hosts: readonly string[]): Promise<Evaluation[]> => {
    const wanted = hosts.map((host) => HostName.parse(host));
    const options = { nix: port(), log: recordingLog(), jobs: 2, timeoutSeconds: 120 };
    const { after } = await evaluateSides(wanted, undefined, { flake, trust: "unreviewed", hosts: wanted }, options);
    return [...after.values()].map((result) => (result.ok ? result.value : expect.unreachable(JSON.stringify(result))));
  };
  const run = async (
    requests: readonly BuildRequest[],
    nix = port(),
    timeoutSeconds = 120,
    log = recordingLog(),
    roots = new GcRoots(join(scratch, version, "other-roots")),
  ): Promise<Map<string, Result<Built>>> =>
    build(requests, {
      nix,
      trust: "unreviewed",
      files: storeFiles(),
      log,
      clock: systemClock,
      timeoutSeconds,
      roots,
    });

  test("builds what can be built and says of each other host why not", async () => {
    const requests = await evaluated(buildable);
    const log = recordingLog();
    const found = await run(requests, port(), 120, log);
    expect(found.size).toBe(requests.length);
    const of = (host: string): Result<Built> | undefined => found.get(requests.find((request) => request.host === host)?.drvPath ?? "");
    for (const host of ["full", "minimal", "plain"]) {
      expect(of(host)).toEqual({ ok: true, value: { toplevel: requests.find((request) => request.host === host)?.outPath } });
    }
    const failed = (code: string, derivation: string, detail: unknown) => ({
      ok: false,
      failure: { code, message: expect.stringContaining(derivation), detail },
    });
    expect(of("broken")).toMatchObject(
      failed("build-failed", "broken-1.0", "builder failed with exit code 2\nline 1\nline 2\nline 3\nld: cannot find -lfoo"),
    );
    expect(of("broken")).toMatchObject({
      failure: { next: expect.stringMatching(/^nix log \/nix\/store\/[0-9a-z]{32}-broken-1\.0\.drv$/) },
    });
    expect(of("broken-toplevel")).toMatchObject(
      failed("build-failed", "nixos-system-broken-toplevel-26.05", "builder failed with exit code 7\nno room for grub"),
    );
    const shared = failed("build-failed", "shared-1.0", "builder failed with exit code 3\ncompiling\nshared.c:12: error: boom");
    expect(of("shared-a")).toMatchObject(shared);
    expect(of("shared-b")).toMatchObject(shared);
    expect(of("foreign")).toMatchObject(failed("build-platform", "aarch64-linux", "it needs aarch64-linux"));
    expect(of("wrong-hash")).toMatchObject(
      failed("build-hash-mismatch", "source-1.tar", expect.stringMatching(/^specified sha256-A+=, got sha256-\S+$/)),
    );
    expect(of("full-disk")).toMatchObject({
      ok: false,
      failure: { code: "disk-full", detail: expect.stringContaining("No space left on device") },
    });
    expect(of("silent")).toMatchObject(failed("build-failed", "silent-1", expect.stringContaining("failed to produce output")));
    expect(of("not-nixos")).toMatchObject({
      ok: false,
      failure: { code: "not-a-nixos-system", message: expect.stringContaining("no nixos-version") },
    });

    const steps = log.events.flatMap((event) => (event.kind === "host" && event.host === "minimal" ? [event.step] : []));
    expect(steps).toEqual(["building"]);
    const ends = log.events.flatMap((event) =>
      event.kind === "build" && /-(?:broken-1\.0|nixos-system-minimal-26\.05)\.drv$/.test(event.derivation) && event.step !== "log"
        ? [event.step]
        : [],
    );
    expect(ends.toSorted()).toEqual(["failed", "finished", "started", "started"]);
    expect(log.events).toContainEqual({
      kind: "build",
      derivation: expect.stringMatching(/-nixos-system-minimal-26\.05\.drv$/),
      step: "log",
      text: "made the system of minimal",
    });
  }, 240_000);

  test("keeps what it built from the garbage collector until the run's directory is gone", async () => {
    const [first, second, bad] = await evaluated(["plain", "full", "broken"]);
    if (first === undefined || second === undefined || bad === undefined) throw new Error("they evaluate");
    const directory = join(scratch, version, "roots");
    mkdirSync(directory);
    const roots = new GcRoots(directory);
    // One is built with all that is asked for; the others are in a build that does not go well, and are rooted afterwards.
    await run([first, first], port(), 120, recordingLog(), roots);
    expect(linked(directory)).toEqual([first.outPath]);
    const mixed = await run([second, bad], port(), 120, recordingLog(), roots);
    expect([...mixed.values()].map((result) => result.ok)).toEqual([true, false]);
    const requests = [first, second];
    const side = (request: Evaluation): Side => ({ kind: "known", evaluation: request, toplevel: request.outPath });
    const sides = requests.map((request) => ({ host: request.host, before: side(request), after: side(request) }));
    const asked: string[] = [];
    const nix = port();
    const counted: Nix = { ...nix, run: async (one) => (asked.push(one.arguments[0] ?? ""), await nix.run(one)) };
    await keepFromCollection(sides, { nix: counted, log: recordingLog(), roots });
    await keepFromCollection(sides, { nix: counted, log: recordingLog(), roots });
    expect(asked).toEqual(["--realise"]);
    expect(linked(directory)).toEqual(requests.map((request) => request.outPath).toSorted());
    for (const request of requests)
      expect(
        execFileSync(join(path.split(":")[0] ?? "", "nix-store"), ["--query", "--roots", request.outPath], {
          encoding: "utf8",
          stdio: ["ignore", "pipe", "ignore"],
        }),
      ).toContain(directory);
  }, 240_000);

  test("stops at its limit and says what was at work", async () => {
    const requests = await evaluated(["slow", "minimal"]);
    const found = await run(requests, port(), 3);
    expect(found.get(requests[1]?.drvPath ?? "")).toMatchObject({ ok: true });
    expect(found.get(requests[0]?.drvPath ?? "")).toMatchObject({
      ok: false,
      failure: { code: "build-timeout", message: expect.stringContaining("slow-1") },
    });
  }, 240_000);

  test("leaves no builder behind when it is cancelled", async () => {
    const stop = new AbortController();
    const requests = await evaluated(["slow"]);
    const log = recordingLog();
    const building = run(requests, port(stop.signal), 120, log);
    building.catch(() => {});
    while (!log.events.some((event) => event.kind === "build" && event.step === "started")) await sleep(20);
    await sleep(300);
    const drvPath = requests[0]?.drvPath ?? "none";
    expect(running(drvPath)).not.toEqual([]);
    stop.abort();
    await expect(building).rejects.toMatchObject({ failure: { code: "cancelled" } });
    expect(running(drvPath)).toEqual([]);
  }, 240_000);
});

const store = "/nix/store/0c4yzmjxkzh8v1v1fyp8b3l4vj8d5n1x";
const request = { host: HostName.parse("a"), drvPath: `${store}-a.drv`, outPath: `${store}-a` };

/** A Nix that answers every command with the same, and tells what it was asked. */
function answering(answer: Partial<CommandResult>, events: readonly Record<string, unknown>[] = []): Nix & { readonly asked: NixRun[] } {
  const asked: NixRun[] = [];
  return {
    asked,
    version: () => Promise.reject(new Error("not asked for")),
    run: (run) => {
      asked.push(run);
      for (const event of events) run.onLog?.({ kind: "nix", event });
      return Promise.resolve({ exitCode: 0, signal: undefined, timedOut: false, stdout: "", stderr: "", ...answer });
    },
  };
}
const options = (nix: Nix) =>
  ({
    nix,
    trust: "unreviewed",
    files: storeFiles(),
    log: recordingLog(),
    clock: { now: () => new Date(0) },
    timeoutSeconds: 10,
    roots: new GcRoots(join(scratch, "roots")),
  }) as const;
const error = (text: string): Record<string, unknown> => ({ action: "msg", level: 0, msg: `error: ${text}`, raw_msg: text });

test("builds nothing for nobody", async () => {
  const nix = answering({});
  expect(await build([], options(nix))).toEqual(new Map());
  expect(nix.asked).toEqual([]);
});

test("an exit code of 0 without the path is not taken for a build", async () => {
  const nix = answering({ exitCode: 0, stdout: `${store}-a\n` });
  // Every command prints the path; as an answer to --check-validity --print-invalid that says it is not valid.
  const found = await build(
    [{ ...request, outPath: `${store}-b` }],
    options(answering({ exitCode: 0, stdout: `${store}-b-of-another\n${store}-b\n` })),
  );
  expect(found.get(request.drvPath)?.ok).toBe(false);
  expect(
    (
      await build(
        [{ ...request, outPath: `${store}-c` }],
        options({ ...nix, run: async (run) => ({ ...(await nix.run(run)), exitCode: 1 }) }),
      )
    ).get(request.drvPath),
  ).toMatchObject({
    failure: { code: "build-not-done" },
  });
});

test.each([
  ["creating directory '/nix/store': Read-only file system", "store-unusable"],
  ["cannot connect to socket at '/nix/var/nix/daemon-socket/socket': Connection refused", "store-unusable"],
  ["writing to file: No space left on device", "disk-full"],
  ["committing transaction: database or disk is full (in '/nix/var/nix/db/db.sqlite')", "disk-full"],
  ["something that was never seen before", "build-not-done"],
])("a Nix that ends with %j fails every host by name", async (text, code) => {
  const found = await build([request], options(answering({ exitCode: 1 }, [error(text)])));
  expect(found.get(request.drvPath)).toMatchObject({ ok: false, failure: { code, detail: expect.stringContaining(text.slice(0, 20)) } });
});

test("warns once of a cache that does not answer", async () => {
  const warning = {
    action: "msg",
    level: 1,
    msg: "\u001b[35;1mwarning:\u001b[0m unable to download 'https://cache.example.org/nix-cache-info': timeout; retrying in 265 ms",
  };
  const given = options(answering({ exitCode: 1 }, [warning, warning]));
  await build([request], given);
  expect(given.log.events.filter((event) => event.kind === "warning")).toEqual([
    { kind: "warning", text: "unable to download 'https://cache.example.org/nix-cache-info': timeout; retrying in 265 ms" },
  ]);
});
