import { cpSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openSources } from "../../src/discover/open-sources.ts";
import type { SourceEvent, Sources } from "../../src/discover/source.ts";
import { gitPort } from "../../src/io/git.ts";
import { commit, fingerprint, git, world, write } from "./checkout.ts";

let here: ReturnType<typeof world>;
beforeEach(() => {
  here = world();
});
afterEach(() => here.remove());

const open = (flake = ".", event: SourceEvent = { kind: "shell" }, directory = here.checkout): Promise<Sources> =>
  openSources({ flake, directory, scratch: here.scratch, event }, here.port);
const show = (rev: string | undefined, path: string): string => git(join(here.scratch, "repo"), "show", `${rev}:${path}`);
const code = async (promise: Promise<unknown>): Promise<string> =>
  await promise.then(
    () => "no failure",
    (error: { failure?: { code: string; message: string } }) =>
      error.failure === undefined ? JSON.stringify(error) : `${error.failure.code}: ${error.failure.message}`,
  );

describe("a working tree", () => {
  test("is taken as Nix sees it: changes, staged new files, deletions; not what git does not track", async () => {
    commit(here.checkout, { "gone.nix": "x", "a.nix": "1\n" });
    write(here.checkout, { "a.nix": "2\n", "staged.nix": "s", "new.nix": "n", "untracked.nix": "u" });
    git(here.checkout, "add", "staged.nix");
    git(here.checkout, "add", "--intent-to-add", "new.nix");
    rmSync(join(here.checkout, "gone.nix"));
    const { head, base } = await open();
    expect(head.dirty).toBe(true);
    expect(git(join(here.scratch, "repo"), "ls-tree", "-r", "--name-only", head.rev ?? "").split("\n")).toEqual([
      "a.nix",
      "flake.nix",
      "new.nix",
      "staged.nix",
    ]);
    expect(show(head.rev, "a.nix")).toBe("2");
    expect(base?.rev).toBe(git(here.checkout, "rev-parse", "HEAD"));
    expect(head.url).toBe(`git+${pathToFileURL(join(here.scratch, "repo")).href}?rev=${head.rev}`);
  });

  test("without changes is the commit itself", async () => {
    const second = commit(here.checkout, { "a.nix": "2\n" });
    const { head, base } = await open();
    expect([head.rev, head.dirty, base?.rev]).toEqual([second, false, here.first]);
  });

  test("leaves every byte of the checkout alone, even where the index is stale", async () => {
    commit(here.checkout, { "b.nix": "b" });
    write(here.checkout, { "a.nix": "changed" });
    // Git would refresh the index for this file if it could write there.
    utimesSync(join(here.checkout, "b.nix"), 1, 1);
    const before = fingerprint(here.checkout);
    await open();
    expect(fingerprint(here.checkout)).toBe(before);
  });

  test("runs no filter, hook or monitor that the checkout's configuration names", async () => {
    const trap = join(here.root, "trapped");
    write(here.checkout, { ".gitattributes": "*.nix filter=evil diff=evil\n* text=auto eol=crlf\n" });
    for (const key of ["filter.evil.clean", "filter.evil.smudge", "core.fsmonitor", "diff.evil.textconv", "core.sshCommand"])
      git(here.checkout, "config", key, `touch '${trap}'; cat`);
    git(here.checkout, "config", "core.hooksPath", here.root);
    for (const hook of ["post-checkout", "pre-commit", "post-index-change", "reference-transaction"])
      writeFileSync(join(here.root, hook), `#!/bin/sh\ntouch '${trap}'\n`, { mode: 0o755 });
    write(here.checkout, { "a.nix": "one\r\ntwo\r\n" });
    const { head } = await open();
    expect(git(join(here.scratch, "repo"), "cat-file", "blob", `${head.rev}:a.nix`)).toBe("one\r\ntwo");
    expect(() => cpSync(trap, `${trap}.copy`)).toThrow();
  });

  test("before the first commit is staged files, and there is nothing to compare with", async () => {
    const fresh = join(here.root, "fresh");
    mkdirSync(fresh);
    git(fresh, "init", "--quiet");
    write(fresh, { "flake.nix": "{}" });
    git(fresh, "add", "--all");
    expect(await open(".", { kind: "shell" }, fresh)).toMatchObject({ base: undefined, baseMissing: "nothing was committed before" });
  });

  test("sees a change of the same size in the same second as the index, however late it looks", async () => {
    for (const name of ["p", "q", "r"]) {
      write(here.checkout, { [`${name}.nix`]: "1\n" });
      git(here.checkout, "add", `${name}.nix`);
      write(here.checkout, { [`${name}.nix`]: "2\n" });
    }
    await pause(1100);
    const { head } = await open();
    expect(["p", "q", "r"].map((name) => show(head.rev, `${name}.nix`))).toEqual(["2", "2", "2"]);
  });

  test("gives the same revision for the same content", async () => {
    write(here.checkout, { "a.nix": "2\n" });
    const first = await open();
    rmSync(join(here.scratch, "repo"), { recursive: true });
    expect((await open()).head.rev).toBe(first.head.rev);
  });
});

