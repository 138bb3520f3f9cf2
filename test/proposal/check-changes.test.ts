import { describe, expect, test } from "vitest";
import { checkChanges, missingSecrets, secretsNamed } from "../../src/proposal/check-changes.ts";
import type { ChangedFile } from "../../src/proposal/changed-file.ts";
import { addsKey, forbiddenPath } from "../../src/proposal/path-rules.ts";

const all = { paths: ["**"], directory: "deploy-gate/goals" };

describe("paths that no proposal changes, whatever the policy says", () => {
  test.each([
    ".github/workflows/deploy.yml",
    ".forgejo/workflows/goal.yml",
    "sub/.gitea/workflows/x.yaml",
    ".GitHub/workflows/x.yml",
    ".gitlab-ci.yml",
    "CLAUDE.md",
    "hosts/claude.MD",
    "AGENTS.md",
    ".claude/settings.json",
    ".mcp.json",
    ".cursorrules",
    ".windsurfrules",
    ".clinerules/01.md",
    "sub/.aider.conf.yml",
    "QWEN.md",
    ".vscode/tasks.json",
    ".devcontainer/devcontainer.json",
    "lefthook.yml",
    ".lefthook.toml",
    "deploy-gate.nix",
    "deploy-gate/goals/intent.md",
    ".gitmodules",
    ".gitattributes",
    ".git/config",
    ".envrc",
    ".sops.yaml",
    "secrets/secrets.nix",
    "secrets/db.age",
    "keys/alice.pub",
    ".ssh/id_ed25519",
    "authorized_keys",
    "hosts/web1/authorized_keys.d/root",
    "tls/site.pem",
    "../outside",
    "/etc/passwd",
    "a//b",
    "a/./b",
    "a\\b",
    "c:x",
    "a\nb",
    "",
  ])("%j", (path) => expect(forbiddenPath(path, all)).toBeTypeOf("string"));
  test.each([
    "flake.nix",
    "hosts/web1.nix",
    "modules/claude-relay.nix",
    "docs/github.md",
    "jobs/web.hcl",
    "docs/edge-cases.md",
    "modules/deploy-gateway.nix",
  ])("%j may be", (path) => expect(forbiddenPath(path, all)).toBeUndefined());
  test.each([
    ["hosts/web1.nix", ["hosts/*.nix"], true],
    ["hosts/a/web1.nix", ["hosts/*.nix"], false],
    ["hosts/a/b/web1.nix", ["hosts/**/*.nix"], true],
    ["hosts/web1.nix", ["hosts/**/*.nix"], true],
    ["hosts.x/web1", ["hosts?x/*"], true],
    ["hostsXx/web1", ["hosts.x/*"], false],
    ["modules/web.nix", ["hosts/**"], false],
  ])("%j within %j: %s", (path, globs, may) => expect(forbiddenPath(path, { ...all, paths: globs }) === undefined).toBe(may));
});

test("the directory that the policy reads goals from, wherever it is: they say what the next session is told", () => {
  const elsewhere = { paths: ["**"], directory: "ops/goals" };
  expect(forbiddenPath("ops/goals/incident.md", elsewhere)).toBeTypeOf("string");
  expect(forbiddenPath("Ops/Goals/incident.md", elsewhere)).toBeTypeOf("string");
  expect(forbiddenPath("ops/goals", elsewhere)).toBeTypeOf("string");
  expect(forbiddenPath("ops/goals.nix", elsewhere)).toBeUndefined();
});

describe("what speaks against a proposal", () => {
  const file = (path: string, after: string | undefined, before?: string): ChangedFile => ({ path, before, after });
  const found = (...changes: ChangedFile[]): string => checkChanges(changes, all).join("\n");
  test("nothing, where it adds a service", () => {
    expect(found(file("hosts/web1.nix", "{ services.synapse.enable = true; }\n", "{ }\n"))).toBe("");
  });
  test("keys, passwords and what looks like a secret", () => {
    expect(found(file("a.nix", `users.users.root.openssh.authorizedKeys.keys = [ ];`))).toContain("who gets in");
    expect(found(file("a.nix", `x = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI";`))).toContain("who gets in");
    expect(found(file("a.nix", `users.users.a.hashedPassword = "x";`))).toContain("who gets in");
    expect(found(file("a.nix", `token = "ghp_${"a1B2".repeat(9)}";`))).toContain("looks like a secret");
  });
  test("not what had been there before", () => {
    const old = `k = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI";\n`;
    expect(found(file("a.nix", `${old}services.x.enable = true;\n`, old))).toBe("");
  });
  test("a key that was there, and opens one door more or another one", () => {
    const key = (name: string): string => `  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${name}"`;
    const list = (user: string, ...names: string[]): string[] => [`${user} = [`, ...names.map(key), "];"];
    const before = [...list("contractor", "c"), ...list("root", "r")].join("\n");
    expect(found(file("a.nix", [...list("contractor", "c"), ...list("root", "r", "c")].join("\n"), before))).toContain("who gets in");
    expect(found(file("a.nix", [...list("contractor", "r"), ...list("root", "c")].join("\n"), before))).toContain("who gets in");
    expect(found(file("a.nix", [...list("contractor"), ...list("root", "r")].join("\n"), before))).toBe("");
  });
  test("a line without end does not hold the run up", () => {
    for (const word of ["sk-ecdsa-", "sk-ssh-a ", "ecdsa-sha2-a "]) expect(addsKey(word.repeat(100_000))).toBe(false);
    expect(addsKey('"sk-ecdsa-sha2-nistp256@openssh.com AAAA"')).toBe(true);
  });
  test("its size, and characters that nobody sees", () => {
    expect(found(...Array.from({ length: 41 }, (_, n) => file(`f${n}.nix`, "x")))).toContain("41 files");
    expect(found(file("a.nix", "x\n".repeat(1).concat(Array.from({ length: 2_001 }, (_, n) => `l${n}`).join("\n"))))).toContain("lines");
    expect(found(file("a.nix", "y".repeat(200_001)))).toContain("characters");
    expect(found(file("a.nix", "a\u202eb"))).toContain("nobody sees");
  });
  test("a path that is forbidden, also where the file is removed", () => {
    expect(found(file(".github/workflows/x.yml", undefined, "on: push"))).toContain("workflows");
  });
});

describe("secrets that a proposal names", () => {
  test("are found in Nix", () => {
    expect(
      secretsNamed([`sops.secrets."matrix/key" = { };`, "sops.secrets.plain = {};", "age.secrets.x.file = ../secrets/x.age;"]),
    ).toEqual([
      { kind: "sops", name: "matrix/key" },
      { kind: "sops", name: "plain" },
      { kind: "age", file: "../secrets/x.age" },
    ]);
  });
  const changes: ChangedFile[] = [
    { path: "hosts/a.nix", before: "", after: `sops.secrets."matrix/key" = {};\nage.secrets.x.file = ../secrets/x.age;` },
  ];
  test("and must be there", () => {
    const none = missingSecrets(changes, { encrypted: ["other: ENC[]\nsops: {}"], exists: () => false });
    expect(none).toHaveLength(2);
    expect(none.join()).toMatch(/matrix\/key.*no file.*\.\.\/secrets\/x\.age/);
    const exists = (path: string): boolean => path === "secrets/x.age";
    expect(missingSecrets(changes, { encrypted: ["matrix:\n  key: ENC[AES]\nsops: {}"], exists })).toEqual([]);
    expect(missingSecrets(changes, { encrypted: ['{"matrix": {"key": "ENC[AES]"}, "sops": {}}'], exists })).toEqual([]);
  });
});
