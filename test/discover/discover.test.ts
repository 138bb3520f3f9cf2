import { execFileSync } from "node:child_process";
import { mkdtempSync, mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { discover, readFlake, selectHosts, type FlakeOutputs, type LockedFlake } from "../../src/discover/discover.ts";
import { HostName } from "../../src/discover/host.ts";
import type { GateError } from "../../src/failure.ts";
import { nixPort } from "../../src/io/nix.ts";
import { fleet, repository } from "../nix/repository.ts";
import { nixVersions } from "../nix/versions.ts";

const scratch = mkdtempSync(join(tmpdir(), "discover-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let count = 0;
const flake = (nix: string, files: Record<string, string> = {}): LockedFlake => {
  const directory = join(scratch, `flake-${count++}`);
  mkdirSync(directory);
  return repository(directory, { "flake.nix": nix, ...files });
};
const outputs = (body: string): LockedFlake => flake(`{ outputs = { self }: { ${body} }; }`);
const host = '{ config.system.build.toplevel = throw "never looked at"; }';

test("selects hosts by glob, in the flake's order, and refuses a glob that names none", () => {
  const hosts = ["db1", "web1", "web2"].map((name) => HostName.parse(name));
  expect(selectHosts(hosts, [])).toEqual(hosts);
  expect(selectHosts(hosts, ["web*"])).toEqual(["web1", "web2"]);
  expect(selectHosts(hosts, ["web2", "d?1"])).toEqual(["db1", "web2"]);
  expect(() => selectHosts(hosts, ["web*", "mail"])).toThrow(/No host matches mail; the flake has db1, web1, web2/);
});

const [first] = nixVersions();
test.each(["-rf", "__proto__", "a;b", "a b", "\\${x}", "a\\nb", "", "x".repeat(300)])(
  "refuses the host name %j and shows it harmlessly",
  async (name) => {
    const nix = nixPort({ environment: { ...process.env, PATH: first?.path }, scratch: join(scratch, "names") });
    const read = discover(nix, outputs(`nixosConfigurations."${name}" = ${host};`), { trust: "unreviewed", timeoutSeconds: 60 });
    const { failure } = await read.then(
      () => expect.unreachable("it was taken"),
      (error: unknown) => error as GateError,
    );
    expect(failure.code).toBe("host-name-invalid");
    expect(failure.message).not.toMatch(/\p{Cc}/u);
    expect(failure.message.length).toBeLessThan(400);
  },
  60_000,
);

describe.each(nixVersions())("on Nix $version", ({ path, version }) => {
  const nix = nixPort({ environment: { ...process.env, PATH: path }, scratch: join(scratch, version), graceSeconds: 1 });
  const read = (from: LockedFlake, timeoutSeconds = 60): Promise<FlakeOutputs> =>
    discover(nix, from, { trust: "unreviewed", timeoutSeconds });
  const failure = async (from: LockedFlake, timeoutSeconds?: number): Promise<unknown> => {
    try {
      await read(from, timeoutSeconds);
    } catch (error) {
      return (error as { failure?: unknown }).failure ?? error;
    }
    throw new Error("nothing was thrown");
  };

  test("lists hosts without evaluating any, and reads the policy", async () => {
    const found = await read(fleet(join(scratch, `fleet-${version}`), version));
    expect(found.hosts).toHaveLength(24);
    expect(found.hosts).toContain("endless");
    expect(found).toMatchObject({ deployGate: { value: { hosts: { plain: { deploy: true } } } }, deployNodes: ["full"], hive: [] });
  }, 60_000);

  test("tells an absent policy from an empty one and from one that is null", async () => {
    expect("deployGate" in (await read(outputs(`nixosConfigurations.a = ${host};`)))).toBe(false);
    expect((await read(outputs(`nixosConfigurations.a = ${host}; deployGate = { };`))).deployGate).toEqual({ value: {} });
    expect((await read(outputs(`nixosConfigurations.a = ${host}; deployGate = null;`))).deployGate).toEqual({ value: null });
  }, 60_000);

  test("stops for a policy that does not evaluate to data", async () => {
    for (const policy of ['throw "not today"', "{ }.missing", "x: x", 'abort "no"'])
      expect(await failure(outputs(`nixosConfigurations.a = ${host}; deployGate = ${policy};`))).toMatchObject({
        code: "policy-invalid",
        detail: expect.stringMatching(/\S/),
      });
  }, 60_000);

  test("finds the names of deploy-rs nodes and of a colmena hive, and does without those that throw", async () => {
    const both = `nixosConfigurations.a = ${host}; deploy.nodes.a = throw "later"; colmena = { meta = { }; defaults = { }; b = { }; };`;
    expect(await read(outputs(both))).toMatchObject({ deployNodes: ["a"], hive: ["b"] });
    expect(await read(outputs(`nixosConfigurations.a = ${host}; deploy = throw "no"; colmena = throw "no";`))).toMatchObject({
      deployNodes: [],
      hive: [],
    });
  }, 60_000);

  test("refuses a flake without hosts, but can read it", async () => {
    const empty = outputs("packages = { };");
    expect(await failure(empty)).toMatchObject({ code: "no-hosts" });
    expect(await failure(outputs("nixosConfigurations = { };"))).toMatchObject({ code: "no-hosts" });
    expect(await readFlake(nix, empty, { trust: "unreviewed", timeoutSeconds: 60 })).toMatchObject({ hosts: [] });
    expect(await failure(outputs("nixosConfigurations = [ ];"))).toMatchObject({
      code: "flake-evaluation-failed",
      detail: expect.stringContaining("a list"),
    });
  }, 60_000);

  test("says what is wrong with the flake, in Nix's own words and no more", async () => {
    expect(await failure(outputs('nixosConfigurations = throw "hosts are out";'))).toMatchObject({
      code: "flake-evaluation-failed",
      detail: "hosts are out",
    });
    expect(await failure(flake("{ outputs = { self }: {"))).toMatchObject({
      code: "flake-evaluation-failed",
      detail: expect.stringMatching(/^syntax error, unexpected end of file/),
    });
    expect(await failure(flake("{ }"))).toMatchObject({ code: "flake-evaluation-failed", detail: expect.stringContaining("outputs") });
    const endless =
      "let many = builtins.genList (x: x) 100000; in builtins.foldl' (sum: _: builtins.foldl' (all: _: all + 1) sum many) 0 many";
    expect(await failure(outputs(`nixosConfigurations = if (${endless}) == 0 then { } else { };`), 1)).toMatchObject({
      code: "flake-evaluation-timeout",
    });
  }, 60_000);

  test("says where there is no flake", async () => {
    const bare = join(scratch, `bare-${version}`);
    mkdirSync(bare);
    const without = repository(bare, { "README.md": "nothing here" });
    expect(await failure(without)).toMatchObject({ code: "not-a-flake" });
    expect(await failure({ url: `path:${join(scratch, "nowhere")}`, shown: "nowhere" })).toMatchObject({ code: "not-a-flake" });
  }, 60_000);

  test("resolves an unlocked url once, and evaluates what it resolved to", async () => {
    const { shown, revision } = outputs(`nixosConfigurations.a = ${host};`) as LockedFlake & { revision: string };
    const found = await read({ url: `git+file://${shown}`, shown });
    expect(found.hosts).toEqual(["a"]);
    expect(found.flake.url).toContain(`rev=${revision}`);
    const tree = await read({ url: `path:${shown}`, shown });
    expect(tree.flake.url).toMatch(/narHash=/);
  }, 60_000);

  test("reads a flake in a subfolder", async () => {
    const root = flake("{ }", { "nixos/flake.nix": `{ outputs = { self }: { nixosConfigurations.below = ${host}; }; }` });
    expect((await read({ ...root, url: `${root.url}&dir=nixos` })).hosts).toEqual(["below"]);
  }, 60_000);

  test("refuses an input that the lock file does not name, whether it is pinned elsewhere or not, and fetches nothing of the latter", async () => {
    const input = outputs("lib = 1;") as LockedFlake & { revision: string };
    const using = (url: string): LockedFlake =>
      flake(`{ inputs.other.url = "${url}"; outputs = { self, other }: { nixosConfigurations.a = ${host}; }; }`);
    expect(await failure(using(`git+file://${input.shown}`))).toMatchObject({ code: "flake-not-locked" });
    expect(await failure(using(input.url))).toMatchObject({ code: "flake-not-locked" });
  }, 60_000);

  test("leaves the repository as it was", async () => {
    const { shown, url } = outputs(`nixosConfigurations.a = ${host};`);
    await read({ url, shown });
    expect(execFileSync("git", ["-C", shown, "status", "--porcelain", "--ignored"], { encoding: "utf8" })).toBe("");
  }, 60_000);

  test("keeps a url inside its string", async () => {
    expect(await failure({ url: 'path:/x"; x = builtins.abort "ran" + "${builtins.abort "ran"}', shown: "odd" })).not.toMatchObject({
      detail: expect.stringContaining("ran'"),
    });
  }, 60_000);
});
