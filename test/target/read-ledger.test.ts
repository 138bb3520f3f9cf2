import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { asciiJson } from "../../src/target/ascii-json.ts";
import { ledgerFunctions } from "../../src/target/ledger-program.ts";
import { interrupted, readLedger, rebootSeconds, useOfDigest } from "../../src/target/read-ledger.ts";

const to = "/nix/store/00000000000000000000000000000000-nixos-system-web-26.05";
const digest = (n: string): string => n.repeat(32);
const started = (id: string, of: string, bootId = "boot-1"): string =>
  asciiJson({ v: 1, event: "started", at: 1, bootId, attempt: { id, host: "web", digest: of, operation: "switch", from: {}, to } });
const ended = (id: string, outcome = "deployed"): string =>
  asciiJson({ v: 1, event: "ended", at: 2, id, outcome, reason: "confirmed", exit: 0 });

test("one line that is not ours makes all of it unreadable and is named", () => {
  expect(readLedger([started("attempt-1", digest("a")), "", ended("attempt-1")])).toMatchObject({ ok: true, entries: { length: 2 } });
  for (const line of [
    "{",
    "null",
    "[]",
    "{}",
    ended("attempt-1").replace('"v":1', '"v":2'),
    ended("attempt-1", "splendid"),
    `${ended("attempt-1")}x`,
  ])
    expect(readLedger([started("attempt-1", digest("a")), line])).toEqual({ ok: false, line: 2 });
});

test("a digest is spent by its first attempt, however that ended", () => {
  const read = readLedger([
    started("attempt-1", digest("a")),
    ended("attempt-1", "rolled-back"),
    started("attempt-2", digest("b")),
    asciiJson({ v: 1, event: "rejected", at: 3, digest: digest("c"), by: "zoë" }),
    asciiJson({ v: 1, event: "rebooted", at: 4, id: "attempt-1", seconds: 40, ok: true }),
    asciiJson({ v: 1, event: "rebooted", at: 5, id: "attempt-1", seconds: 900, ok: false }),
  ]);
  if (!read.ok) throw new Error("unreadable");
  const use = (n: string): string => useOfDigest(read.entries, digest(n));
  expect([use("a"), use("b"), use("c"), use("d")]).toEqual(["spent", "started", "rejected", "unknown"]);
  expect(interrupted(read.entries, "boot-1")).toEqual([]);
  expect(interrupted(read.entries, "boot-2")).toEqual(["attempt-2"]);
  expect(rebootSeconds(read.entries)).toEqual([40]);
});

// ---- the writing half, by two shells
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ledger-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));
const program = (): string => `${ledgerFunctions.replace("/var/lib/nixos-deploy-gate", directory)}\nset -u\nappend_ledger "$1"`;
const append = (shell: string, line: string): void => {
  execFileSync(shell, ["-c", program(), "sh", line], { stdio: ["ignore", "pipe", "pipe"] });
};

test.each(["dash", "bash"])("%s adds whole lines, whatever the last writer or an editor left", (shell) => {
  const ledger = join(directory, "ledger.jsonl");
  const odd = asciiJson({ by: "$(id) `id` \\n %s \"'\n\u2028é", n: 1 });
  append(shell, odd);
  append(shell, ended("attempt-1"));
  expect(readFileSync(ledger, "utf8")).toBe(`${odd}\n${ended("attempt-1")}\n`);
  writeFileSync(ledger, ended("attempt-1"));
  append(shell, ended("attempt-2"));
  expect(readLedger(readFileSync(ledger, "utf8").split("\n"))).toMatchObject({ ok: true, entries: { length: 2 } });
});

test("many writers at once lose nothing, and the ledger is bounded", async () => {
  const ledger = join(directory, "ledger.jsonl");
  writeFileSync(ledger, `${ended("attempt-0")}\n`.repeat(4_500));
  await Promise.all(Array.from({ length: 12 }, (_, n) => promisify(execFile)("dash", ["-c", program(), "sh", ended(`attempt-${n + 1}`)])));
  const lines = readFileSync(ledger, "utf8").trim().split("\n");
  expect(lines.length).toBeLessThan(4_100);
  for (let n = 1; n <= 12; n += 1) expect(lines).toContain(ended(`attempt-${n}`));
});
