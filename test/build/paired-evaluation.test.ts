import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { evaluateSides } from "../../src/build/sides.ts";
import type { LockedFlake } from "../../src/discover/discover.ts";
import { HostName } from "../../src/discover/host.ts";
import { nixPort } from "../../src/io/nix.ts";
import type { Nix, NixRun, Trust } from "../../src/io/ports.ts";
import { recordingLog } from "../nix/recording-log.ts";
import { fleet, repository } from "../nix/repository.ts";
import { nixVersions } from "../nix/versions.ts";

const scratch = mkdtempSync(join(tmpdir(), "paired-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const names = (hosts: readonly string[]): HostName[] => hosts.map((host) => HostName.parse(host));

/** A flake whose hosts are these expressions. */
const hosts = (expressions: Readonly<Record<string, string>>): string => `{
  outputs = _: let
    good = name: { config.system.build.toplevel = derivation { name = "nixos-system-${"${name}"}"; system = "x86_64-linux"; builder = "/bin/sh"; }; };
  in { nixosConfigurations = { ${Object.entries(expressions)
    .map(([name, value]) => `${name} = ${value};`)
    .join(" ")} }; };
}
`;

describe.each(nixVersions())("on Nix $version", ({ path, version }) => {
  const nix = nixPort({ environment: { ...process.env, PATH: path }, scratch: join(scratch, version), graceSeconds: 1 });
  /** Both sides together, each alone, and the processes that both together took. */
  const compared = async (before: LockedFlake, after: LockedFlake, wanted: readonly string[], trust: Trust = "unreviewed", jobs = 2) => {
    const runs: NixRun[] = [];
    const counting: Nix = { ...nix, version: () => nix.version(), run: (run) => (runs.push(run), nix.run(run)) };
    const log = recordingLog();
    const all = names(wanted);
    const options = (port: Nix) => ({ nix: port, log, jobs, timeoutSeconds: 120 });
    const revision = (flake: LockedFlake, trusted: Trust) => ({ flake, trust: trusted, hosts: all });
    const both = await evaluateSides(all, revision(before, "deploy-branch"), revision(after, trust), options(counting));
    const alone = async (flake: LockedFlake) => (await evaluateSides(all, undefined, revision(flake, trust), options(nix))).after;
    return { both, before: await alone(before), after: await alone(after), runs };
  };

  test("both revisions of a host say what each says alone, its warnings and failures with it", async () => {
    const before = fleet(join(scratch, `before-${version}`), "1");
    const after = fleet(join(scratch, `after-${version}`), "2");
    const wanted = ["plain", "full", "minimal", "odd", "lying", "throwing", "asserting", "attribute", "missing", "text", "forged"];
    const found = await compared(before, after, wanted);
    expect(found.both.before).toEqual(found.before);
    expect(found.both.after).toEqual(found.after);
    const plain = (side: typeof found.before) => side.get(HostName.parse("plain"));
    expect(plain(found.before)).toMatchObject({ ok: true });
    expect(plain(found.both.before)).not.toEqual(plain(found.both.after));
  }, 300_000);

  test("hosts that evaluate take one process each, with the lesser trust", async () => {
    const before = repository(join(scratch, `one-${version}`), { "flake.nix": hosts({ a: `good "a1"`, b: `good "b1"` }) });
    const after = repository(join(scratch, `two-${version}`), { "flake.nix": hosts({ a: `good "a2"`, b: `good "b1"` }) });
    const found = await compared(before, after, ["a", "b"]);
    expect(found.both.before).toEqual(found.before);
    expect(found.both.after).toEqual(found.after);
    expect(found.runs.map(({ trust }) => trust)).toEqual(["unreviewed", "unreviewed"]);
    expect((await compared(before, after, ["a"], "deploy-branch")).runs.map(({ trust }) => trust)).toEqual(["deploy-branch"]);
  }, 300_000);

  test("of a host that throws at one revision only that one is asked again", async () => {
    const good = repository(join(scratch, `good-${version}`), { "flake.nix": hosts({ a: `good "a1"` }) });
    const bad = repository(join(scratch, `bad-${version}`), { "flake.nix": hosts({ a: `throw "not today"` }) });
    const worse = await compared(good, bad, ["a"]);
    expect(worse.runs).toHaveLength(2);
    expect(worse.both.before.get(HostName.parse("a"))).toMatchObject({ ok: true });
    expect(worse.both.after.get(HostName.parse("a"))).toMatchObject({ ok: false, failure: { detail: "not today" } });
    const better = await compared(bad, good, ["a"]);
    expect(better.runs).toHaveLength(2);
    expect(better.both.before.get(HostName.parse("a"))).toMatchObject({ ok: false, failure: { detail: "not today" } });
    expect(better.both.after.get(HostName.parse("a"))).toMatchObject({ ok: true });
  }, 300_000);

  test("what ends the process is asked of each side, and after some of it no two sides are asked together", async () => {
    const all = ["a", "b", "c", "d", "e"];
    const each = (value: (name: string) => string) => hosts(Object.fromEntries(all.map((name) => [name, value(name)])));
    const good = repository(join(scratch, `fine-${version}`), { "flake.nix": each((name) => `good "${name}"`) });
    const bad = repository(join(scratch, `ends-${version}`), { "flake.nix": each(() => `abort "stop here"`) });
    const found = await compared(good, bad, all, "unreviewed", 1);
    for (const name of names(all)) {
      expect(found.both.before.get(name)).toMatchObject({ ok: true });
      expect(found.both.after.get(name)).toMatchObject({ ok: false, failure: { detail: expect.stringContaining("stop here") } });
    }
    expect(found.runs).toHaveLength(3 + 2 * all.length);
  }, 300_000);
});
