import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Comparison, diffFleet, diffSystem, type DiffPorts, type Pair } from "../../src/diff/diff.ts";
import { diffJson } from "../../src/diff/diff-json.ts";
import { why } from "../../src/diff/why.ts";
import { nixPort } from "../../src/io/nix.ts";
import type { CommandResult, Nix, NixRun, Result } from "../../src/io/ports.ts";
import { storeFiles } from "../../src/io/store-files.ts";
import { buildFleet } from "../bench/fleet.ts";

const scratch = mkdtempSync(join(tmpdir(), "gate-diff-test."));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Counts the calls, so that a test can tell one question from many. */
function counting(nix: Nix): Nix & { readonly runs: NixRun[] } {
  const runs: NixRun[] = [];
  return {
    runs,
    version: () => nix.version(),
    run: (run) => {
      runs.push(run);
      return nix.run(run);
    },
  };
}
const ports = (): DiffPorts & { readonly nix: ReturnType<typeof counting> } => ({
  nix: counting(nixPort({ environment: process.env, scratch })),
  store: storeFiles(),
});

const build = (expression: string): string =>
  execFileSync("nix-build", ["--no-out-link", "--option", "sandbox", "false", "--option", "substituters", "", "-"], {
    input: expression,
    encoding: "utf8",
    stdio: ["pipe", "pipe", "ignore"],
  }).trim();
/** A toplevel of those files, made by a shell script in $out. */
const toplevel = (name: string, script: string): string =>
  build(
    `derivation { name = "nixos-system-${name}-26.05"; system = builtins.currentSystem; builder = "/bin/sh"; PATH = "/usr/bin:/bin"; args = [ "-euc" ${JSON.stringify(`mkdir $out; cd $out; printf 26.05.1.abc > nixos-version; ${script}`).replace(/\/nix\/store\/[0-9a-z]{32}-[^\s/;]+/g, '${builtins.storePath "$&"}')} ]; }`,
  );

function value(result: Result<Comparison> | undefined): Comparison {
  if (result?.ok !== true) throw new Error(JSON.stringify(result));
  return result.value;
}
/** Everything that is said of a host, for comparing two ways to it. */
const said = (result: Result<Comparison> | undefined): string => JSON.stringify(diffJson(value(result).diff));

let pairs: readonly Pair[];
beforeAll(() => {
  pairs = buildFleet({ hosts: 12, paths: 260, own: 45, moved: 24 });
}, 120_000);

describe("a fleet", () => {
  test("says of each host what a comparison of that host alone says", async () => {
    const fleet = await diffFleet(pairs, ports());
    expect([...fleet.hosts.keys()]).toEqual(pairs.map(({ host }) => host));
    for (const { host, from, to } of pairs) expect(said(fleet.hosts.get(host)), host).toBe(said(await diffSystem(from, to, ports())));
  });

  test("asks Nix once for all hosts", async () => {
    const used = ports();
    await diffFleet(pairs, used);
    expect(used.nix.runs.map(({ arguments: argv }) => argv.slice(0, 3))).toEqual([["path-info", "--json", "--recursive"]]);
  });

  test("sees what moved: kernel, units, packages, files", async () => {
    const fleet = await diffFleet(pairs, ports());
    const { diff } = value(fleet.hosts.get("host0"));
    expect(diff.system.kernel).toMatchObject({ from: "6.12.58", to: "6.12.60", changed: true, series: "same", direction: "up" });
    expect(diff.system.rebootTriggers).toMatchObject({ known: true, changed: true, keys: [{ key: "kernel" }] });
    expect(diff.system.switchInhibitors).toMatchObject({ known: true, changed: false });
    expect(diff.system.kernelModules.misfits).toEqual([]);
    expect(diff.system.bootLoader).toMatchObject({ from: "systemd-boot", changed: false });
    expect(diff.units.length).toBeGreaterThan(0);
    expect(diff.units.every(({ name }) => name.startsWith("job"))).toBe(true);
    expect(diff.files.some(({ path }) => path.startsWith("/etc/file"))).toBe(true);
    const tool = diff.packages.changed.find(({ name }) => name === "tool0-0" || name.startsWith("tool0"));
    expect(tool).toMatchObject({ direction: "up", selectedBy: ["system-path"] });
    expect(diff.revisionOnly).toBe(false);
    expect(diff.unknown).toEqual([]);
    expect(value(fleet.hosts.get("host1")).diff.system.kernel.changed).toBe(false);
  });

  test("hosts with the same transition share one comparison", async () => {
    const [first] = pairs as [Pair];
    const { hosts } = await diffFleet([first, { ...first, host: "twin" }], ports());
    expect(value(hosts.get("twin"))).toBe(value(hosts.get(first.host)));
  });

  test("nothing differs between a system and itself", async () => {
    const [first] = pairs as [Pair];
    const { diff } = value(await diffSystem(first.from, first.from, ports()));
    const { packages, system, units, userUnits, files, settings, unknown } = diff;
    expect([packages.added, packages.removed, packages.changed, packages.rebuilt, units, userUnits, files, unknown].flat()).toEqual([]);
    expect(packages.sizeDelta).toBe(0);
    expect(packages.sizeFrom).toBeGreaterThan(0);
    expect(Object.entries(system).filter(([, fact]) => fact.changed)).toEqual([]);
    expect(Object.values(settings).flat()).toEqual([]);
    expect([diff.from, diff.revisionOnly]).toEqual([diff.to, false]);
  });

  test("swapped sides swap what was added and what was removed", async () => {
    for (const { from, to } of pairs.slice(0, 3)) {
      const [there, back] = [value(await diffSystem(from, to, ports())).diff, value(await diffSystem(to, from, ports())).diff];
      expect(back.packages.added).toEqual(there.packages.removed);
      expect(back.packages.removed).toEqual(there.packages.added);
      expect(back.packages.sizeDelta).toBe(0 - there.packages.sizeDelta);
      for (const [name, fact] of Object.entries(there.system)) {
        const other = back.system[name as keyof typeof back.system];
        expect([name, other.from, other.to, other.changed]).toEqual([name, fact.to, fact.from, fact.changed]);
      }
      const names = (
        list: readonly { readonly name?: string; readonly path?: string; readonly change: string }[],
        change: string,
      ): (string | undefined)[] => list.filter((item) => item.change === change).map((item) => item.name ?? item.path);
      for (const list of ["units", "files"] as const) {
        expect(names(back[list], "added")).toEqual(names(there[list], "removed"));
        expect(names(back[list], "changed")).toEqual(names(there[list], "changed"));
      }
    }
  });

  test("why names a chain from the toplevel", async () => {
    const [{ to }] = pairs as [Pair];
    const { graph } = await diffFleet(pairs.slice(0, 1), ports());
    const goal = [...graph.closure(to)].map((id) => graph.path(id)).find((path) => path.includes("-package3-")) as string;
    const chain = why(graph, to, goal);
    expect(chain.length).toBeGreaterThan(2);
    expect([chain[0], chain.at(-1)]).toEqual([to, goal]);
  });
});

