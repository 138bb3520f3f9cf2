import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { copyClosure, type CopyRequest } from "../../src/apply/copy.ts";
import type { CopyState } from "../../src/apply/copy-progress.ts";
import { nixPort } from "../../src/io/nix.ts";
import type { Nix, Targets } from "../../src/io/ports.ts";
import { openTargets } from "../../src/io/target.ts";
import { Policy } from "../../src/policy.ts";
import { binaryCache } from "../nix/binary-cache.ts";
import { recordingLog } from "../nix/recording-log.ts";
import { nixVersions, type NixAtHand } from "../nix/versions.ts";
import { kill, makeKey, sshDirectory, sshServer, type SshServer } from "./ssh-server.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** The host is this machine with a store of its own, in a directory that its login puts into NIX_REMOTE. */
const scratch = sshDirectory();
const key = makeKey();
const flags = ["--extra-experimental-features", "nix-command flakes"];

function build(at: NixAtHand, name: string, bytes: number): string {
  const expression = `derivation { name = "${name}"; system = builtins.currentSystem; builder = "/bin/sh"; PATH = "/usr/bin:/bin"; args = [ "-c" "head -c ${bytes} /dev/zero > $out; echo ${scratch} >> $out" ]; }`;
  return execFileSync(join(at.directory, "nix-build"), ["--no-out-link", "--expr", expression], {
    encoding: "utf8",
    env: { ...process.env, PATH: at.path },
    stdio: ["ignore", "pipe", "pipe"],
  }).trim();
}

