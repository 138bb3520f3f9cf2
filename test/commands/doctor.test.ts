import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Check } from "../../src/doctor/check.ts";
import { jobToken, LoopbackForge, readToken } from "../forge/loopback-forge.ts";
import { type KeyPair, login, makeKey, type SshServer, sshServer } from "../io/ssh-server.ts";
import { Repository } from "../scenario/flake.ts";
import { failureOf, gate, type Ended } from "../scenario/gate.ts";

/** `gate doctor` as a person starts it: real git, Nix, sshd and forge, in a process of its own. */
let scratch: string;
let server: SshServer;
let key: KeyPair;
let forge: LoopbackForge;
let one: Repository;

const flake = (policy: string): string => `{
  outputs = { self }: {
    nixosConfigurations = builtins.mapAttrs (name: _: {
      config.networking.hostName = name;
      config.users.users.root.openssh.authorizedKeys.keys = [ "one" ];
      config.system.build.toplevel = derivation { inherit name; system = "x86_64-linux"; builder = "/bin/sh"; };
    }) { there = 1; away = 1; "gw.lan" = 1; broken = 1; } // { broken = throw "The option does not exist."; };
    ${policy}
  };
}
`;
const policy = (): string => `deployGate = {
  hosts.there = { deploy = true; group = "lonely"; target = { hostname = "127.0.0.1"; port = ${server.port}; user = "${login}"; hostKeys = [ "${server.hostKey}" ]; }; };
  hosts.away = { deploy = true; target = { hostname = "127.0.0.1"; port = 9; }; };
  hosts.broken = { deploy = true; target.hostname = "127.0.0.1"; target.port = ${server.port}; };
  hosts."gw.lan".target = { hostname = "127.0.0.1"; port = ${server.port}; user = "${login}"; };
  groups.lonely.quorum = true;
};`;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "gate-doctor-"));
  key = makeKey();
  server = await sshServer({ authorized: [key.publicKey] });
  forge = await new LoopbackForge("forgejo-16").start();
  forge.pulls.set(1, { head: "1".repeat(40) });
  one = new Repository(join(scratch, "fleet"));
  one.write({ "flake.nix": flake(policy()) });
  one.git("remote", "add", "origin", `${forge.serverUrl}/fleet/machines.git`);
  one.commit();
  writeFileSync(join(scratch, "key"), key.privateKey, { mode: 0o600 });
  writeFileSync(join(scratch, "known"), "");
  for (const [name, token] of [
    ["job", jobToken],
    ["read", readToken],
  ] as const)
    writeFileSync(join(scratch, name), `${token}\n`);
});
afterAll(async () => {
  await server.stop();
  await forge[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

const doctor = (words: readonly string[], directory = one.directory, environment: Record<string, string> = {}): Promise<Ended> =>
  gate(["doctor", ...words], { directory, environment });
const ssh = (): string[] => ["--ssh-key", join(scratch, "key"), "--known-hosts", join(scratch, "known")];
const checksOf = (end: Ended): Check[] => (JSON.parse(end.stdout) as { schema: 1; checks: Check[] }).checks;
const rows = (checks: readonly Check[], area: string): string[] =>
  checks.filter((check) => check.area === area).map(({ host, code, state }) => `${host === undefined ? "" : `${host} `}${code} ${state}`);

describe("a fleet of which something is wrong", { timeout: 180_000 }, () => {
  test("is looked at to the end: each host is its own row, and the policy is read between the lines", async () => {
    const end = await doctor(["--json", ...ssh()]);
    expect(end, end.stderr).toMatchObject({ code: 1, left: [], running: [] });
    const checks = checksOf(end);
    expect(rows(checks, "machine").map((row) => row.split(" ")[0])).toEqual([
      "nix",
      "store",
      "git",
      "ssh",
      "store-space",
      "scratch-space",
      "memory",
      "isolation",
    ]);
    expect(rows(checks, "flake")).toEqual(["lock ok", "hosts ok"]);
    expect(rows(checks, "policy")).toEqual(["policy ok", "group-never-allows warn", "approval-nobody warn", "last-admin-key warn"]);
    expect(rows(checks, "forge")).toEqual(["forge ok", "token unknown"]);
    // One is refused by nobody and one by everybody; this machine is no NixOS, which is said as what it is.
    const hosts = rows(checks, "hosts");
    expect(hosts).toContain("broken evaluation fail");
    expect(hosts).toContain("away unreachable fail");
    expect(hosts.filter((row) => row.startsWith("there "))).toContain("there login ok");
    expect(hosts.filter((row) => row.startsWith("there ")).at(-1)).toMatch(/^there (?:wrong-host|not-nixos) fail$/);
    expect(hosts.some((row) => row.startsWith("gw.lan"))).toBe(false);
    for (const check of checks) if (check.state === "fail" || check.state === "warn") expect(check.next ?? "", check.code).not.toBe("");
  });

  test("hosts that are named are asked, handed over or not; one whose key nobody has named is not spoken to", async () => {
    const checks = checksOf(await doctor(["--json", "--hosts", "gw.*", ...ssh()]));
    expect(rows(checks, "hosts")).toEqual(["gw.lan host-key-unknown fail"]);
    expect(checks.find(({ host }) => host === "gw.lan")?.next).toContain(`ssh-keyscan -p ${server.port} 127.0.0.1`);
  });

  test("without a key nobody is contacted, and with none to contact neither", async () => {
    expect(rows(checksOf(await doctor(["--json"])), "hosts")).toContain("ssh-key fail");
    const before = server.log().length;
    const end = await doctor(["--no-hosts"]);
    expect(end.code).toBe(0);
    expect(server.log().slice(before)).toBe("");
    expect(end.stdout).toContain("Policy\n");
  });
});

describe("the forge's word on a token", { timeout: 120_000 }, () => {
  test.each<readonly [string, readonly string[]]>([
    ["job", ["version ok", "repository ok", "status ok", "comment ok"]],
    ["read", ["version ok", "repository ok", "status fail", "comment ok"]],
  ])("%s", async (name, wanted) => {
    const end = await doctor(["--json", "--no-hosts", "--token-file", join(scratch, name)]);
    expect(rows(checksOf(end), "forge")).toEqual(wanted);
    expect(`${end.stdout}${end.stderr}`).not.toContain(jobToken);
    expect(end.code).toBe(name === "job" ? 0 : 2);
  });

  test("a token of another server is not sent to this one", async () => {
    const before = forge.requests.length;
    const end = await doctor(["--json", "--no-hosts"], one.directory, {
      GITHUB_TOKEN: "ghp_secret",
      GH_TOKEN: "ghp_secret",
      FORGEJO_TOKEN: "forgejo-secret",
      GITHUB_SERVER_URL: "https://other.example.org",
    });
    expect(rows(checksOf(end), "forge")).toEqual(["forge ok", "token unknown"]);
    expect(forge.requests.slice(before).map(({ authorization }) => authorization)).not.toContainEqual(expect.stringMatching(/secret/));
  });

  test("in a job its own is used", async () => {
    const end = await doctor(["--json", "--no-hosts"], one.directory, { FORGEJO_TOKEN: jobToken, GITHUB_SERVER_URL: forge.serverUrl });
    expect(rows(checksOf(end), "forge")).toContain("status ok");
  });

  test.each([
    ["there is none", "/nonexistent/token"],
    ["it is two", "both"],
  ])("a file of which %s is a mistake in the command", async (_name, file) => {
    writeFileSync(join(scratch, "both"), "one two\n");
    const end = await doctor(["--no-hosts", "--token-file", file.startsWith("/") ? file : join(scratch, file)]);
    expect([end.code, failureOf(end.stderr)?.code]).toEqual([2, "usage"]);
  });
});

describe("what is not there is a row", { timeout: 120_000 }, () => {
  const area = async (
    text: string,
    named: string,
    words: readonly string[] = ["--no-hosts"],
  ): Promise<{ code: number | null; rows: Check[] }> => {
    const other = new Repository(mkdtempSync(join(scratch, "other-")));
    if (text !== "") other.write({ "flake.nix": text });
    other.git("add", "--all");
    const end = await doctor(["--json", ...words], other.directory);
    return { code: end.code, rows: checksOf(end).filter((check) => check.area === named) };
  };

  test("no flake, and a repository without a commit", async () => {
    expect(await area("", "flake")).toMatchObject({
      code: 2,
      rows: [{ code: "flake", state: "fail", sentence: expect.stringContaining("There is no flake") }],
    });
    expect(await area(flake(""), "policy")).toMatchObject({ code: 0, rows: [{ code: "policy", state: "warn" }] });
  });

  test("a policy that is none, by its key; the rest is looked at all the same", async () => {
    const zone = await area(
      flake(`deployGate.groups.a.reboot.windows = [ { from = "02:00"; to = "04:00"; zone = "Europe/Belrin"; } ];`),
      "policy",
    );
    expect(zone).toMatchObject({ code: 2, rows: [{ code: "policy", state: "fail", sentence: expect.stringContaining("windows.0.zone") }] });
    const thrown = await area(flake(`deployGate = throw "no";`), "policy");
    expect(thrown).toMatchObject({ code: 2, rows: [{ code: "policy", state: "fail" }] });
  });

  test("no Nix: what can be told without it is told", async () => {
    const end = await gate(["doctor", "--no-hosts", "--json"], { directory: one.directory, path: "/nonexistent" });
    expect(end.code).toBe(4);
    expect(rows(checksOf(end), "machine").slice(0, 3)).toEqual(["nix fail", "git fail", "ssh fail"]);
  });

  test("a session that the policy requires needs a credential, and a credential a form", async () => {
    const required = flake(`deployGate.session = "required";`);
    expect(await area(required, "session")).toMatchObject({ code: 2, rows: [{ code: "credential", state: "fail" }] });
    const spaced = checksOf(await doctor(["--json", "--no-hosts"], one.directory, { ANTHROPIC_API_KEY: "sk-ant-api03-abc\n" }));
    expect(rows(spaced, "session")).toContain("credential fail");
    expect(JSON.stringify(spaced)).not.toContain("sk-ant-api03-abc");
  });

  test("words that exclude each other", async () => {
    const end = await doctor(["--hosts", "a", "--no-hosts"]);
    expect([end.code, failureOf(end.stderr)?.code]).toEqual([2, "usage"]);
  });
});
