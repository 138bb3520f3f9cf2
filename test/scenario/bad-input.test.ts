import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Plan, type PlanHost } from "../../src/report/plan.ts";
import { nixVersions } from "../nix/versions.ts";
import { flake, Repository } from "./flake.ts";
import { failureOf, gate, type Ended, type GateOptions } from "./gate.ts";
import { mayMount, readOnlyStore, storeOfSize } from "./mounts.ts";

/** What goes wrong before or beside any change. Whatever it is: a code, one sentence, a command, nothing else on stdout, and nothing left behind. */
let scratch: string;
let made = 0;
beforeAll(() => void (scratch = mkdtempSync(join(tmpdir(), "gate-bad-"))));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const place = (): string => join(scratch, `${made++}`);
const host = (more = ""): string => `nixosConfigurations.a = system { name = "${randomUUID()}"; ${more} };`;

/** A repository whose one commit has these outputs, or these files. */
function repository(outputs: string | Readonly<Record<string, string>>): Repository {
  const repo = new Repository(place());
  repo.write(typeof outputs === "string" ? { "flake.nix": flake(outputs) } : outputs);
  repo.commit();
  return repo;
}

/** A base on main, and a change of it on another branch. */
function change(base: string, head: string): Repository {
  const repo = repository(base);
  repo.git("switch", "--quiet", "--create", "change");
  repo.write({ "flake.nix": flake(head) });
  repo.commit();
  return repo;
}

/** A directory with these programs of the system and no others. */
function programs(...names: readonly string[]): string {
  const directory = place();
  mkdirSync(directory);
  for (const name of names) {
    const found = (process.env["PATH"] ?? "").split(delimiter).map((each) => join(each, name));
    const path = found.find((each) => spawnSync("test", ["-x", each]).status === 0);
    if (path === undefined) throw new Error(`There is no ${name} on this machine.`);
    symlinkSync(path, join(directory, name));
  }
  return directory;
}

/** A PATH whose first Nix is this script. */
function fakeNix(script: string): string {
  const directory = place();
  mkdirSync(directory);
  writeFileSync(join(directory, "nix"), `#!/bin/sh\n${script}\n`);
  chmodSync(join(directory, "nix"), 0o755);
  return `${directory}${delimiter}${process.env["PATH"] ?? ""}`;
}

const commands = /^(?:nix|nix-store|nixos-deploy-gate|git|ls|df|time|command|apt-get|free) /;

