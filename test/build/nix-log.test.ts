import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { buildError } from "../../src/build/build-error.ts";
import { BuildLog, type BuildEvent } from "../../src/build/nix-log.ts";
import { logLine } from "../../src/io/nix.ts";

const follow = (log: BuildLog, text: string): BuildEvent[] =>
  text
    .trim()
    .split("\n")
    .flatMap((line) => log.add(logLine(line)) ?? []);
const drv = (name: string) => expect.stringMatching(new RegExp(`^/nix/store/[0-9a-z]{32}-${name}\\.drv$`));

test.each(["2.8.0", "2.26.3", "2.34.8"])("Nix %s: follows a build that fails", (version) => {
  const log = new BuildLog();
  const events = follow(log, readFileSync(join(import.meta.dirname, "../fixtures/nix", version, "build-failed.jsonl"), "utf8"));
  expect(events.filter((event) => event.kind !== "failed")).toEqual([
    { kind: "started", derivation: drv("foo-1.0") },
    { kind: "line", derivation: drv("foo-1.0"), text: "line one" },
    { kind: "line", derivation: drv("foo-1.0"), text: "compiling foo.c" },
    { kind: "line", derivation: drv("foo-1.0"), text: "foo.c:12: error: boom" },
    { kind: "finished", derivation: drv("foo-1.0") },
  ]);
  const errors = events.flatMap((event) => (event.kind === "failed" ? [event.error] : []));
  expect(errors).toMatchObject([
    { kind: "builder", derivation: drv("foo-1.0"), reason: "builder failed with exit code 3" },
    { kind: "dependency", derivation: drv("etc") },
    { kind: "dependency", derivation: drv("nixos-system-broken-24.05.test") },
  ]);
  expect(log.lines(errors[0]?.derivation ?? "")).toEqual(["line one", "compiling foo.c", "foo.c:12: error: boom"]);
  expect(log.running()).toEqual([]);
});

const x = "/nix/store/0c4yzmjxkzh8v1v1fyp8b3l4vj8d5n1x-x.drv";

test("passes over activities that it never saw begin, and numbers that it does not know", () => {
  const log = new BuildLog();
  for (const event of [
    { action: "stop", id: 1 },
    { action: "result", id: 1, type: 101, fields: ["lost"] },
    { action: "start", id: 2, type: 113, fields: ["/nix/store/x"] },
    { action: "start", id: 3, type: 105 },
    { action: "start", id: 4, type: 105, fields: [7] },
    { action: "start", id: "5", type: 105, fields: [x] },
    { action: "result", id: 2, type: 110, fields: ["{}"], sid: "f3" },
    { action: "result", id: 2, type: 109, fields: [1, 2] },
    { action: 7 },
    {},
  ])
    expect(log.add({ kind: "nix", event })).toBeUndefined();
  expect(log.add({ kind: "text", text: "Warning: Permanently added 'builder' to the list of known hosts." })).toBeUndefined();
  expect(log.running()).toEqual([]);
});

test("keeps the last 25 lines, each bounded and without control sequences", () => {
  const log = new BuildLog();
  log.add({ kind: "nix", event: { action: "start", id: 1, type: 105, fields: [x, "", 1, 1] } });
  for (let i = 0; i < 100; i++)
    log.add({ kind: "nix", event: { action: "result", id: 1, type: 101, fields: [`\u001b[31m${i} ${"y".repeat(10_000)}`] } });
  const kept = log.lines(x);
  expect(kept).toHaveLength(25);
  expect(kept[0]).toMatch(/^75 y/);
  expect(Math.max(...kept.map((line) => line.length))).toBeLessThan(520);
});

test("a time-out that names nothing is that of the only build, or of the one that just ended", () => {
  const log = new BuildLog();
  log.add({ kind: "nix", event: { action: "start", id: 1, type: 105, fields: [x] } });
  const timedOut = {
    kind: "nix",
    event: { action: "msg", level: 0, msg: "error: timed out after 1 seconds", raw_msg: "timed out after 1 seconds" },
  } as const;
  expect(log.add(timedOut)).toMatchObject({ error: { kind: "timeout", derivation: x } });
  log.add({ kind: "nix", event: { action: "stop", id: 1 } });
  expect(log.add(timedOut)).toMatchObject({ error: { kind: "timeout", derivation: x } });
});

