import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { logLine } from "../src/io/nix.ts";
import {
  bounded,
  describeErrors,
  evaluationWarning,
  lastError,
  machineTrouble,
  nixError,
  plainText,
  toolWarning,
} from "../src/nix-message.ts";
import { nixString } from "../src/nix-string.ts";

const recorded = (version: string, file: string): string => readFileSync(join(import.meta.dirname, "fixtures/nix", version, file), "utf8");
const lines = (version: string, file: string) => recorded(version, file).trim().split("\n").map(logLine);
const versions = ["2.8.0", "2.26.3", "2.34.8"];

test.each(versions)("Nix %s: the message of an evaluation that throws, without its trace", (version) => {
  expect(lines(version, "eval-throw.jsonl").flatMap((line) => nixError(line) ?? [])).toEqual([
    { text: "The option `services.foo' is wrong", options: [] },
  ]);
  expect(lastError(recorded(version, "eval-throw.txt"))).toBe("The option `services.foo' is wrong");
});

test.each(versions)("Nix %s: failed assertions keep their lines", (version) => {
  expect(lastError(recorded(version, "eval-assertion.txt"))).toBe(
    "Failed assertions:\n- The ‘fileSystems’ option does not specify your root file system.\n- You must set the option ‘boot.loader.grub.devices’",
  );
});

test.each(versions)("Nix %s: a trace is a warning of the configuration", (version) => {
  expect(lines(version, "eval-trace.jsonl").flatMap((line) => evaluationWarning(line) ?? [])).toEqual(["foo is deprecated"]);
});

test("an error has its place in the flake, whatever the version calls it", () => {
  const at = (file: unknown, line: unknown = 12, column: unknown = 3) =>
    nixError({ kind: "nix", event: { action: "msg", level: 0, msg: "error: x", raw_msg: "x", file, line, column } })?.position;
  expect(at("/nix/store/0c4yzmjxkzh8v1v1fyp8b3l4vj8d5n1x-source/hosts/web.nix")).toBe("hosts/web.nix:12:3");
  expect(at("/nix/store/0c4yzmjxkzh8v1v1fyp8b3l4vj8d5n1x-source/hosts/web.nix:12:3")).toBe("hosts/web.nix:12:3");
  expect(at("«git+file:///repo?ref=refs/heads/main&rev=abc»/hosts/web.nix:12:3")).toBe("hosts/web.nix:12:3");
  expect(at("//builtin/derivation.nix")).toBeUndefined();
  expect(at("«none»:0", 0, 0)).toBeUndefined();
  expect(at(null, null, null)).toBeUndefined();
});

test("an error names the option that it was found in", () => {
  const msg =
    "error:\n       … while evaluating the option `services.nginx.enable':\n\n       … while calling the 'head' builtin\n\n       error: boom";
  const error = nixError({ kind: "nix", event: { action: "msg", level: 0, msg, raw_msg: "boom" } });
  expect(describeErrors(error === undefined ? [] : [error, error])).toBe("boom\nwhile evaluating the option `services.nginx.enable'");
});

test("what only looks like an error is none", () => {
  for (const event of [
    { action: "msg", level: 1, msg: "x", raw_msg: "x" },
    { action: "msg", level: 0, msg: "(use '--show-trace' to show detailed location information)" },
    { action: "result" },
    {},
  ])
    expect(nixError({ kind: "nix", event })).toBeUndefined();
  expect(nixError({ kind: "text", text: "no error: here" })).toBeUndefined();
  expect(nixError({ kind: "text", text: "error: stack overflow (possible infinite recursion)" })?.text).toBe(
    "stack overflow (possible infinite recursion)",
  );
});