describe.each(nixVersions().map((at) => [at.version, at] as const))("with Nix %s", (version, at) => {
  const place = join(scratch, version.replaceAll(/[^\w.]/g, ""));
  const root = join(place, "root");
  const arrived = (path: string): boolean => existsSync(join(root, path));
  let server: SshServer;
  let bare: SshServer;
  let nix: Nix;
  let targets: Targets;
  let path = "";

  beforeAll(async () => {
    mkdirSync(join(place, "bin"), { recursive: true });
    writeFileSync(join(place, "bin", "sudo"), '#!/bin/sh\n[ "$1" = -n ] || exit 99\nshift\nexec "$@"\n', { mode: 0o755 });
    const environment = (path: string) => `SetEnv PATH=${path} NIX_REMOTE=local?root=${root} NIX_CONFIG="substituters = "`;
    server = await sshServer({ authorized: [key.publicKey], settings: [environment(`${join(place, "bin")}:${at.path}`)] });
    bare = await sshServer({ authorized: [key.publicKey], settings: [environment("/nonexistent")] });
    nix = nixPort({
      environment: { PATH: at.path, NIX_CONFIG: process.env["NIX_CONFIG"], NIX_REMOTE: process.env["NIX_REMOTE"] },
      scratch: place,
    });
    targets = await openTargets({
      environment: { PATH: at.path },
      scratch: place,
      signal: new AbortController().signal,
      privateKey: key.privateKey,
      knownHosts: `${server.knownHost}\n${bare.knownHost}`,
      nix,
      log: recordingLog(),
    });
    path = build(at, "small", 1000);
  });
  afterEach(() => {
    execFileSync("sh", ["-c", 'chmod -R u+w "$1" 2>/dev/null; rm -rf "$1"', "sh", root]);
  });
  afterAll(async () => {
    await targets.close();
    await server.stop();
    await bare.stop();
  });

  const copy = (changes: Partial<CopyRequest> & { readonly apply?: object } = {}) =>
    copyClosure({
      targets,
      nix,
      address: server.address(),
      paths: [path],
      policy: Policy.parse({ apply: { copy: changes.apply ?? {} } }).apply.copy,
      ...changes,
    });

  test.each([
    ["ssh-ng", false],
    ["ssh-ng", true],
    ["ssh", false],
    ["ssh", true],
  ] as const)("a closure arrives over %s (sudo: %s), and again without work", async (store, sudo) => {
    const states: CopyState[] = [];
    const address = server.address({ sudo });
    const first = await copy({ address, apply: { store }, onProgress: (state) => states.push(state) });
    expect(first).toMatchObject({ ok: true, tries: 1 });
    expect(arrived(path)).toBe(true);
    expect(states.at(-1)).toMatchObject({ paths: { done: 1, total: 1 } });
    if (!version.startsWith("2.8.")) expect(states.at(-1)?.bytes.done).toBeGreaterThan(1000);
    expect(await copy({ address, apply: { store } })).toMatchObject({ ok: true, tries: 1 });
  });

  // Over ssh-ng, 2.8 never asks the host to.
  const mayFetch = version.startsWith("2.8.") ? (["ssh"] as const) : (["ssh", "ssh-ng"] as const);
  test.each(mayFetch.flatMap((store) => [true, false].map((may) => [store, may] as const)))(
    "what the host finds in a cache of its own it fetches from there (%s, where it may: %s)",
    async (store, may) => {
      const cache = await binaryCache(join(place, `cache-${store}-${may}`), at);
      cache.put([], [path]);
      const conf = join(place, "host.conf");
      writeFileSync(conf, `substituters = ${cache.url}\ntrusted-public-keys = ${cache.publicKey}\n`);
      const settings = [`SetEnv PATH=${at.path} NIX_REMOTE=local?root=${root} NIX_USER_CONF_FILES=${conf}`];
      const host = await sshServer({ authorized: [key.publicKey], settings });
      const address = server.address({ port: host.port, hostKeys: [host.hostKey] });
      expect(await copy({ address, apply: { store, substituteOnDestination: may } })).toMatchObject({ ok: true });
      await Promise.all([host.stop(), cache.stop()]);
      expect(arrived(path)).toBe(true);
      expect(cache.asked.some((asked) => asked.startsWith("/nar/"))).toBe(may);
    },
  );

  test("comes back from the host", async () => {
    expect(await copy()).toMatchObject({ ok: true });
    const result = await targets.copyFrom({
      address: server.address(),
      paths: [path],
      store: "ssh-ng",
      substituteOnDestination: false,
      checkSignatures: false,
      timeoutSeconds: 60,
    });
    expect(result.exitCode).toBe(0);
  });

  test("unsigned paths are refused where signatures count, until they are signed", async () => {
    expect(await copy({ apply: { checkSignatures: true } })).toMatchObject({ ok: false, tries: 1, failure: { code: "copy-unsigned" } });
    expect(arrived(path)).toBe(false);
    const file = join(place, "signing key");
    writeFileSync(file, execFileSync(join(at.directory, "nix"), [...flags, "key", "generate-secret", "--key-name", "test-1"]), {
      mode: 0o600,
    });
    // Signed with a key that the host does not trust: refused as before, and the signing itself works.
    expect(await copy({ apply: { checkSignatures: true, signingKeyFile: file } })).toMatchObject({
      ok: false,
      failure: { code: "copy-unsigned" },
    });
    expect(await copy({ apply: { signingKeyFile: join(place, "none") } })).toMatchObject({
      ok: false,
      failure: { code: "copy-signing-failed" },
    });
  });

  test.each(["ssh-ng", "ssh"] as const)("a host without Nix is told (%s)", async (store) => {
    expect(await copy({ address: bare.address(), apply: { store } })).toMatchObject({ ok: false, failure: { code: "copy-no-nix" } });
  });

  test("a host that cannot be reached, or is another, is told as always", async () => {
    const unreachable = await copy({ address: server.address({ port: 1 }) });
    expect(unreachable).toMatchObject({ ok: false, tries: 2, failure: { code: "target-unreachable" } });
    const other = await copy({ address: server.address({ hostKeys: [makeKey().publicKey] }) });
    expect(other).toMatchObject({ ok: false, tries: 1, failure: { code: "target-host-key-changed" } });
  });

  test("a path that is not there is told", async () => {
    const gone = path.replace(/store\/.{32}/, `store/${"0".repeat(32)}`);
    expect(await copy({ paths: [gone] })).toMatchObject({ ok: false, tries: 1, failure: { code: "copy-path-missing" } });
  });

  test.each(["ssh-ng", "ssh"] as const)("a connection that breaks (%s) is tried again, once", async (store) => {
    const large = build(at, `large-${store}`, 300_000_000);
    let broken = 0;
    let tries = 0;
    const breaking = (times: number): CopyRequest["targets"] => ({
      copyTo: (run) => {
        tries++;
        const watch = setInterval(() => {
          if (broken >= times || !server.children().some((pid) => existsSync(`/proc/${pid}`))) return;
          broken++;
          for (const pid of server.children()) kill(pid);
        }, 20);
        return targets.copyTo(run).finally(() => clearInterval(watch));
      },
    });
    expect(await copy({ paths: [large], targets: breaking(1), apply: { store } })).toMatchObject({ ok: true, tries: 2 });
    expect([broken, tries, arrived(large)]).toEqual([1, 2, true]);
    const again = await copy({ paths: [large], targets: breaking(99), apply: { store } });
    expect(again).toMatchObject({ ok: false, tries: 2, failure: { code: expect.stringMatching(/^target-(?:lost|unreachable)$/) } });
  });

  test("the time limit holds", async () => {
    const stuck = await sshServer({ authorized: [key.publicKey], settings: ["ForceCommand sleep 100"] });
    const result = await targets.copyTo({
      address: server.address({ port: stuck.port, hostKeys: [stuck.hostKey] }),
      paths: [path],
      store: "ssh-ng",
      substituteOnDestination: true,
      checkSignatures: false,
      timeoutSeconds: 2,
    });
    await stuck.stop();
    expect(result).toMatchObject({ timedOut: true });
  });
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));
