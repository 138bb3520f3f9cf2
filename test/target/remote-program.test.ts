import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { remoteInput, rootCommand, sudoCommand } from "../../src/target/remote-program.ts";

test.each([
  ["root", rootCommand],
  ["a user with sudo", sudoCommand],
])("the command for %s is one that every login shell reads alike", (_, command) => {
  // One word between single quotes, in which no shell finds anything: no quote, no backslash (fish), no "!" (csh), no line's end (csh, nushell).
  expect(command).toMatch(/^exec (?:sudo -n -- )?\/bin\/sh -c '[^'\\!\n\r\t]+'$/);
});

test("what is sent is framed by bytes, not by characters", () => {
  const nonce = "0123456789abcdef0123456789abcdef";
  const text = remoteInput({ nonce, limitSeconds: 1.5, program: "put é", arguments: ["", "a\nb\n"] })?.toString("utf8") ?? "";
  expect(text.endsWith(`\n${nonce}\n2\n2\n6\nput é0\n4\na\nb\n${nonce}\n`)).toBe(true);
  const [, length = ""] = /^(\d+)\n/.exec(text) ?? [];
  expect(text.slice(length.length + 1 + Number(length), -1).startsWith(nonce)).toBe(true);
});

test("a NUL byte is refused wherever it stands", () => {
  const input = { nonce: "0".repeat(32), limitSeconds: 1, program: "true", arguments: ["a"] };
  expect(remoteInput({ ...input, program: "a\0" })).toBeUndefined();
  expect(remoteInput({ ...input, arguments: ["a", "\0"] })).toBeUndefined();
});

test("a program that arrives in part does not begin", () => {
  const nonce = "0123456789abcdef0123456789abcdef";
  const input =
    remoteInput({ nonce, limitSeconds: 5, program: "put began 1; echo began >&2", arguments: ["one\n", "two"] }) ?? Buffer.alloc(0);
  // In a session of its own, as sshd gives one.
  const run = (bytes: Uint8Array) =>
    spawnSync("setsid", ["--wait", "sh", "-c", rootCommand], { input: bytes, encoding: "utf8", timeout: 20_000 });
  const behind = input.indexOf(`${nonce}\n5\n2\n`);
  const cuts = [
    0,
    2,
    100,
    behind - 1,
    behind,
    behind + 33,
    ...Array.from({ length: input.length - behind - 36 }, (_, index) => behind + 36 + index),
  ];
  for (const cut of cuts) {
    const { status, stdout, stderr } = run(input.subarray(0, cut));
    expect([cut, status, stdout, stderr.includes("began")]).toEqual([cut, 125, "", false]);
  }
}, 60_000);
