import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Policy } from "../../src/policy.ts";
import { lintPolicy } from "../../src/policy-lint.ts";
import { Repository } from "../scenario/flake.ts";
import { failureOf, Gate, gate, type Ended } from "../scenario/gate.ts";

/** `gate init` on flakes that are not ours, with real git and real Nix, in a process of its own. */
let scratch: string;
let made = 0;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "gate-init-"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const commit = "0123456789abcdef0123456789abcdef01234567";
const github = ["--action", `acme/nixos-deploy-gate@${commit}`];
const forgejo = ["--action", `https://git.example.org/acme/nixos-deploy-gate@${commit}`];
const host = (name: string): string =>
  `{ config.networking.hostName = "${name}"; config.system.build.toplevel = derivation { name = "${name}"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo > $out" ]; }; }`;

function repository(files: Readonly<Record<string, string>>, origin?: string): Repository {
  const one = new Repository(join(scratch, `fleet ${++made}`));
  one.write(files);
  if (origin !== undefined) one.git("remote", "add", "origin", origin);
  one.commit();
  return one;
}
const init = (one: Repository, words: readonly string[], directory = one.directory): Promise<Ended> =>
  gate(["init", "--no-doctor", ...words], { directory });

/** The policy as Nix reads it, and as we read that. */
function policyOf(one: Repository, directory = "."): Policy {
  const words = ["--extra-experimental-features", "nix-command flakes", "eval", "--json", "--file", "./deploy-gate.nix"];
  const cwd = join(one.directory, directory);
  return Policy.parse(JSON.parse(execFileSync("nix", words, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })));
}
/** What git sees as new (A) or changed (M). */
const listed = (one: Repository): string[] =>
  one
    .git("status", "--short", "--untracked-files=all")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.trim())
    .toSorted();

const deployRs = `{
  description = "names that Nix has to quote";
  outputs = { self }: {
    nixosConfigurations = { "gw.example.org" = ${host("gw")}; "in" = ${host("in")}; "7seven" = ${host("seven")}; web-1 = ${host("web-1")}; };
    deploy.nodes = { "gw.example.org" = { hostname = "192.0.2.1"; }; web-1 = throw "not looked at"; };
  };
}
`;
const colmena = `{
  inputs = { };
  outputs = inputs@{ self, ... }:
    let hosts = { alpha = ${host("alpha")}; beta_2 = ${host("beta2")}; };
    in
    {
      # what colmena reads
      colmena = { meta = { }; alpha.deployment.targetHost = "alpha.lan"; };
      nixosConfigurations = hosts;
    };
}
`;
const called = `{
  outputs = { self }: let make = outputs: outputs // { extra = 1; }; in make { nixosConfigurations.solo = ${host("solo")}; };
}
`;

describe("a flake for deploy-rs, on GitHub", { timeout: 120_000 }, () => {
  test("gets its files, one line in flake.nix and a policy that deploys nobody; a second run changes nothing", async () => {
    const one = repository({ "flake.nix": deployRs }, "git@github.com:acme/fleet.git");
    const end = await init(one, ["--yes", ...github]);
    expect(end, end.stderr).toMatchObject({ code: 0, left: [], running: [] });
    expect(listed(one)).toEqual([
      "A .github/workflows/approve.yml",
      "A .github/workflows/deploy.yml",
      "A .github/workflows/pull-request.yml",
      "A deploy-gate.nix",
      "M flake.nix",
    ]);
    expect(one.git("diff", "--numstat", "flake.nix")).toBe("1\t0\tflake.nix");
    const policy = policyOf(one);
    expect(Object.keys(policy.hosts).toSorted()).toEqual(["7seven", "gw.example.org", "in", "web-1"]);
    expect(lintPolicy({ policy, now: new Date() }).map(({ code }) => code)).toEqual(["no-host-deployed"]);
    await expect(one.read("deploy-gate.nix")).toMatchFileSnapshot("__snapshots__/deploy-gate.github.nix");
    expect(one.read(".github/workflows/deploy.yml").match(new RegExp(`uses: acme/nixos-deploy-gate@${commit}$`, "gm"))?.length).toBe(2);

    const before = one.git("diff");
    const again = await init(one, ["--yes", ...github]);
    expect(again.code).toBe(0);
    expect(again.stdout).toContain("has a policy (deployGate) already");
    expect(again.stdout.match(/is there already/g)?.length).toBe(3);
    expect(one.git("diff")).toBe(before);
  });

  test("hands over whom it is told to, and then reboots have a workflow", async () => {
    const one = repository({ "flake.nix": deployRs }, "https://github.com/acme/fleet");
    const end = await init(one, ["--yes", ...github, "--deploy", "gw.*,in", "--user", "deploy", "--approvers", "ada"]);
    expect(end, end.stderr).toMatchObject({ code: 0 });
    const policy = policyOf(one);
    expect(Object.entries(policy.hosts).flatMap(([name, { deploy }]) => (deploy ? [name] : []))).toEqual(["gw.example.org", "in"]);
    expect([policy.apply.user, policy.approval.by]).toEqual(["deploy", ["ada"]]);
    expect(existsSync(join(one.directory, ".github/workflows/schedule.yml"))).toBe(true);
  });
});

