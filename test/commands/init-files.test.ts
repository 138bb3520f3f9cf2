import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { replaceText, writeNew } from "../../src/commands/init-files.ts";

let scratch: string;
let root: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "gate-init-files-"));
  root = join(scratch, "repository");
  mkdirSync(root);
  mkdirSync(join(scratch, "outside"));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

test("a file is made with the directories above it", () => {
  writeNew(root, ".github/workflows/deploy.yml", "on: push\n");
  expect(readFileSync(join(root, ".github/workflows/deploy.yml"), "utf8")).toBe("on: push\n");
  expect(() => writeNew(root, ".github/workflows/deploy.yml", "other")).toThrow(/deploy\.yml/);
});

test("a link in a stranger's repository leads to nothing outside of it, not even to a directory", () => {
  symlinkSync(join(scratch, "outside"), join(root, ".github"));
  expect(() => writeNew(root, ".github/workflows/deploy.yml", "on: push\n")).toThrow(/deploy\.yml/);
  expect(readdirSync(join(scratch, "outside"))).toEqual([]);
  symlinkSync(join(scratch, "made-by-nobody"), join(root, "hanging"));
  expect(() => writeNew(root, "hanging/deploy.yml", "on: push\n")).toThrow(/deploy\.yml/);
  expect(existsSync(join(scratch, "made-by-nobody"))).toBe(false);
});

test("a text takes the place of the one that was read, and of no other", () => {
  const place = join(root, "flake.nix");
  writeFileSync(place, "old\n");
  expect(() => replaceText(root, "flake.nix", "another\n", "new\n")).toThrow(/flake\.nix/);
  expect(readFileSync(place, "utf8")).toBe("old\n");
  replaceText(root, "flake.nix", "old\n", "new\n");
  expect(readFileSync(place, "utf8")).toBe("new\n");
  expect(readdirSync(root)).toEqual(["flake.nix"]);
});

test("what stands where the new text is written first is somebody's, and stays", () => {
  writeFileSync(join(root, "flake.nix"), "old\n");
  symlinkSync("elsewhere", join(root, "flake.nix.deploy-gate-new"));
  expect(() => replaceText(root, "flake.nix", "old\n", "new\n")).toThrow(/flake\.nix/);
  expect(lstatSync(join(root, "flake.nix.deploy-gate-new")).isSymbolicLink()).toBe(true);
});