describe("one host's trouble stays its own", () => {
  test("missing, outside, no system, dangling", async () => {
    const [good] = pairs as [Pair];
    const gone = `/nix/store/${"0".repeat(32)}-nixos-system-gone-26.05`;
    const file = build(
      'derivation { name = "a-file"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo x > $out" ]; }',
    );
    const empty = build(
      'derivation { name = "a-directory"; system = builtins.currentSystem; builder = "/bin/sh"; PATH = "/bin:/usr/bin"; args = [ "-c" "mkdir $out" ]; }',
    );
    const bad: Readonly<Record<string, string>> = {
      gone,
      file,
      empty,
      outside: "/etc",
      inside: `${good.from}/etc`,
      newline: `${gone}\n`,
      nothing: "",
    };
    const { hosts } = await diffFleet([good, ...Object.entries(bad).map(([host, to]) => ({ host, from: good.from, to }))], ports());
    const codes = Object.fromEntries([...hosts].map(([host, result]) => [host, result.ok ? "ok" : result.failure.code]));
    expect(codes).toEqual({
      [good.host]: "ok",
      gone: "toplevel-missing",
      file: "toplevel-invalid",
      empty: "toplevel-invalid",
      outside: "toplevel-invalid",
      inside: "toplevel-invalid",
      newline: "toplevel-invalid",
      nothing: "toplevel-invalid",
    });
  });

  test("a path that is in the store and that Nix does not know fails alone", async () => {
    const [good] = pairs as [Pair];
    const unregistered = `/nix/store/${"1".repeat(32)}-nixos-system-unknown-26.05`;
    if (!existsSync(unregistered)) execFileSync("cp", ["-r", good.to, unregistered]);
    try {
      const { hosts } = await diffFleet([good, { host: "unknown", from: good.from, to: unregistered }], ports());
      expect(hosts.get(good.host)?.ok).toBe(true);
      expect(hosts.get("unknown")).toMatchObject({ ok: false, failure: { code: "toplevel-missing" } });
    } finally {
      execFileSync("chmod", ["-R", "u+w", unregistered]);
      rmSync(unregistered, { recursive: true });
    }
  });

  test("a toplevel whose links dangle, loop, or leave the store is compared, and says what is unknown", async () => {
    const plain = toplevel("plain", "mkdir etc; printf 'a=1' > kernel-params");
    const broken = toplevel(
      "broken",
      `ln -s /nix/store/none/kernel kernel; ln -s initrd2 initrd; ln -s initrd initrd2; ln -s /etc etc; head -c 200000 /dev/zero > kernel-params; printf '\\377' > system; printf '[1]' > switch-inhibitors; printf '{' > reboot-triggers; mkdir bin specialisation; ln -s /tmp specialisation/x; touch "new
line"; truncate -s 100M huge`,
    );
    const { diff } = value(await diffSystem(plain, broken, ports()));
    const unknown = diff.unknown.join("\n");
    for (const name of ["kernel", "initrd", "etc", "kernel-params", "system", "switch-inhibitors", "reboot-triggers", "specialisation/x"])
      expect(unknown).toContain(`${broken}/${name} `);
    expect(diff.revisionOnly).toBe(false);
    expect(diff.system.switchInhibitors.known).toBe(false);
    expect(diff.system.switchToConfiguration).toMatchObject({ from: "missing", to: "missing" });
  });

  test("specialisations are compared too, those of one side are named", async () => {
    const inner = (params: string): string => toplevel("inner", `printf '${params}' > kernel-params`);
    const [one, two, extra] = [inner("quiet"), inner("quiet splash"), inner("extra")];
    const from = toplevel(
      "outer",
      `mkdir specialisation; ln -s ${one} specialisation/desk; ln -s ${extra} specialisation/old; ln -s ${one} specialisation/same`,
    );
    const to = toplevel(
      "outer",
      `mkdir specialisation; ln -s ${two} specialisation/desk; ln -s ${extra} specialisation/new; ln -s ${one} specialisation/same`,
    );
    const { diff } = value(await diffSystem(from, to, ports()));
    expect(diff.system.specialisations).toMatchObject({ added: ["new"], removed: ["old"], changedNames: ["desk"] });
    expect([...(diff.specialisations ?? [])].map(([name]) => name)).toEqual(["desk"]);
    const desk = diff.specialisations?.get("desk");
    expect(desk?.system.kernelParams.added).toEqual(["splash"]);
    expect(desk?.packages.rebuilt.map(({ name }) => name)).toEqual(["nixos-system-inner"]);
    expect(diffJson(diff)).toMatchObject({ specialisations: { desk: { from: one, to: two } } });
  });
});