describe("a flake for colmena, in a folder, on Forgejo", { timeout: 120_000 }, () => {
  test("as JSON, to be done by a program", async () => {
    const one = repository(
      { "nix os/flake.nix": colmena, ".github/workflows/lint.yml": "on: push\n" },
      "ssh://git@codeberg.org/acme/fleet.git",
    );
    const end = await init(one, ["nix os", "--yes", "--json", ...forgejo, "--approvers", "ada,bob", "--runner", "big"]);
    expect(end, end.stderr).toMatchObject({ code: 0 });
    const said = JSON.parse(end.stdout) as { files: { path: string; state: string }[]; left: { sentence: string; commands: string[] }[] };
    expect(said).toMatchObject({ schema: 1, forge: "forgejo", repository: "acme/fleet", branch: "main", hosts: ["alpha", "beta_2"] });
    expect(said.files.map(({ path, state }) => `${state} ${path}`)).toEqual([
      "written nix os/deploy-gate.nix",
      "written .forgejo/workflows/pull-request.yml",
      "written .forgejo/workflows/deploy.yml",
      "written .forgejo/workflows/approve.yml",
      "changed nix os/flake.nix",
    ]);
    // Forgejo stops to read what lies in the other folder.
    expect(said.left[0]?.commands).toEqual(["cp .github/workflows/lint.yml .forgejo/workflows/"]);
    expect(policyOf(one, "nix os").approval.by).toEqual(["ada", "bob"]);
    expect(one.read(".forgejo/workflows/pull-request.yml")).toContain('flake: "./nix os"');
    expect(one.read(".forgejo/workflows/pull-request.yml")).toContain("runs-on: big");
  });
});

test("init once more, with a host handed over: what comes later says the same as what stands there, on whatever branch one stands", async () => {
  const one = repository({ "flake.nix": colmena }, "ssh://git@codeberg.org/acme/fleet.git");
  expect((await init(one, ["--yes", ...forgejo, "--branch", "trunk", "--runner", "big"])).code).toBe(0);
  one.write({ "deploy-gate.nix": one.read("deploy-gate.nix").replace("alpha.deploy = false", "alpha.deploy = true") });
  one.commit();
  one.git("switch", "--quiet", "--create", "hand-over");
  const end = await init(one, ["--yes", ...forgejo]);
  expect(end, end.stderr).toMatchObject({ code: 0 });
  expect(end.stdout.match(/is there already/g)?.length).toBe(3);
  expect(listed(one)).toEqual(["A .forgejo/workflows/schedule.yml"]);
  const text = one.read(".forgejo/workflows/schedule.yml");
  expect([text.includes("deploy-branch: trunk"), text.includes("runs-on: big")]).toEqual([true, true]);
}, 120_000);

