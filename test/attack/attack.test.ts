import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readFlake } from "../../src/discover/discover.ts";
import { openSources } from "../../src/discover/open-sources.ts";
import type { Sources } from "../../src/discover/source.ts";
import { gitPort } from "../../src/io/git.ts";
import { openJail } from "../../src/io/jail.ts";
import { nixPort } from "../../src/io/nix.ts";
import { fingerprint, git, write } from "../discover/checkout.ts";
import { nixVersions } from "../nix/versions.ts";
import { attacks, type Attack } from "./attacks.ts";
import { plant, type Planted } from "./planted.ts";

const root = realpathSync(mkdtempSync(join(tmpdir(), "gate-attack-")));
afterAll(() => rmSync(root, { recursive: true, force: true }), 60_000);

const storeNames = (): string[] => (existsSync("/nix/store") ? readdirSync("/nix/store") : []);
let tries = 0;
type Tried = {
  readonly planted: Planted;
  readonly sources: Sources | undefined;
  /** Everything that came out, in one text. */ readonly out: string;
  /** Store paths that were not there before. */
  readonly stored: readonly string[];
};

/** Lays out the attack as a change on a checkout and lets the gate's own ports evaluate it, with the jail or without. Looks only at what comes out. */
async function attempt(attack: Attack, path: string, jailed: boolean): Promise<Tried> {
  tries += 1;
  const directory = join(root, String(tries));
  const [checkout, scratch] = [join(directory, "checkout"), join(directory, "scratch")];
  mkdirSync(checkout, { recursive: true });
  mkdirSync(scratch, { mode: 0o700 });
  const planted = plant(join(directory, "planted"));
  const before = new Set(storeNames());
  const said: string[] = [];
  const hear = (what: unknown): void =>
    void said.push(what instanceof Error ? `${what.stack} ${JSON.stringify(what)}` : JSON.stringify(what));
  try {
    git(checkout, "init", "--quiet");
    for (const [name, content] of Object.entries(attack.files(planted))) {
      if (typeof content === "string") write(checkout, { [name]: content });
      else {
        mkdirSync(dirname(join(checkout, name)), { recursive: true });
        symlinkSync(content.link, join(checkout, name));
      }
    }
    git(checkout, "add", "--all");
    git(checkout, "commit", "--quiet", "-m", "Attack");
    const environment = { ...process.env, ...planted.environment, PATH: path };
    const port = gitPort({ environment, scratch });
    let sources: Sources | undefined;
    try {
      sources = await openSources({ flake: ".", directory: checkout, scratch, event: { kind: "branch", trust: "unreviewed" } }, port);
    } catch (error) {
      hear(error);
    }
    // Whatever the walls before it said, Nix gets the flake all the same: each wall has to hold by itself.
    const rev = git(checkout, "rev-parse", "HEAD");
    const repo = join(scratch, "repo");
    const flake = { url: `git+file://${repo}?rev=${rev}`, shown: "attack" };
    const opened = jailed
      ? await openJail({ environment, scratch, readable: [repo, join(checkout, ".git/objects")], writable: [] })
      : undefined;
    if (opened?.kind === "unavailable") throw new Error(opened.reason);
    const nix = nixPort({ environment, scratch, ...(opened === undefined ? {} : { wrap: opened.jail.wrap }) });
    const options = { trust: "unreviewed", timeoutSeconds: 60 } as const;
    try {
      await readFlake(nix, flake, options).then(hear, hear);
      for (const expression of [`(builtins.getFlake "${flake.url}").leak`])
        hear(await nix.run({ ...options, arguments: ["eval", "--json", "--expr", expression], onLog: hear }));
      hear(await nix.run({ ...options, arguments: ["eval", "--json", `${flake.url}#leak`] }));
    } finally {
      await opened?.jail.close();
    }
    hear(sources);
    const stored = storeNames()
      .filter((name) => !before.has(name))
      .map((name) => join("/nix/store", name));
    return { planted, sources, out: said.join("\n"), stored };
  } finally {
    planted.remove();
  }
}