describe("an old side that is elsewhere", () => {
  /** A pair whose old side was moved into a binary cache. */
  const moved = (name: string): { readonly pair: Pair; readonly cache: string } => {
    const version = (number: string): string =>
      build(
        `derivation { name = "tool-${number}"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo ${name} > $out" ]; }`,
      );
    const from = toplevel(`${name}-web-1`, `ln -s ${version("1.0")} tool; printf old > kernel-params`);
    const to = toplevel(`${name}-web-1`, `ln -s ${version("1.1")} tool; printf new > kernel-params`);
    const cache = `file://${join(scratch, `cache-${name}`)}`;
    execFileSync("nix", ["copy", "--to", cache, from], { stdio: "ignore" });
    execFileSync("nix-store", ["--delete", "--ignore-liveness", from], { stdio: "ignore" });
    return { pair: { host: name, from, to, fromStore: cache }, cache };
  };

  test("only in a cache: packages are compared, the rest is said to be unknown", async () => {
    const { pair, cache } = moved("cached");
    const [good] = pairs as [Pair];
    const { hosts } = await diffFleet([good, pair], ports());
    const { diff } = value(hosts.get("cached"));
    expect(diff.packages.changed).toMatchObject([{ name: "tool", from: ["1.0"], to: ["1.1"], direction: "up" }]);
    expect(diff.system.kernelParams.changed).toBe(false);
    expect(diff.unknown).toHaveLength(1);
    expect(diff.unknown[0]).toContain(cache);
    expect(diff.revisionOnly).toBe(false);
    expect(said(hosts.get(good.host))).toBe(said(await diffSystem(good.from, good.to, ports())));
  });

  test("gone everywhere, or in a store that does not answer: the host fails, the others do not", async () => {
    const { pair } = moved("gone");
    const [good] = pairs as [Pair];
    const empty = `file://${mkdtempSync(join(scratch, "empty-cache."))}`;
    const { hosts } = await diffFleet(
      [
        good,
        { ...pair, fromStore: empty },
        { ...pair, host: "unanswered", from: pair.from.replace("gone", "none"), fromStore: "http://127.0.0.1:9" },
      ],
      ports(),
    );
    expect(hosts.get(good.host)?.ok).toBe(true);
    expect(hosts.get("gone")).toMatchObject({ ok: false, failure: { code: "toplevel-missing" } });
    expect(hosts.get("unanswered")?.ok).toBe(false);
  });
});

describe("Nix that fails", () => {
  const failing = (result: Partial<CommandResult>): Nix => ({
    version: () => Promise.reject(new Error("not asked")),
    run: () => Promise.resolve({ exitCode: 0, signal: undefined, timedOut: false, stdout: "", stderr: "", ...result }),
  });

  test.each([
    ["an error", { exitCode: 1, stderr: "error: cannot open database" }, "path-info-failed"],
    ["a signal", { exitCode: undefined, signal: "SIGKILL" as const }, "path-info-failed"],
    ["a shape that nobody knows", { stdout: '{"paths":{}}' }, "path-info-shape"],
    ["silence", {}, "path-info-shape"],
  ])("%s ends the comparison with a failure that names the command", async (_, result, code) => {
    const [{ from, to }] = pairs as [Pair];
    const asked = diffSystem(from, to, { nix: failing(result), store: storeFiles() });
    await expect(asked).rejects.toMatchObject({ failure: { code, message: expect.stringContaining("nix path-info --json") as string } });
  });
});