describe("what is there", { timeout: 120_000 }, () => {
  test("is never overwritten: the difference is shown", async () => {
    const mine = { "deploy-gate.nix": "{ mine = true; }\n", ".github/workflows/deploy.yml": "name: mine\n" };
    const one = repository({ "flake.nix": deployRs, ...mine }, "git@github.com:acme/fleet.git");
    const end = await init(one, ["--yes", ...github]);
    expect(end.code).toBe(0);
    expect(listed(one)).toEqual(["A .github/workflows/approve.yml", "A .github/workflows/pull-request.yml"]);
    for (const [path, text] of Object.entries(mine)) expect(one.read(path)).toBe(text);
    expect(end.stdout).toMatch(/! deploy-gate\.nix +is there and differs; left as it is\n(?:.*\n)*? +-\{ mine = true; \}/);
    expect(end.stdout).toContain("      -name: mine");
    // Somebody else's file is no policy of ours, so nothing is made of it.
    expect(end.stdout).toContain("Put the policy into the outputs of flake.nix");
  });

  test("a trial writes nothing and shows the policy", async () => {
    const one = repository({ "flake.nix": colmena }, "git@github.com:acme/fleet.git");
    const end = await init(one, ["--dry-run"]);
    expect(end).toMatchObject({ code: 0 });
    expect(listed(one)).toEqual([]);
    expect(end.stdout).toContain("beta_2.deploy = false;");
    expect(end.stdout).toContain("alpha.deploy = false; # reached as the colmena hive says");
    // Without a mirror that it knows of, it says so.
    expect(end.stdout).toContain("OWNER/nixos-deploy-gate@COMMIT");
  });

  test("outputs that are no plain set are left to a person, with the line", async () => {
    const one = repository({ "flake.nix": called }, "git@github.com:acme/fleet.git");
    const end = await init(one, ["--yes", ...github]);
    expect(end.code).toBe(0);
    expect(one.git("diff", "--numstat", "flake.nix")).toBe("");
    expect(end.stdout).toContain("deployGate = import ./deploy-gate.nix;");
    expect(end.stdout).toMatch(/that it is\s+left to you/);
  });

  test("a change that evaluation does not bear out is not made", async () => {
    // A flake that counts its outputs: the text alone does not tell.
    const odd = `{ outputs = { self }: { hosts = builtins.length (builtins.attrNames self.outputs); nixosConfigurations = if self ? deployGate then { } else { a = ${host("a")}; }; }; }`;
    const one = repository({ "flake.nix": odd }, "git@github.com:acme/fleet.git");
    const end = await init(one, ["--yes", ...github]);
    expect(end.code).toBe(0);
    expect(one.read("flake.nix")).toBe(odd);
    expect(end.stdout).toMatch(/its hosts would not be the\s+same/);
  });

  test("a folder that leads out of the repository is not written through", async () => {
    const one = repository({ "flake.nix": deployRs }, "git@github.com:acme/fleet.git");
    mkdirSync(join(scratch, "outside"), { recursive: true });
    symlinkSync(join(scratch, "outside"), join(one.directory, ".github"));
    const end = await init(one, ["--yes", ...github]);
    expect(end.code).toBe(2);
    expect(failureOf(end.stderr)).toMatchObject({ code: "init-write-failed" });
    expect(existsSync(join(scratch, "outside/workflows/deploy.yml"))).toBe(false);
  });
});

describe("nobody to ask", { timeout: 60_000 }, () => {
  test.each<readonly [string, readonly string[], string | undefined, string, string]>([
    [
      "no terminal",
      [],
      "git@github.com:acme/fleet.git",
      "init-unanswered",
      "nixos-deploy-gate init --yes   # or --dry-run, to see them first",
    ],
    ["JSON asks nothing", ["--json"], "git@github.com:acme/fleet.git", "init-unanswered", "nixos-deploy-gate init --yes   # or --dry-run"],
    ["no forge", ["--yes"], undefined, "init-unanswered", "nixos-deploy-gate init --forge forgejo   # or github"],
    [
      "a forge that does not answer",
      ["--yes"],
      "http://127.0.0.1:9/a/b.git",
      "init-unanswered",
      "nixos-deploy-gate init --forge forgejo   # or github",
    ],
    ["a forge that is none", ["--yes", "--forge", "gitlab"], undefined, "usage", "nixos-deploy-gate init --help"],
    [
      "an action without a commit",
      ["--yes", "--forge", "github", "--action", "a/b@main"],
      undefined,
      "usage",
      "nixos-deploy-gate init --help",
    ],
    [
      "a branch with a line of its own",
      ["--yes", "--forge", "github", "--branch", "a\nb"],
      undefined,
      "usage",
      "nixos-deploy-gate init --help",
    ],
    [
      "an approver that is a sentence",
      ["--yes", "--forge", "github", "--approvers", '"];'],
      undefined,
      "usage",
      "nixos-deploy-gate init --help",
    ],
    [
      "a host that there is not",
      ["--yes", "--forge", "github", "--deploy", "wbe1"],
      undefined,
      "no-host-matches",
      "nixos-deploy-gate plan --hosts '7seven'",
    ],
  ])("%s", async (_name, words, origin, code, next) => {
    const one = repository({ "flake.nix": deployRs }, origin);
    const end = await init(one, words);
    expect(failureOf(end.stderr)).toMatchObject({ code, next });
    expect(end.code).toBe(2);
    expect(listed(one)).toEqual([]);
  });

  test("no repository, a revision, a flake elsewhere", async () => {
    const plain = mkdtempSync(join(scratch, "plain-"));
    expect(failureOf((await gate(["init", "--yes"], { directory: plain })).stderr)).toMatchObject({
      code: "source-unusable",
      next: expect.stringContaining("git init"),
    });
    for (const words of [["github:acme/fleet"], [".?rev=" + commit]])
      expect(failureOf((await gate(["init", "--yes", ...words], { directory: plain })).stderr)?.code).toBe("source-unusable");
  });
});

