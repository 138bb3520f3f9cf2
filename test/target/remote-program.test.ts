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
