import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { gitPort } from "../../src/io/git.ts";
import { commitChanges, pushProposal, stageChanges } from "../../src/io/proposal-branch.ts";
import type { Git } from "../../src/io/ports.ts";
import { makeWorkingCopy } from "../../src/io/working-copy.ts";
import type { WorkingCopy } from "../../src/proposal/working-copy.ts";
import { repositoryEdit, repositoryRemove, repositoryWrite } from "../../src/tools/repository-edit.ts";
import { repositoryList, repositoryRead, repositorySearch } from "../../src/tools/repository-read.ts";
import { forbiddenPath } from "../../src/proposal/path-rules.ts";
import { Repository } from "../scenario/flake.ts";

let scratch: string;
let repository: Repository;
let base: string;
let git: Git;
const at = new Date("2026-11-22T12:00:00Z");

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "gate-copy-"));
  writeFileSync(join(scratch, "outside"), "a secret\n");
  repository = new Repository(join(scratch, "origin"));
  repository.write({
    "flake.nix": "{ }\n",
    "hosts/web1.nix": "{ services.a.enable = true; }\n",
    "bin/run": "#!/bin/sh\n",
    ".github/workflows/x.yml": "on: push\n",
  });
  symlinkSync(join(scratch, "outside"), join(repository.directory, "link"));
  symlinkSync(scratch, join(repository.directory, "away"));
  execFileSync("chmod", ["+x", join(repository.directory, "bin/run")]);
  base = repository.commit();
  git = gitPort({ environment: process.env, scratch });
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const made = async (): Promise<WorkingCopy> => {
  const place = await git.locate(repository.directory);
  if (place.kind !== "checkout") throw new Error(place.kind);
  return await makeWorkingCopy(git, place.checkout, base, join(scratch, `copy${Math.random()}`));
};
const ports = (copy: WorkingCopy) => ({
  copy,
  forbidden: (path: string) => forbiddenPath(path, { paths: ["**"], directory: "deploy-gate/goals" }),
});

describe("a copy of the repository", () => {
  test("is read and written; the repository itself does not change", async () => {
    const copy = await made();
    expect(copy.list("")).toMatchObject({ ok: true, value: [".github/", "away@", "bin/", "flake.nix", "hosts/", "link@"] });
    expect(copy.read("hosts/web1.nix")).toEqual({ ok: true, value: "{ services.a.enable = true; }\n" });
    expect(copy.write("hosts/new/web2.nix", "{ }\n").ok).toBe(true);
    expect(copy.write("hosts/web1.nix", "{ }\n").ok).toBe(true);
    expect(copy.remove("bin/run").ok).toBe(true);
    expect(copy.changes()).toEqual([
      { path: "bin/run", before: "#!/bin/sh\n", after: undefined },
      { path: "hosts/new/web2.nix", before: undefined, after: "{ }\n" },
      { path: "hosts/web1.nix", before: "{ services.a.enable = true; }\n", after: "{ }\n" },
    ]);
    expect(repository.git("status", "--porcelain")).toBe("");
    expect(existsSync(join(repository.directory, "hosts/new"))).toBe(false);
  });
  test("what was changed back is no change", async () => {
    const copy = await made();
    copy.write("flake.nix", "x");
    copy.write("flake.nix", "{ }\n");
    copy.write("new", "x");
    copy.remove("new");
    expect(copy.changes()).toEqual([]);
  });
  test.each([
    "link",
    "away/outside",
    "away",
    "../outside",
    "/etc/passwd",
    ".git/config",
    "hosts/../../outside",
    "a\u0000b",
    "hosts//web1.nix",
    ".",
  ])("nothing is read or written through %j", async (path) => {
    const copy = await made();
    expect(copy.read(path).ok).toBe(false);
    expect(copy.write(path, "mine\n").ok).toBe(false);
    expect(copy.remove(path).ok).toBe(false);
    expect(readFileSync(join(scratch, "outside"), "utf8")).toBe("a secret\n");
    const found = copy.search("secret", "", 100);
    expect(found.ok && found.value).toEqual([]);
  });
  test("the names behind a link are not told, neither by a listing nor by a search below it", async () => {
    const copy = await made();
    for (const answer of [copy.list("away"), copy.list("away/"), copy.search("secret", "away", 100)])
      expect(answer).toEqual({ ok: false, problem: "it is a symbolic link" });
  });
  test.each([
    ["a NUL", "authorizedKeys.keys = [ ];\n\0"],
    ["half a character", "authorizedKeys.keys = [ ];\n\ud800"],
    ["more than is ever looked at", `authorizedKeys.keys = [ ];\n${"#".repeat(300 * 1024)}`],
  ])("what no check could read is not written: %s", async (_, text) => {
    const copy = await made();
    expect(copy.write("hosts/web1.nix", text)).toMatchObject({ ok: false });
    expect(copy.changes()).toEqual([]);
    expect(copy.read("hosts/web1.nix")).toEqual({ ok: true, value: "{ services.a.enable = true; }\n" });
  });
  test("a file that another put there and no check can read is never told as one that is gone", async () => {
    const copy = await made();
    copy.write("hosts/web1.nix", "{ }\n");
    writeFileSync(join(copy.directory, "hosts/web1.nix"), "authorizedKeys\0");
    expect(() => copy.changes()).toThrow(/hosts\/web1\.nix/);
  });
  test("a file that is no text or far too long is told as that", async () => {
    repository.write({ long: "x".repeat(300 * 1024), binary: "a\0b" });
    base = repository.commit();
    const copy = await made();
    expect(copy.read("long")).toMatchObject({ ok: false, problem: expect.stringContaining("256 KiB") as string });
    expect(copy.read("binary")).toMatchObject({ ok: false, problem: "it is not text" });
    expect(copy.read("hosts")).toMatchObject({ ok: false, problem: "it is a directory" });
    expect(copy.read("nothing")).toMatchObject({ ok: false, problem: "there is no such file" });
  });
});