/** A sentence and a command: what the person who is woken by it gets. `typed: false` where there is nothing to type. */
function expectUsable(failure: { readonly message: string; readonly next: string }, typed = true): void {
  expect(failure.message).toMatch(/^(?:[A-Z"]|git )[^\n]{10,400}\.$/);
  if (typed) expect(failure.next).toMatch(commands);
  if (typed) expect(spawnSync("sh", ["-n", "-c", failure.next]).status, failure.next).toBe(0);
  expect(failure.next).not.toBe("");
}

function expectTidy(end: Ended): void {
  expect({ left: end.left, running: end.running, signal: end.signal }, end.stderr).toEqual({ left: [], running: [], signal: null });
  expect(`${end.stdout}${end.stderr}`).not.toMatch(/^\s+at (?:file:|async |\S+ \()|node:internal|UnhandledPromise|Warning: /m);
}

/** The run ends in that failure, and stdout stays empty even where a program waits there for JSON. */
async function expectRefusal(
  words: readonly string[],
  options: GateOptions,
  expected: { readonly exit: 2 | 4; readonly code: string; readonly says?: RegExp; readonly typed?: boolean },
): Promise<void> {
  const end = await gate(words, options);
  const failure = failureOf(end.stderr);
  expect(end.code, end.stderr).toBe(expected.exit);
  expect(failure?.code, end.stderr).toBe(expected.code);
  expect(end.stdout).toBe("");
  expectUsable(failure!, expected.typed);
  expect(`${failure!.message}\n${failure!.detail}`).toMatch(expected.says ?? /./);
  expectTidy(end);
}

/** The run goes to its end and host `a` has failed in that way. */
async function hostFailure(
  words: readonly string[],
  options: GateOptions,
): Promise<Extract<PlanHost, { state: "failed" }>["failure"] & { said: string }> {
  const end = await gate(words, options);
  expect(end.code, end.stderr).toBe(1);
  expectTidy(end);
  const one = Plan.parse(JSON.parse(end.stdout)).hosts.find((each) => each.host === "a");
  if (one?.state !== "failed") throw new Error(`a has not failed: ${end.stdout}`);
  expectUsable(one.failure);
  return { ...one.failure, said: end.stderr };
}

describe("words", { timeout: 60_000, concurrent: true }, () => {
  test.each([
    ["an unknown option", ["plan", "--jsn"], /'--jsn'/],
    ["an option without its value", ["plan", "--base"], /--base/],
    ["a value for an option that has none", ["plan", "--json=yes"], /--json/],
    ["too many words", ["plan", "a", "b", "c"], /takes 0 to 1/],
    ["too few words", ["diff", "a"], /takes 2/],
    ["an unknown command", ["deploi"], /no command "deploi"/],
    ["a control character", ["\u001b[2Jplan"], /no command "plan"/],
  ])("%s", async (_, words, says) => {
    await expectRefusal(words, { directory: "/" }, { exit: 2, code: "usage", says });
  });
});

describe("flakes", { timeout: 60_000, concurrent: true }, () => {
  const refused = async (
    outputs: string | Readonly<Record<string, string>>,
    code: string,
    says?: RegExp,
    words: readonly string[] = [],
  ): Promise<void> =>
    await expectRefusal(
      ["plan", "--json", ...words],
      { directory: repository(outputs).directory },
      { exit: 2, code, typed: code !== "host-name-invalid", ...(says && { says }) },
    );

  test("no flake there, or nothing at all", async () => {
    mkdirSync(join(scratch, "empty"));
    await expectRefusal(["plan", "--json"], { directory: join(scratch, "empty") }, { exit: 2, code: "not-a-flake" });
    await expectRefusal(
      ["plan", "--json", "/does/not/exist"],
      { directory: scratch },
      { exit: 2, code: "not-a-flake", says: /\/does\/not\/exist/ },
    );
    await refused({ "README.md": "nothing\n" }, "not-a-flake");
  });
  test("no nixosConfigurations", async () => await refused("packages = { };", "no-hosts"));
  test("nixosConfigurations without a host", async () => await refused("nixosConfigurations = { };", "no-hosts"));
  test("nixosConfigurations of another type", async () => await refused("nixosConfigurations = 7;", "flake-evaluation-failed", /is a int/));
  test("a flake.nix that Nix cannot read", async () =>
    await refused({ "flake.nix": "{ outputs = " }, "flake-evaluation-failed", /syntax error/));
  test.each(["-rf", "__proto__", "a;b", "x".repeat(300)])("a host called %s", async (name) => {
    await refused(`nixosConfigurations."${name.replaceAll("$", "\\$")}" = system { name = "x"; };`, "host-name-invalid");
  });
  test("an unknown base", async () => {
    await refused(host(), "ref-unknown", /nowhere/, ["--base", "nowhere"]);
    await refused(host(), "ref-unknown", /-x/, ["--base=-x"]);
  });
  test("a host that the flake does not have", async () => await refused(host(), "no-host-matches", /wbe\*.* a\./, ["--hosts", "wbe*"]));
  test("a policy of the wrong type", async () => {
    await refused(`${host()} deployGate.hosts.a.deploy = "yes";`, "policy-invalid", /deployGate\.hosts\.a\.deploy: .*boolean/);
    await refused(`${host()} deployGate.hots = { };`, "policy-invalid", /hots/);
  });
  test("a toplevel that is no NixOS system", async () => {
    const toplevel = `derivation { name = "${randomUUID()}"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo > $out" ]; }`;
    const { directory } = repository(`nixosConfigurations.a.config.system.build.toplevel = ${toplevel};`);
    expect(await hostFailure(["plan", "--json"], { directory })).toMatchObject({ code: "not-a-nixos-system" });
  });
  test("a change cannot replace the policy by one that is broken: the base's is in force", async () => {
    const good = host();
    for (const broken of ['throw "no policy today"', "{ hots = { }; }"]) {
      const { directory } = change(`${good} deployGate.hosts.a.deploy = true;`, `${good} deployGate = ${broken};`);
      const end = await gate(["plan", "--base", "main", "--json"], { directory });
      expect(failureOf(end.stderr)?.code ?? Plan.parse(JSON.parse(end.stdout)).policy.source).toBe("policy-invalid");
      expect(end.code).toBe(2);
    }
  });
});

test("an input of the Action that is of the wrong type", { timeout: 60_000 }, async () => {
  const output = join(scratch, "output");
  writeFileSync(output, "");
  const end = await gate([], {
    directory: scratch,
    entry: "main.ts",
    environment: { "INPUT_DRY-RUN": "maybe", INPUT_TOKEN: "t-0123456789", GITHUB_OUTPUT: output },
  });
  expect(end.code).toBe(2);
  expect(end.stdout).toMatch(/^::error title=nixos-deploy-gate::The input "dry-run" is not usable: it must be "true" or "false"\./m);
  expect(end.stdout.replaceAll(/^::add-mask::.*$/gm, "")).not.toContain("t-0123456789");
  const outputs = readFileSync(output, "utf8");
  expect(outputs).toMatch(/decision.*\nfailed\n/);
  expect(outputs).toMatch(/reason-code.*\ninput-invalid\n/);
  expectTidy(end);
});

describe("programs", { timeout: 60_000, concurrent: true }, () => {
  const tools = ["sh", "unshare", "nsenter", "setpriv"];
  const refused = async (path: string, code: string, says?: RegExp): Promise<void> =>
    await expectRefusal(["plan", "--json"], { directory: repository(host()).directory, path }, { exit: 4, code, ...(says && { says }) });

  test("no git", async () => await refused(programs("nix", "nix-store", ...tools), "git-missing"));
  test("no Nix", async () => await refused(programs("git", ...tools), "nix-missing"));
  test("a Nix that is too old", async () => await refused(fakeNix("echo 'nix (Nix) 2.7.0'"), "nix-too-old", /2\.7\.0.*2\.8/));
  test("a Nix that is none", async () => await refused(fakeNix("echo who; echo am I >&2; exit 3"), "nix-unusable", /who\n.*am I/s));
});

describe.each(nixVersions())("Nix $version", { timeout: 120_000, concurrent: true }, ({ path }) => {
  const given = (directory: string, more: Partial<GateOptions> = {}): GateOptions => ({ directory, path, ...more });

  test("a flake.lock that does not fit its inputs", async () => {
    const { directory } = repository({
      "flake.nix": `{ inputs.other.url = "github:none/none"; outputs = { self, other }: { nixosConfigurations.a = { }; }; }\n`,
    });
    await expectRefusal(["plan", "--json"], given(directory), { exit: 2, code: "flake-not-locked" });
  });

  test("one that names less than flake.nix pins, which only Nix's own check tells: the builds that run beside it end", async () => {
    const input = place();
    mkdirSync(input);
    writeFileSync(join(input, "flake.nix"), "{ outputs = _: { }; }");
    const run = (program: string, ...words: string[]): string =>
      execFileSync(program, words, { encoding: "utf8", env: { ...process.env, PATH: path } }).trim();
    const [stored, hash] = [run("nix-store", "--add", input), run("nix", "hash", "path", input)];
    const pinned = `path:${stored}?narHash=${encodeURIComponent(hash)}`;
    const endless = flake(`nixosConfigurations.a = system { name = "${randomUUID()}"; more = "sleep 1234"; };`)
      .replace("{ self }", "{ self, other }")
      .replace("{", `{ inputs.other.url = "${pinned}";`);
    const { directory } = repository({ "flake.nix": endless });
    await expectRefusal(["plan", "--json"], given(directory), { exit: 2, code: "flake-not-locked" });
  });

  test("a policy that throws", async () => {
    const { directory } = repository(`${host()} deployGate = throw "no policy today";`);
    await expectRefusal(["plan", "--json"], given(directory), { exit: 2, code: "policy-invalid", says: /no policy today/ });
  });

  test("an evaluation that never ends", async () => {
    const numbers = "(builtins.genList (x: x) 100000)";
    const endless = `builtins.foldl' (a: _: builtins.foldl' builtins.add a ${numbers}) 0 ${numbers}`;
    const { directory } = change(
      `${host()} deployGate.evaluation.timeoutSeconds = 2;`,
      `nixosConfigurations.a = builtins.seq (${endless}) { };`,
    );
    const failure = await hostFailure(["plan", "--base", "main", "--json"], given(directory));
    expect(failure).toMatchObject({ code: "host-evaluation-timeout", message: expect.stringContaining("2 seconds") });
  });

  test.runIf(mayMount)("a store that cannot be written", async () => {
    const { directory } = repository(host());
    await expectRefusal(["plan", "--json"], given(directory, { before: readOnlyStore }), { exit: 4, code: "store-unusable" });
  });

  test.runIf(mayMount)("a disk that is full before anything begins", async () => {
    const { directory } = repository(host());
    await expectRefusal(["plan", "--json"], given(directory, { before: storeOfSize("64k") }), {
      exit: 4,
      code: "disk-full",
      says: /^(?!.*create (?:table|trigger))/s,
    });
  });

  test.runIf(mayMount)("a disk that a build fills", async () => {
    const { directory } = repository(host(`more = "head -c 60000000 /dev/zero > big";`));
    expect(await hostFailure(["plan", "--json"], given(directory, { before: storeOfSize("24m") }))).toMatchObject({ code: "disk-full" });
  });

  describe("a dead network", () => {
    let silent: Server;
    let address: string;
    beforeAll(async () => {
      // Takes every connection and never says a word.
      silent = createServer();
      await new Promise<void>((done) => silent.listen(0, "127.0.0.1", done));
      address = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    });
    afterAll(() => silent.close());
    const asking = (url: string): Partial<GateOptions> => ({
      environment: { NIX_CONFIG: `${process.env["NIX_CONFIG"] ?? ""}\nsubstituters = ${url}\n` },
    });

    test("a binary cache that refuses is gone without, and said", async () => {
      const end = await gate(["plan"], given(repository(host()).directory, asking("http://127.0.0.1:9")));
      expect(end.code, end.stderr).toBe(0);
      expect(end.stderr).toMatch(/^warning: unable to download 'http:\/\/127\.0\.0\.1:9\/nix-cache-info'/m);
      expectTidy(end);
    });

    test("a binary cache that is silent ends with the time limit, which names it", async () => {
      const { directory } = change(`${host()} deployGate.build.timeoutSeconds = 3;`, host());
      const failure = await hostFailure(["plan", "--base", "main", "--json"], given(directory, asking(address)));
      expect(failure).toMatchObject({ code: "build-timeout", message: expect.stringContaining(`${address}/nix-cache-info`) });
    });

    test("a flake that cannot be fetched", async () => {
      await expectRefusal(["plan", "git+http://127.0.0.1:9/fleet", "--json"], given(scratch), { exit: 4, code: "flake-unfetchable" });
    });
  });
});