test.each([
  // Up to 2.33, and Lix.
  [`builder for '${x}' failed with exit code 3`, { kind: "builder", derivation: x, reason: "builder failed with exit code 3" }],
  [
    `builder for '${x}' failed due to signal 9 (Killed)`,
    { kind: "builder", derivation: x, reason: "builder failed due to signal 9 (Killed)" },
  ],
  [`1 dependencies of derivation '${x}' failed to build`, { kind: "dependency", derivation: x }],
  [
    `a 'aarch64-linux' with features {kvm} is required to build '${x}', but I am a 'x86_64-linux' with features {kvm}`,
    { kind: "platform", derivation: x, platform: "aarch64-linux" },
  ],
  [
    `building of '${x}!out' from .drv file timed out after 1 seconds`,
    { kind: "timeout", derivation: x, reason: "timed out after 1 seconds" },
  ],
  [`build of '${x}', '${x}' failed`, { kind: "dependency" }],
  // From 2.34 on, and Determinate Nix.
  [
    `Cannot build '${x}'.\nReason: builder failed with exit code 3.\nOutput paths:\n  /nix/store/x`,
    { kind: "builder", derivation: x, reason: "builder failed with exit code 3" },
  ],
  [`Cannot build '${x}'.\nReason: 2 dependencies failed.\nOutput paths:\n  /nix/store/x`, { kind: "dependency", derivation: x }],
  [
    `Cannot build '${x}'.\nReason: platform mismatch\nRequired system: 'aarch64-linux'\nCurrent system: 'x86_64-linux'`,
    { kind: "platform", derivation: x, platform: "aarch64-linux" },
  ],
  // On a builder elsewhere.
  [`build of '${x}' on 'ssh-ng://builder' failed: builder for '${x}' failed with exit code 1`, { kind: "builder", derivation: x }],
  [
    `Failed to find a machine for remote build!\nderivation: x.drv\nrequired (system, features): (aarch64-linux, [])`,
    { kind: "platform", platform: "aarch64-linux" },
  ],
  // The same everywhere.
  [
    `hash mismatch in fixed-output derivation '${x}':\n  specified: sha256-A=\n     got:    sha256-B=`,
    { kind: "hash", derivation: x, reason: "specified sha256-A=, got sha256-B=" },
  ],
  ["writing to file: No space left on device", { kind: "disk" }],
  ["cannot connect to socket at '/nix/var/nix/daemon-socket/socket': Connection refused", { kind: "store" }],
  [`output '/nix/store/x' is not allowed to refer to the following paths: ${x}`, { kind: "other" }],
])("reads %j", (text, expected) => {
  expect(buildError(text)).toMatchObject(expected);
});

test("a download is told where it ends, so that a run whose time is up can say what it waited for", () => {
  const log = new BuildLog();
  const url = "https://cache.example.org/nix-cache-info";
  expect(log.add({ kind: "nix", event: { action: "start", id: 1, type: 101, fields: [url] } })).toBeUndefined();
  expect(log.add({ kind: "nix", event: { action: "result", id: 1, type: 105, fields: [0, 0, 0, 0] } })).toBeUndefined();
  expect(log.add({ kind: "nix", event: { action: "stop", id: 1 } })).toEqual({ kind: "fetched", url });
  expect(log.add({ kind: "nix", event: { action: "stop", id: 1 } })).toBeUndefined();
  expect(log.running()).toEqual([]);
});

/** As Nix 2.8, 2.26 and 2.34 say it of a builder whose port is closed; ssh's line stands before it. */
test.each([
  "cannot build on 'ssh-ng://root@b': \u001b[31;1merror:\u001b[0m cannot open connection to remote store 'ssh-ng://root@b': error: unexpected end-of-file",
  "cannot build on 'ssh-ng://root@b': \u001b[31;1merror:\u001b[0m failed to start SSH connection to 'root@b'",
  "cannot build on 'ssh-ng://root@b': \u001b[31;1merror:\u001b[0m failed to start SSH connection to 'b'",
])("a builder that cannot be used is named with what ssh says: %s", (msg) => {
  const log = new BuildLog();
  expect(log.add({ kind: "text", text: "ssh: connect to host b port 22: Connection refused" })).toBeUndefined();
  const lost = { machine: "ssh-ng://root@b", reason: "connect to host b port 22: Connection refused" };
  expect(log.add({ kind: "nix", event: { action: "msg", level: 0, msg } })).toEqual({ kind: "builder-lost", ...lost });
  // Without a word of ssh's own, Nix's counts.
  expect(log.add({ kind: "nix", event: { action: "msg", level: 0, msg: "cannot build on 'ssh://c': error: no Nix there" } })).toMatchObject(
    {
      machine: "ssh://c",
      reason: "no Nix there",
    },
  );
  expect(log.lost()).toEqual([lost, { machine: "ssh://c", reason: "no Nix there" }]);
});

test("a build on another machine names it", () => {
  const log = new BuildLog();
  expect(log.add({ kind: "nix", event: { action: "start", id: 1, type: 105, fields: [x, "ssh-ng://root@b", 1, 1] } })).toEqual({
    kind: "started",
    derivation: x,
    machine: "ssh-ng://root@b",
  });
});

test.each([
  "unable to start any build; remote machines may not have all required system features.\nhttps://nixos.org/manual",
  "\n   Unable to start any build;\n   remote machines may not have all required system features.",
  `Cannot build '${x}'.\nReason: local builds are disabled (max-jobs = 0)\nHint: set 'max-jobs' to a non-zero value`,
])("no machine may build: %s", (text) => expect(buildError(text).kind).toBe("nowhere"));