describe("the tools over it", () => {
  test("read, list, search, edit and remove", async () => {
    const world = ports(await made());
    expect(await repositoryList.ask(world, {})).toMatchObject({ text: expect.stringContaining("hosts/") as string });
    expect(await repositoryRead.ask(world, { path: "hosts/web1.nix" })).toMatchObject({
      text: expect.stringContaining("services.a") as string,
    });
    expect(await repositorySearch.ask(world, { words: "services.a" })).toMatchObject({
      text: "hosts/web1.nix:1: { services.a.enable = true; }",
    });
    expect(await repositoryEdit.ask(world, { path: "hosts/web1.nix", old: "services.a", new: "services.b" })).toMatchObject({
      text: expect.any(String) as string,
    });
    expect(await repositoryRead.ask(world, { path: "hosts/web1.nix" })).toMatchObject({
      text: expect.stringContaining("services.b") as string,
    });
    expect(await repositoryEdit.ask(world, { path: "hosts/web1.nix", old: "e", new: "f" })).toMatchObject({
      refused: expect.stringContaining("times") as string,
    });
    expect(await repositoryEdit.ask(world, { path: "hosts/web1.nix", old: "absent", new: "f" })).toMatchObject({
      refused: expect.any(String) as string,
    });
    expect(await repositoryRemove.ask(world, { path: "bin/run" })).toMatchObject({ text: expect.any(String) as string });
  });
  test("refuse what no session may change, by whichever tool", async () => {
    const copy = await made();
    const path = ".github/workflows/x.yml";
    for (const answer of [
      await repositoryWrite.ask(ports(copy), { path, text: "on: pull_request_target" }),
      await repositoryEdit.ask(ports(copy), { path, old: "push", new: "pull_request_target" }),
      await repositoryRemove.ask(ports(copy), { path }),
      await repositoryWrite.ask(ports(copy), { path: "CLAUDE.md", text: "obey" }),
    ])
      expect(answer).toMatchObject({ refused: expect.stringContaining("not for a session to change") as string });
    expect(copy.changes()).toEqual([]);
    expect(await repositoryWrite.ask(ports(copy), { path: "a", text: "x", mode: "755" })).toMatchObject({
      refused: expect.any(String) as string,
    });
  });
});

describe("the branch of a proposal", () => {
  const branch = "deploy-gate/intent-0123456789abcdef";
  const proposed = async (text: string): Promise<{ copy: WorkingCopy; commit: string }> => {
    const copy = await made();
    copy.write("hosts/web1.nix", text);
    copy.write("hosts/web2.nix", text);
    await stageChanges(git, copy);
    return { copy, commit: await commitChanges(git, copy, "Add a service\n\nBecause.\n", at) };
  };
  const push = async ({ copy, commit }: { copy: WorkingCopy; commit: string }) =>
    await pushProposal(git, copy, commit, branch, { url: repository.directory });

  test("holds one commit of the gate's own on the base, executables and links as they were", async () => {
    const first = await proposed("{ }\n");
    expect(await push(first)).toEqual({ ok: true, kind: "pushed" });
    expect(repository.git("log", "--format=%an <%ae> %s", `${base}..${branch}`)).toBe("nixos-deploy-gate <gate@localhost> Add a service");
    expect(repository.git("diff", "--name-status", base, branch).split("\n")).toEqual(["M\thosts/web1.nix", "A\thosts/web2.nix"]);
    expect(await push(await proposed("{ }\n"))).toEqual({ ok: true, kind: "unchanged" });
    expect(await push(await proposed("{ x = 1; }\n"))).toEqual({ ok: true, kind: "pushed" });
    expect(repository.git("rev-list", "--count", `${base}..${branch}`)).toBe("1");
  });
  test("on which a person has worked is left alone", async () => {
    await push(await proposed("{ }\n"));
    repository.git("checkout", "--quiet", branch);
    repository.write({ "hosts/web1.nix": "{ mine = true; }\n" });
    const theirs = repository.commit("My own");
    repository.git("checkout", "--quiet", "main");
    expect(await push(await proposed("{ y = 1; }\n"))).toMatchObject({ ok: false, failure: { code: "proposal-not-pushed" } });
    expect(repository.git("rev-parse", branch)).toBe(theirs);
  });
  test("a repository that is not there is a failure with a code", async () => {
    const { copy, commit } = await proposed("{ }\n");
    expect(await pushProposal(git, copy, commit, branch, { url: join(scratch, "nowhere") })).toMatchObject({
      ok: false,
      failure: { code: "proposal-not-pushed" },
    });
  });
});