describe("the base in a shell", () => {
  test("is where the change left the default branch", async () => {
    git(here.checkout, "checkout", "--quiet", "-b", "change");
    commit(here.checkout, { "a.nix": "2\n" });
    git(here.checkout, "checkout", "--quiet", "main");
    commit(here.checkout, { "b.nix": "later\n" });
    git(here.checkout, "checkout", "--quiet", "change");
    const { base } = await open();
    expect([base?.rev, base?.trust]).toEqual([here.first, "deploy-branch"]);
  });

  test("is a ref that was named, also on a detached HEAD", async () => {
    const second = commit(here.checkout, { "a.nix": "2\n" });
    git(here.checkout, "tag", "--annotate", "v1", "--message", "v1", here.first);
    git(here.checkout, "checkout", "--quiet", "--detach");
    const { head, base } = await open(".", { kind: "shell", base: "v1" });
    expect([head.rev, base?.rev]).toEqual([second, here.first]);
  });

  test("without a flake there is no base, and that is said", async () => {
    const bare = join(here.root, "later");
    mkdirSync(bare);
    git(bare, "init", "--quiet");
    commit(bare, { readme: "x" });
    commit(bare, { "flake.nix": "{}" });
    const { base, baseMissing } = await open(".", { kind: "shell" }, bare);
    expect(base).toBeUndefined();
    expect(baseMissing).toContain("no flake");
  });

  test.each(["nope", "-rf", "--upload-pack=x", "", "HEAD~7", "a b"])("refuses the ref %j", async (base) => {
    expect(await code(open(".", { kind: "shell", base }))).toContain("ref-unknown");
  });
});

describe("a flake in a subfolder", () => {
  test("is found from below, by name and by dir, and stands in the url", async () => {
    commit(here.checkout, { "infra x/flake.nix": "{}", "infra x/hosts/a.nix": "1" });
    for (const [flake, directory] of [
      ["./infra x", here.checkout],
      [".?dir=infra%20x", here.checkout],
      [".", join(here.checkout, "infra x/hosts")],
      [`git+${pathToFileURL(here.checkout).href}?dir=infra%20x`, "/"],
    ] as const) {
      const { head } = await open(flake, { kind: "shell" }, directory);
      expect(head.url).toContain("&dir=infra%20x");
      rmSync(join(here.scratch, "repo"), { recursive: true });
    }
  });

  test("that is reached through a link is refused, since its lock file would be read from elsewhere", async () => {
    commit(here.checkout, { "real/flake.nix": "{}" });
    symlinkSync("real", join(here.checkout, "linked"));
    git(here.checkout, "add", "--all");
    expect(await code(open(".?dir=linked"))).toMatch(/symbolic link/);
  });
});

