import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Evaluation } from "../../src/build/evaluate.ts";
import { evaluateSides } from "../../src/build/sides.ts";
import type { LockedFlake } from "../../src/discover/discover.ts";
import { HostName } from "../../src/discover/host.ts";
import { nixPort } from "../../src/io/nix.ts";
import type { CommandResult, Nix, Result } from "../../src/io/ports.ts";
import { recordingLog } from "../nix/recording-log.ts";
import { fleet } from "../nix/repository.ts";
import { nixVersions } from "../nix/versions.ts";

const scratch = mkdtempSync(join(tmpdir(), "evaluate-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const names = (...hosts: readonly string[]): HostName[] => hosts.map((host) => HostName.parse(host));

/** What one revision evaluates to. */
async function alone(
  hosts: readonly HostName[],
  { flake = { url: "x", shown: "x" }, nix, timeoutSeconds = 1 }: { flake?: LockedFlake; nix: Nix; timeoutSeconds?: number },
): Promise<ReadonlyMap<string, Result<Evaluation>>> {
  const options = { nix, log: recordingLog(), jobs: 2, timeoutSeconds };
  return (await evaluateSides(hosts, undefined, { flake, trust: "unreviewed", hosts }, options)).after;
}

describe.each(nixVersions())("on Nix $version", ({ path, version }) => {
  const nix = nixPort({ environment: { ...process.env, PATH: path }, scratch: join(scratch, version), graceSeconds: 1 });
  const flake = fleet(join(scratch, `fleet-${version}`), version);
  const run = async (hosts: readonly HostName[], timeoutSeconds = 120): Promise<ReadonlyMap<string, Result<Evaluation>>> =>
    await alone(hosts, { flake, nix, timeoutSeconds });
  const one = async (host: string, timeoutSeconds?: number): Promise<Result<Evaluation>> => {
    const result = (await run(names(host), timeoutSeconds)).get(host);
    if (result === undefined) throw new Error(`no result for ${host}`);
    return result;
  };

  test("gives derivation, output, platform and facts in one call", async () => {
    const result = await one("full");
    expect(result).toMatchObject({
      ok: true,
      value: {
        host: "full",
        drvPath: expect.stringMatching(/^\/nix\/store\/[0-9a-z]{32}-nixos-system-full-26\.05\.drv$/),
        outPath: expect.stringMatching(/^\/nix\/store\/[0-9a-z]{32}-nixos-system-full-26\.05$/),
        system: "x86_64-linux",
        warnings: ["foo is deprecated", "The option `bar' is old."],
      },
    });
    expect(result.ok && result.value.facts).toEqual({
      hostName: "full",
      stateVersion: "25.11",
      release: "26.05",
      deployRs: { address: "203.0.113.7", user: "deploy" },
      hive: { address: "full.example.org", tags: ["web"] },
      fileSystems: { "/": { device: "/dev/vda1", fsType: "ext4", neededForBoot: true }, "/data": { fsType: "nfs4", neededForBoot: false } },
      luksDevices: ["cryptroot"],
      network: {},
      firewall: {
        enable: true,
        tcp: [22, 443],
        udp: [],
        tcpRanges: [],
        udpRanges: [{ from: 60000, to: 60010 }],
        trustedInterfaces: [],
        interfaces: { wg0: { tcp: [9100], udp: [], tcpRanges: [], udpRanges: [] } },
      },
      sshd: { enable: true, ports: [22, 2222], permitRootLogin: "prohibit-password" },
      keys: { root: 1, alice: 2 },
      warnings: ["The option `bar' is old."],
    });
  }, 120_000);

  test("takes a host that is nothing but a toplevel, one whose options are of other types, and one whose options abort", async () => {
    const found = await run(names("minimal", "lying", "odd"));
    expect([...found.keys()]).toEqual(["minimal", "lying", "odd"]);
    for (const result of found.values()) expect(result).toMatchObject({ ok: true });
    expect(found.get("odd")).toMatchObject({ value: { facts: {} } });
  }, 120_000);

  test("keeps one host's failure with that host, in the words of its author", async () => {
    const found = await run(names("throwing", "plain", "asserting", "attribute", "recursive", "aborting"));
    const failed = (detail: unknown) => ({ ok: false, failure: { code: "host-evaluation-failed", detail } });
    expect(found.get("plain")).toMatchObject({ ok: true });
    expect(found.get("throwing")).toMatchObject(failed("The option `services.foo' is wrong"));
    expect(found.get("asserting")).toMatchObject(
      failed(
        "Failed assertions:\n- The fileSystems option does not specify your root file system.\n- You must set boot.loader.grub.devices",
      ),
    );
    expect(found.get("attribute")).toMatchObject(failed(expect.stringMatching(/^attribute 'nothing' missing\nat flake\.nix:\d+:\d+$/)));
    expect(found.get("recursive")).toMatchObject(failed(expect.stringMatching(/^infinite recursion encountered/)));
    expect(found.get("aborting")).toMatchObject(failed(expect.stringContaining("stop here")));
  }, 120_000);

  test("tells what is not a toplevel from what fails", async () => {
    const found = await run(names("missing", "text", "forged"));
    const lacking = (text: string) => ({ ok: false, failure: { code: "no-toplevel", message: expect.stringContaining(text) } });
    expect(found.get("missing")).toMatchObject(lacking("has no config.system.build.toplevel"));
    expect(found.get("text")).toMatchObject(lacking("is a string and not a derivation"));
    expect(found.get("forged")).toMatchObject(lacking("whose paths are not a derivation's"));
  }, 120_000);

  test("stops an evaluation that never ends", async () => {
    expect(await one("endless", 2)).toMatchObject({
      ok: false,
      failure: { code: "host-evaluation-timeout", message: expect.stringContaining("2 seconds") },
    });
  }, 120_000);
});

/** A Nix that answers as it is told. */
function answering(answer: Partial<CommandResult>): Nix {
  return {
    version: () => Promise.reject(new Error("not asked for")),
    run: () => Promise.resolve({ exitCode: 0, signal: undefined, timedOut: false, stdout: "", stderr: "", ...answer }),
  };
}

const store = "/nix/store/0c4yzmjxkzh8v1v1fyp8b3l4vj8d5n1x";

test.each([
  ["ended by the kernel", { exitCode: undefined, signal: "SIGKILL" as const }, "host-evaluation-killed"],
  ["without a message", { exitCode: 1, stderr: "error:\n       … while x\n\n       error: the reason" }, "host-evaluation-failed"],
  ["with a machine that is full", { exitCode: 1, stderr: "error: writing to file: No space left on device" }, "disk-full"],
  [
    "with a store that cannot be written",
    { exitCode: 1, stderr: "error: creating directory '/nix/store': Read-only file system" },
    "store-unusable",
  ],
  ["with something that is not JSON", { stdout: "/nix/store" }, "no-toplevel"],
  ["with an option for a path", { stdout: JSON.stringify({ drv: "--help", out: `${store}-a`, system: "x", facts: {} }) }, "no-toplevel"],
  [
    "with a path outside of its directory",
    { stdout: JSON.stringify({ drv: `${store}-a/../../etc.drv`, out: `${store}-a`, system: "x", facts: {} }) },
    "no-toplevel",
  ],
])("an evaluation that comes back %s is that host's failure", async (_, answer, code) => {
  const found = await alone(names("a"), { nix: answering(answer) });
  expect(found.get(HostName.parse("a"))).toMatchObject({ ok: false, failure: { code } });
});

test("leaves out a fact of another shape and keeps the others", async () => {
  const facts = {
    hostName: 7,
    release: "26.05",
    stateVersion: "x".repeat(1000),
    keys: { root: "many" },
    sshd: { ports: [22, 70000], enable: true },
    unknown: 1,
  };
  const stdout = JSON.stringify({ drv: `${store}-a.drv`, out: `${store}-a`, system: "x86_64-linux", facts });
  const found = await alone(names("a"), { nix: answering({ stdout }) });
  const result = found.get(HostName.parse("a"));
  expect(result?.ok === true && result.value.facts).toEqual({ release: "26.05", sshd: { enable: true } });
});

test("ends the run for what is no host's failure", async () => {
  const nix: Nix = { ...answering({}), run: () => Promise.reject(new Error("cancelled")) };
  await expect(alone(names("a", "b"), { nix })).rejects.toThrow("cancelled");
});

test("asks again where the store's database was busy, but not for ever", async () => {
  const busy = { action: "msg", level: 0, msg: "error: …", raw_msg: "SQLite database '/nix/var/nix/db/db.sqlite' is busy" };
  const good = JSON.stringify({ drv: `${store}-a.drv`, out: `${store}-a`, system: "x86_64-linux", facts: {} });
  const after = async (times: number): Promise<[boolean | undefined, number]> => {
    let calls = 0;
    const nix: Nix = {
      ...answering({}),
      run: (run) => {
        const fails = calls++ < times;
        if (fails) run.onLog?.({ kind: "nix", event: busy });
        return answering(fails ? { exitCode: 1 } : { stdout: good }).run(run);
      },
    };
    const found = await alone(names("a"), { nix });
    return [found.get(HostName.parse("a"))?.ok, calls];
  };
  expect(await after(2)).toEqual([true, 3]);
  expect(await after(99)).toEqual([false, 4]);
});