describe("in a terminal", { timeout: 120_000 }, () => {
  const typed = (one: Repository, words: readonly string[] = []): Gate =>
    new Gate(["init", "--no-doctor", ...words], {
      directory: one.directory,
      terminal: true,
      typed: true,
      environment: { TERM: "xterm-256color" },
    });

  test("asks what it cannot know, says why, takes defaults, asks again, and writes only what was agreed to", async () => {
    const one = repository({ "flake.nix": colmena });
    const program = typed(one);
    await program.types(/Is it on forgejo or on github\?: /, "gitlab\r");
    await program.types(/That cannot be used[\s\S]*Is it on forgejo or on github\?: /, "forgejo\r");
    await program.types(/Address and commit \[fill it in later\]: /, "\r");
    await program.types(/Its label \[nix\]: /, "\r");
    await program.types(/Their logins \[nobody yet\]: /, "ada, bob\r");
    await program.types(/Hosts to hand over now .* \[none\]: /, "gamma\r");
    await program.types(/The hosts are alpha, beta_2\.[\s\S]*Hosts to hand over now .* \[none\]: /, "alpha\r");
    await program.types(/Write these files\?.* \[Y\/n\] /, "\r");
    await program.types(/Change flake\.nix so\? \[y\/N\] /, "\r");
    const end = await program.ended();
    expect(end, end.stdout).toMatchObject({ code: 0, left: [], running: [] });
    expect(listed(one)).toEqual([
      "A .forgejo/workflows/approve.yml",
      "A .forgejo/workflows/deploy.yml",
      "A .forgejo/workflows/pull-request.yml",
      "A .forgejo/workflows/schedule.yml",
      "A deploy-gate.nix",
    ]);
    expect(one.read("flake.nix")).toBe(colmena);
    expect(one.read("deploy-gate.nix")).toMatch(
      /alpha\.deploy = true;[\s\S]*beta_2\.deploy = false;[\s\S]*approval\.by = \[ "ada" "bob" \];/,
    );
    expect(end.stdout).toContain("Put the policy into the outputs of flake.nix");
  });

  test("yes to all of it puts the policy in force", async () => {
    const one = repository({ "flake.nix": colmena }, "git@github.com:acme/fleet.git");
    const program = typed(one, github);
    await program.types(/Hosts to hand over now .* \[none\]: /, "\r");
    await program.types(/Write these files\?.* \[Y\/n\] /, "y\r");
    await program.types(/\+ +deployGate = import[\s\S]*Change flake\.nix so\? \[y\/N\] /, "yes\r");
    expect((await program.ended()).code).toBe(0);
    expect(Object.keys(policyOf(one).hosts)).toEqual(["alpha", "beta_2"]);
  });

  test.each<readonly [string, string]>([
    ["^C", "\u0003"],
    ["^D", "\u0004"],
  ])("%s at a question ends it, with nothing written", async (_name, key) => {
    const one = repository({ "flake.nix": colmena }, "git@github.com:acme/fleet.git");
    const program = typed(one, github);
    await program.types(/Hosts to hand over now .* \[none\]: /, key);
    const end = await program.ended();
    expect(end.stdout).toContain("[cancelled]");
    expect(end).toMatchObject({ left: [], running: [] });
    expect(listed(one)).toEqual([]);
  });

  test("no is no", async () => {
    const one = repository({ "flake.nix": colmena }, "git@github.com:acme/fleet.git");
    const program = typed(one, github);
    await program.types(/Hosts to hand over now .* \[none\]: /, "\r");
    await program.types(/Write these files\?.* \[Y\/n\] /, "n\r");
    expect((await program.ended()).code).toBe(0);
    expect(listed(one)).toEqual([]);
  });
});