describe("a pull request", () => {
  /** An origin with main, and a clone of it that has the head of a pull request checked out, as a runner leaves it. */
  const forge = (depth?: number): { origin: string; clone: string; headSha: string; tip: string } => {
    const origin = join(here.root, "origin");
    cpSync(here.checkout, origin, { recursive: true });
    git(origin, "config", "uploadpack.allowAnySHA1InWant", "true");
    for (let count = 0; count < 5; count += 1) commit(origin, { "history.nix": String(count) });
    git(origin, "checkout", "--quiet", "-b", "change");
    const headSha = commit(origin, { "head.nix": "h\n" });
    git(origin, "update-ref", "refs/pull/7/head", headSha);
    git(origin, "checkout", "--quiet", "main");
    const tip = commit(origin, { "base.nix": "b\n" });
    const clone = join(here.root, "clone");
    git(
      here.root,
      "clone",
      "--quiet",
      ...(depth === undefined ? [] : ["--depth", String(depth)]),
      "--branch",
      "change",
      pathToFileURL(origin).href,
      clone,
    );
    return { origin, clone, headSha, tip };
  };
  const pull = (headSha: string, more: object = {}): SourceEvent => ({
    kind: "pull-request",
    headSha,
    baseRef: "main",
    number: 7,
    deployBranch: "main",
    ...more,
  });

  test.each([undefined, 1, 2])("is merged with the base's tip of now (depth %s), and the clone stays as it was", async (depth) => {
    const { clone, headSha, tip } = forge(depth);
    const before = fingerprint(clone);
    const { head, base } = await open(".", pull(headSha), clone);
    expect(base?.rev).toBe(tip);
    expect([show(head.rev, "head.nix"), show(head.rev, "base.nix")]).toEqual(["h", "b"]);
    expect([head.trust, base?.trust]).toEqual(["unreviewed", "deploy-branch"]);
    expect(fingerprint(clone)).toBe(before);
  });

  test("is the forge's own merge where that is checked out and still current", async () => {
    const { origin, headSha, tip } = forge();
    git(origin, "checkout", "--quiet", "--detach", tip);
    git(origin, "merge", "--quiet", "--no-ff", "-m", "forge", headSha);
    const merge = git(origin, "rev-parse", "HEAD");
    git(origin, "update-ref", "refs/pull/7/merge", merge);
    git(origin, "checkout", "--quiet", "main");
    const shallow = join(here.root, "shallow");
    mkdirSync(shallow);
    git(shallow, "init", "--quiet");
    git(shallow, "remote", "add", "origin", pathToFileURL(origin).href);
    git(shallow, "fetch", "--quiet", "--depth=1", "origin", "refs/pull/7/merge");
    git(shallow, "checkout", "--quiet", "--detach", "FETCH_HEAD");
    const first = await open(".", pull(headSha), shallow);
    expect([first.head.rev, first.base?.rev]).toEqual([merge, tip]);
    // The base moves on: the forge's merge is of yesterday, so ours is made.
    rmSync(join(here.scratch, "repo"), { recursive: true });
    const moved = commit(origin, { "moved.nix": "m\n" });
    const second = await open(".", pull(headSha), shallow);
    expect(second.base?.rev).toBe(moved);
    expect([show(second.head.rev, "moved.nix"), show(second.head.rev, "head.nix")]).toEqual(["m", "h"]);
  });

  test("with a conflict names the files", async () => {
    const { origin, clone } = forge();
    commit(origin, { "a.nix": "theirs\n" });
    const headSha = commit(clone, { "a.nix": "ours\n", "weird\u0007name": "x" });
    expect(await code(open(".", pull(headSha), clone))).toBe("merge-conflict: The change does not merge into main: a.nix.");
  });

  test("without common history says so", async () => {
    const { clone } = forge();
    git(clone, "checkout", "--quiet", "--orphan", "island");
    const headSha = commit(clone, { "a.nix": "other" });
    expect(await code(open(".", pull(headSha), clone))).toContain("merge-impossible");
  });

  test("gives the same merge commit in every run", async () => {
    const { clone, headSha } = forge();
    const first = await open(".", pull(headSha), clone);
    rmSync(join(here.scratch, "repo"), { recursive: true });
    expect((await open(".", pull(headSha), clone)).head.rev).toBe(first.head.rev);
  });

  test.each(["nope", "-x", "a:b", "a*"])("whose base branch is %j fails clearly", async (baseRef) => {
    const { clone, headSha } = forge();
    expect(await code(open(".", pull(headSha, { baseRef }), clone))).toMatch(/git-fetch-failed|ref-unknown/);
  });
});

test("a push is compared with what was there before, fetched where the clone is shallow; what is gone is said to be gone", async () => {
  const second = commit(here.checkout, { "a.nix": "2\n" });
  git(here.checkout, "config", "uploadpack.allowAnySHA1InWant", "true");
  const clone = join(here.root, "clone");
  git(here.root, "clone", "--quiet", "--depth=1", pathToFileURL(here.checkout).href, clone);
  const event = (before: string): SourceEvent => ({ kind: "branch", trust: "deploy-branch", before });
  const { head, base } = await open(".", event(here.first), clone);
  expect([head.rev, base?.rev, show(base?.rev, "a.nix")]).toEqual([second, here.first, "1"]);
  rmSync(join(here.scratch, "repo"), { recursive: true });
  const gone = await open(".", event("0123456789012345678901234567890123456789"), clone);
  expect([gone.base, gone.baseMissing]).toEqual([undefined, "the commit before, 012345678, is gone"]);
});