/** Names of the planted secrets that came out, or stand in what the try brought into the store. */
function leaked({ planted, out, stored }: Tried): string[] {
  const held = (path: string): string => {
    try {
      return execFileSync("grep", ["-rhoaE", "planted[0-9a-f]{24}", "--", path], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    } catch {
      return "";
    }
  };
  // The attacker's own words (a derivation) are no leak; what was read is.
  const found = [out, ...stored.filter((path) => !path.endsWith(".drv")).map(held)].join("\n");
  return planted.all.filter((secret) => found.includes(secret));
}

describe.each(nixVersions().map((nix) => [nix.version, nix] as const))("Nix %s", (_, nix) => {
  test.each(attacks.map((attack) => [attack.name, attack] as const))("%s: the jail alone stops it", async (__, attack) => {
    expect(leaked(await attempt(attack, nix.path, true))).toEqual([]);
  });
});

/** An attack that reads nothing where nothing stops it would prove nothing. */
test.each(attacks.map((attack) => [attack.name, attack] as const))("%s: without the jail", { timeout: 60_000 }, async (_, attack) => {
  const versions = nixVersions();
  const results: boolean[] = [];
  for (const nix of versions) results.push(leaked(await attempt(attack, nix.path, false)).length > 0);
  const seen = results.every(Boolean) ? "leaks" : results.some(Boolean) ? "some versions" : "nix";
  expect(
    `${seen}: ${versions
      .filter((__, index) => results[index])
      .map((nix) => nix.version)
      .join(", ")}`,
  ).toMatch(new RegExp(`^${attack.without}`));
});

test.each(attacks.filter((attack) => attack.lock === true).map((attack) => [attack.name, attack] as const))(
  "%s: the lock file alone shows it, before any Nix starts",
  async (_, attack) => {
    const nothing = join(root, "no-nix");
    mkdirSync(nothing, { recursive: true });
    const directory = mkdtempSync(join(root, "lock-"));
    const planted = plant(join(directory, "planted"));
    planted.remove();
    const checkout = join(directory, "checkout");
    mkdirSync(checkout);
    git(checkout, "init", "--quiet");
    for (const [name, content] of Object.entries(attack.files(planted)))
      if (typeof content === "string") write(checkout, { [name]: content });
    git(checkout, "add", "--all");
    git(checkout, "commit", "--quiet", "-m", "Attack");
    const scratch = join(directory, "scratch");
    mkdirSync(scratch);
    const { lockFindings } = await openSources(
      { flake: ".", directory: checkout, scratch, event: { kind: "branch", trust: "unreviewed" } },
      gitPort({ environment: process.env, scratch }),
    );
    expect(lockFindings.map((finding) => finding.input)).toEqual([["x"]]);
    expect(JSON.stringify(lockFindings)).not.toContain(planted.fileSecret);
  },
);

describe.each(nixVersions().map((nix) => [nix.version, nix] as const))("Nix %s, without the jail", (_, nix) => {
  const lay = (files: Readonly<Record<string, string>>): { directory: string; checkout: string; scratch: string } => {
    const directory = mkdtempSync(join(root, "plain-"));
    const [checkout, scratch] = [join(directory, "checkout"), join(directory, "scratch")];
    for (const path of [checkout, scratch]) mkdirSync(path);
    git(checkout, "init", "--quiet");
    write(checkout, files);
    git(checkout, "add", "--all");
    git(checkout, "commit", "--quiet", "-m", "Attack");
    return { directory, checkout, scratch };
  };

  test("a flake's own settings are not obeyed", async () => {
    const name = `hooked-${process.pid}-${nix.version}`;
    const drv = `derivation { name = "${name}"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo ok >$out" ]; }`;
    const { checkout, scratch } = lay({
      "flake.nix": `{ nixConfig = { post-build-hook = "/nonexistent/hook"; allow-import-from-derivation = false; accept-flake-config = true; }; outputs = _: { leak = builtins.readFile (${drv}); }; }`,
    });
    const port = nixPort({ environment: { ...process.env, PATH: nix.path }, scratch });
    const result = await port.run({ arguments: ["eval", "--raw", `git+file://${checkout}#leak`], trust: "unreviewed", timeoutSeconds: 60 });
    expect([result.exitCode, result.stdout]).toEqual([0, "ok\n"]);
  });

  test("a flake that wants its lock file written gets none, and the checkout stays as it was", async () => {
    const { checkout, scratch, directory } = lay({
      "flake.nix": `{ inputs.x = { url = "path:./sub"; flake = false; }; outputs = _: { leak = 1; }; }`,
      "sub/x": "",
    });
    const before = fingerprint(checkout);
    const environment = { ...process.env, PATH: nix.path };
    const { head } = await openSources(
      { flake: checkout, directory, scratch, event: { kind: "branch", trust: "unreviewed" } },
      gitPort({ environment, scratch }),
    );
    const port = nixPort({ environment, scratch });
    const repo = fingerprint(join(scratch, "repo"));
    const result = await port.run({ arguments: ["eval", "--json", `${head.url}#leak`], trust: "unreviewed", timeoutSeconds: 60 });
    expect(result.exitCode).not.toBe(0);
    expect(fingerprint(checkout)).toBe(before);
    expect(fingerprint(join(scratch, "repo"))).toBe(repo);
  });
});