test("warnings: builtins.warn and lib.warn alike, without the noise of renamed options", () => {
  const said = (msg: string) => evaluationWarning({ kind: "nix", event: { action: "msg", level: 1, msg } });
  expect(said("\u001b[35;1mevaluation warning:\u001b[0m old")).toBe("old");
  expect(said("trace: \u001b[1;31mwarning: old\u001b[0m")).toBe("old");
  expect(said("trace: Obsolete option `a' is used. It was renamed to `b'.")).toBeUndefined();
  expect(said("warning: unknown setting 'x'")).toBeUndefined();
  expect(toolWarning({ kind: "nix", event: { action: "msg", level: 1, msg: "\u001b[35;1mwarning:\u001b[0m unknown setting 'x'" } })).toBe(
    "unknown setting 'x'",
  );
  expect(said(`trace: ${"x".repeat(100_000)}`)?.length).toBeLessThanOrEqual(1000);
});

test("texts lose what drives a terminal and are bounded", () => {
  expect(plainText("a\u001b[31mb\u001b]0;title\u0007c\rd\u0008e\u009b1mf\ng\th")).not.toMatch(/[^\x20-\x7e\n\t]/);
  const long = bounded("x".repeat(10_000), 100);
  expect(long.length).toBeLessThanOrEqual(110);
  expect(
    nixError({ kind: "nix", event: { action: "msg", level: 0, msg: "x".repeat(1e6), raw_msg: "y".repeat(1e6) } })?.text.length,
  ).toBeLessThan(4100);
});

test("a machine's trouble is told from a flake's", () => {
  expect(machineTrouble("writing to file: No space left on device")).toBe("disk");
  expect(machineTrouble('creating directory "/nix/store": Read-only file system')).toBe("store");
  expect(machineTrouble("opening lock file '/nix/var/nix/db/big-lock': Permission denied")).toBe("store");
  expect(machineTrouble("opening file '/home/me/x': Permission denied")).toBeUndefined();
});

test.each([
  ["plain", '"plain"'],
  ['a"b', String.raw`"a\"b"`],
  ["a\\", String.raw`"a\\"`],
  ["${x}", String.raw`"\${x}"`],
  ["$${x}", String.raw`"$\${x}"`],
  ["$x", '"$x"'],
  ["a\nb\rc", String.raw`"a\nb\rc"`],
])("%j is the Nix string %s", (text, literal) => {
  expect(nixString(text)).toBe(literal);
});

test("an error of the store's database is told without the SQL that it stood in", () => {
  const text =
    "executing SQLite statement '\ncreate trigger x -- due to `on\n-- delete restrict' on the `reference' column\n': database or disk is full (in '/nix/var/nix/db/db.sqlite')";
  const event = (raw: string) => ({ kind: "nix", event: { action: "msg", level: 0, msg: `error: ${raw}`, raw_msg: raw } }) as const;
  expect(nixError(event(text))?.text).toBe("SQLite: database or disk is full (in '/nix/var/nix/db/db.sqlite')");
  expect(nixError(event("executing SQLite statement '"))?.text).toBe("executing SQLite statement '");
});

test.each([
  ["remounting /nix/store writable: Operation not permitted", "store"],
  ["SQLite: database or disk is full (in '/nix/var/nix/db/db.sqlite')", "disk"],
  ["attribute 'x' missing", undefined],
])("%s: the machine is at fault: %s", (text, expected) => expect(machineTrouble(text)).toBe(expected));

test("a warning of Nix is told once it says something to the operator", () => {
  const warning = (msg: string) => toolWarning({ kind: "nix", event: { action: "msg", level: 1, msg } });
  expect(warning("warning: error: unable to download 'http://x/nix-cache-info': Couldn't connect to server (7); retrying in 270 ms")).toBe(
    "unable to download 'http://x/nix-cache-info': Couldn't connect to server (7); retrying in 270 ms",
  );
  for (const own of [
    "warning: you did not specify '--add-root'; the result might be removed by the garbage collector",
    "warning: error: SQLite database '/nix/var/nix/db/db.sqlite' is busy",
  ])
    expect(warning(own)).toBeUndefined();
});