describe("bad sources fail clearly", () => {
  test("a directory that is not there, a file, a git directory, no flake, an untracked flake", async () => {
    expect(await code(open("./missing"))).toContain("not-a-flake");
    expect(await code(open("./a.nix"))).toContain("not-a-flake");
    expect(await code(open("./.git"))).toContain("source-unusable");
    commit(here.checkout, { "sub/x": "" });
    git(here.checkout, "rm", "--quiet", "flake.nix");
    git(here.checkout, "commit", "--quiet", "-m", "none");
    expect(await code(open("./sub"))).toContain("not-a-flake");
    write(here.checkout, { "flake.nix": "{}" });
    rmSync(join(here.scratch, "repo"), { recursive: true });
    expect(await code(open())).toContain("not tracked by git");
  });

  test("a path: root with .git in it at any depth; without it is fine", async () => {
    expect(await code(open(`path:${here.checkout}`))).toContain(".git");
    const plain = join(here.root, "plain");
    write(plain, { "flake.nix": "{}", "deep/er/x": "" });
    expect((await open(`path:${plain}`)).head.url).toBe(`path:${plain}`);
    expect((await open(plain)).head.url).toBe(`path:${plain}`);
    write(plain, { "deep/er/.git/config": "password" });
    expect(await code(open(plain))).toContain("deep/er/.git");
  });

  test("a flake.lock that is a link, or kept in LFS, or not JSON", async () => {
    writeFileSync(join(here.root, "secret"), "s3cret");
    symlinkSync("../secret", join(here.checkout, "flake.lock"));
    git(here.checkout, "add", "--all");
    expect(await code(open())).toBe("lock-unreadable: The flake.lock of . cannot be trusted: it is a symbolic link.");
    rmSync(join(here.checkout, "flake.lock"));
    rmSync(join(here.scratch, "repo"), { recursive: true });
    write(here.checkout, { "flake.lock": "{", "flake.nix": "{}" });
    expect(await code(open())).toContain("lock-unreadable");
    write(here.checkout, { ".gitattributes": "flake.nix filter=lfs\n" });
    git(here.checkout, "add", ".gitattributes");
    write(here.checkout, { "flake.nix": "version https://git-lfs.github.com/spec/v1\noid sha256:0\n" });
    rmSync(join(here.scratch, "repo"), { recursive: true });
    expect(await code(open())).toContain("Git LFS");
  });

  test("submodules, outputs, other schemes, directories that leave", async () => {
    expect(await code(open(".?dir=a.nix/"))).toContain("not-a-flake");
    for (const flake of [".?submodules=1", ".#x", "ftp://x", ".?dir=../x", "path:x?narHash=y", ".?nonsense=1", "git+file://host/x"])
      expect(await code(open(flake))).toContain("source-unusable");
  });

  test("a repository with SHA-256 ids, also where a name in it is looked up meanwhile", async () => {
    const other = join(here.root, "sha256");
    git(here.root, "init", "--quiet", "--object-format=sha256", "--initial-branch=main", other);
    commit(other, { "flake.nix": "{}" });
    for (const flake of [".", ".?ref=main", ".?ref=nothing-of-that-name"]) {
      expect([flake, await code(open(flake, { kind: "shell" }, other))]).toEqual([
        flake,
        expect.stringContaining(flake.endsWith("name") ? "ref-unknown" : "SHA-256"),
      ]);
      rmSync(join(here.scratch, "repo"), { recursive: true });
    }
  });

  test("no git", async () => {
    const port = gitPort({ environment: { PATH: "/nonexistent" }, scratch: here.scratch });
    expect(
      await code(openSources({ flake: ".", directory: here.checkout, scratch: here.scratch, event: { kind: "shell" } }, port)),
    ).toContain("git-missing");
  });
});

test("new inputs of the change are judged against the base's lock file", async () => {
  const lock = (nodes: object): string =>
    JSON.stringify({
      version: 7,
      root: "root",
      nodes: { root: { inputs: Object.fromEntries(Object.keys(nodes).map((name) => [name, name])) }, ...nodes },
    });
  const old = { locked: { type: "path", path: "/srv/old", narHash: "sha256-AAAA" } };
  commit(here.checkout, { "flake.lock": lock({ old }) });
  write(here.checkout, { "flake.lock": lock({ old, bad: { locked: { type: "path", path: "/etc/shadow" } } }) });
  expect((await open()).lockFindings.map((finding) => [finding.input, finding.why])).toEqual([[["bad"], "it is a path of this machine"]]);
});

test("a remote flakeref is left to Nix, with another one as its base", async () => {
  const { head, base, lockRead } = await open("github:o/r", { kind: "shell", base: "github:o/r/v1" });
  expect([head.url, base?.url, lockRead]).toEqual(["github:o/r", "github:o/r/v1", false]);
});
