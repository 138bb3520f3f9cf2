import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { Nix, RemoteResult, RemoteRun, Targets } from "../../src/io/ports.ts";
import { openTargets, type TargetOptions } from "../../src/io/target.ts";
import { recordingLog } from "../nix/recording-log.ts";
import { descendants, freePort, kill, login, makeKey, sshDirectory, sshServer, type SshServer } from "./ssh-server.ts";

const scratch = sshDirectory();
const key = makeKey();
const noNix: Nix = {
  version: () => Promise.reject(new Error("Nobody asks.")),
  run: () => Promise.reject(new Error("Nobody asks.")),
};
// A login is a second where others use the machine too, and what is stopped has five seconds to go by itself.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let server: SshServer;
const servers: SshServer[] = [];
const opened: Targets[] = [];

const start = async (...words: Parameters<typeof sshServer>): Promise<SshServer> => {
  const made = await sshServer(...words);
  servers.push(made);
  return made;
};

let runs = 0;
/** Targets with a directory of their own; closed after the test. */
async function targets(changes: Partial<TargetOptions> = {}): Promise<Targets & { readonly scratch: string }> {
  const own = join(scratch, String(runs++));
  mkdirSync(own);
  const made = await openTargets({
    environment: { PATH: process.env["PATH"], SECRET: "do-not-pass-on" },
    scratch: own,
    signal: new AbortController().signal,
    privateKey: key.privateKey,
    knownHosts: server.knownHost,
    nix: noNix,
    log: recordingLog(),
    ...changes,
  });
  opened.push(made);
  return { ...made, scratch: own };
}

const asked = (changes: Partial<RemoteRun> = {}): RemoteRun => ({
  address: server.address(),
  program: "put answer 42",
  arguments: [],
  connection: "new",
  timeoutSeconds: 30,
  ...changes,
});
const value = (result: RemoteResult, name: string): string | undefined => result.records.find((record) => record.name === name)?.value;
const alive = (pid: number): boolean => existsSync(`/proc/${pid}`) && !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
async function until(what: () => boolean): Promise<void> {
  for (let tries = 0; !what(); tries++) {
    if (tries > 400) throw new Error(`It never came to this: ${what.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

beforeAll(async () => {
  server = await start({ authorized: [key.publicKey] });
});
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
  for (const each of servers.splice(1)) await each.stop();
});
afterAll(async () => {
  for (const each of servers) await each.stop();
  rmSync(scratch, { recursive: true, force: true });
});

describe("a program on a host", () => {
  test.each(["new", "shared"] as const)("runs over a %s connection and answers in records", async (connection) => {
    const result = await (
      await targets()
    ).run(asked({ program: 'put answer "$1"; echo aside >&2; exit 3', arguments: ["42"], connection }));
    expect(result).toEqual({ ok: true, exitCode: 3, records: [{ name: "answer", value: "42" }], stderr: "aside\n" });
  });

  test("gets its arguments byte for byte", async () => {
    const every = Array.from({ length: 255 }, (_, index) => String.fromCharCode(index + 1)).join("");
    const long = `${"é\n'\"$(touch /tmp/x)`\\ ".repeat(60_000)}\n\n`.slice(0, 1024 * 1024);
    const words = [every, "", "\n\n", "-n", "ends in newlines\n\n\n", long, "$1 `id` 'x' \\"];
    const program = 'put count "$#"; for each; do put argument "$each"; done';
    const result = await (await targets()).run(asked({ program, arguments: words }));
    expect(result.ok).toBe(true);
    expect(value(result, "count")).toBe(String(words.length));
    expect(result.records.slice(1).map((record) => record.value)).toEqual(words);
  });

  test("is refused where an argument holds a NUL byte", async () => {
    const result = await (await targets()).run(asked({ arguments: ["a\0b"] }));
    expect(result).toMatchObject({ ok: false, trouble: "not-understood", detail: expect.stringContaining("NUL") });
  });

  test("reads files as they are, and says nothing of those that are not there", async () => {
    const path = join(scratch, "with space\nand line");
    writeFileSync(path, Buffer.from("a\0b\nnot cut\n\n"));
    const program =
      'put_file whole "$1" 100; put_file cut "$1" 3; put_file none "$1.not" 9; put_file directory / 9; put_output said 5 sh -c "echo hello world; exit 4"; :';
    const result = await (await targets()).run(asked({ program, arguments: [path] }));
    expect(result.records).toEqual([
      { name: "whole", value: "a\0b\nnot cut\n\n" },
      { name: "cut", value: "a\0b" },
      { name: "said", value: "hello" },
      { name: "said.exit", value: expect.stringMatching(/^(4|141)$/) },
    ]);
  });

  test("finds stdin empty, stdout apart from its answer, and no variable of ours", async () => {
    const program =
      'put input "$(cat)"; echo 00000000000000000000000000000000 end 0; put secret "${SECRET-}"; put mask "$(umask)"; put all "$LC_ALL"';
    const result = await (await targets()).run(asked({ program }));
    expect(result).toMatchObject({ ok: true, exitCode: 0, stderr: "00000000000000000000000000000000 end 0\n" });
    expect(result.records.map((record) => record.value)).toEqual(["", "", "0077", "C"]);
  });

  test("that names a variable nobody set, or is no shell, ends with its exit code", async () => {
    const to = await targets();
    const unset = await to.run(asked({ program: 'put a "$1"; put b never' }));
    expect(unset).toMatchObject({ ok: true, records: [] });
    expect(unset.ok && unset.exitCode).not.toBe(0);
    const syntax = await to.run(asked({ program: "put a 1\nif then" }));
    expect(syntax.ok && syntax.exitCode).not.toBe(0);
  });

  test.each(["bash", "dash", "fish", "zsh"].filter((shell) => existsSync(`/usr/bin/${shell}`)))(
    "runs where %s is the login shell",
    async (shell) => {
      // sshd hands the command to the login shell; this one hands it on, unread, to the one that is tried.
      const other = await start({
        authorized: [key.publicKey],
        settings: [`ForceCommand exec /usr/bin/${shell} -c "$SSH_ORIGINAL_COMMAND"`],
      });
      const to = await targets({ knownHosts: other.knownHost });
      for (const connection of ["new", "shared"] as const) {
        const result = await to.run(asked({ address: other.address(), arguments: ["it's\n$HOME"], program: 'put a "$1"', connection }));
        expect(result).toMatchObject({ ok: true, records: [{ name: "a", value: "it's\n$HOME" }] });
      }
    },
  );

  test("tells each record as it comes", async () => {
    const seen: string[] = [];
    const result = await (await targets()).run(asked({ program: "put a 1; put b 2", onRecord: (record) => seen.push(record.name) }));
    expect([seen, result.ok]).toEqual([["a", "b"], true]);
  });

  test("throws what its listener throws, and ends", async () => {
    const to = await targets();
    const onRecord = (): void => {
      throw new Error("a defect");
    };
    await expect(to.run(asked({ program: "put a 1; sleep 100", onRecord }))).rejects.toThrow("a defect");
  });
});

describe("who is let through", () => {
  test("an unknown host key is refused, and nothing is learned", async () => {
    const to = await targets({ knownHosts: "" });
    for (const connection of ["new", "shared", "new"] as const)
      expect(await to.run(asked({ connection }))).toMatchObject({ ok: false, trouble: "host-key-unknown", records: [] });
  });
  test("another host key than the known one is refused", async () => {
    const wrong = `[127.0.0.1]:${server.port} ${makeKey().publicKey}`;
    const result = await (await targets({ knownHosts: wrong })).run(asked());
    expect(result).toMatchObject({ ok: false, trouble: "host-key-changed" });
  });
  test("the key of another host is no key of this one", async () => {
    const to = await targets({ knownHosts: `db.example.org ${server.hostKey}\n[127.0.0.1]:${server.port + 1} ${server.hostKey}` });
    expect(await to.run(asked())).toMatchObject({ ok: false, trouble: "host-key-unknown" });
  });
  test("pinned keys count, and beside them nothing does", async () => {
    const to = await targets({ knownHosts: "" });
    expect(await to.run(asked({ address: server.address({ hostKeys: [server.hostKey] }) }))).toMatchObject({ ok: true });
    const other = await targets({ knownHosts: `${server.knownHost}\n* ${server.hostKey}` });
    expect(await other.run(asked({ address: server.address({ hostKeys: [makeKey().publicKey] }) }))).toMatchObject({
      ok: false,
      trouble: "host-key-changed",
    });
  });
  test("a revoked key is refused", async () => {
    const result = await (await targets({ knownHosts: `${server.knownHost}\n@revoked * ${server.hostKey}` })).run(asked());
    expect(result).toMatchObject({ ok: false, trouble: "host-key-changed" });
  });
  test("a key that the host does not know is refused", async () => {
    const result = await (await targets({ privateKey: makeKey().privateKey })).run(asked({ connection: "shared" }));
    expect(result).toMatchObject({ ok: false, trouble: "access-refused", detail: expect.stringContaining("Permission denied") });
  });
  test("without a key the agent is asked", async () => {
    const directory = join(scratch, "agent");
    mkdirSync(directory);
    const socket = join(directory, "socket");
    const agent = execFileSync("ssh-agent", ["-a", socket], { encoding: "utf8" });
    try {
      writeFileSync(join(directory, "key"), key.privateKey, { mode: 0o600 });
      execFileSync("ssh-add", ["-q", join(directory, "key")], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
      const environment = { PATH: process.env["PATH"], SSH_AUTH_SOCK: socket };
      const { privateKey: _, ...rest } = { privateKey: undefined, environment };
      const to = await openTargets({
        ...rest,
        scratch: directory,
        signal: new AbortController().signal,
        knownHosts: server.knownHost,
        nix: noNix,
        log: recordingLog(),
      });
      opened.push(to);
      expect(await to.run(asked())).toMatchObject({ ok: true });
    } finally {
      process.kill(Number(/SSH_AGENT_PID=(\d+)/.exec(agent)?.[1]));
    }
  });
  test.each([
    ["an empty one", "  \n", "it is empty"],
    ["a public one", key.publicKey, "it is a public key"],
    ["one with a passphrase", makeKey("hunter2").privateKey, "passphrase"],
    ["a broken one", key.privateKey.replace(/b3BlbnNzaC1rZXk/, "b3BlbnNzaC1rZXl"), "not a private key"],
    ["half of one", key.privateKey.slice(0, 200), "not a private key"],
  ])("%s is no key to use, which is said at once and leaves nothing behind", async (_, privateKey, problem) => {
    await expect(targets({ privateKey })).rejects.toMatchObject({
      failure: { code: "ssh-key-unusable", message: expect.stringContaining(problem) },
    });
    const left = readdirSync(join(scratch, String(runs - 1)), { recursive: true });
    expect(left.filter((name) => name !== "ssh-home")).toEqual([]);
  });
  test("a key with the line ends of Windows and no last one is a key", async () => {
    const to = await targets({ privateKey: key.privateKey.trim().replaceAll("\n", "\r\n") });
    expect(await to.run(asked())).toMatchObject({ ok: true });
  });
});

describe("a host that is not what it should be", () => {
  test("nobody listens", async () => {
    const address = server.address({ port: await freePort() });
    for (const connection of ["new", "shared"] as const)
      expect(await (await targets()).run(asked({ address, connection }))).toMatchObject({
        ok: false,
        trouble: "unreachable",
        detail: expect.stringContaining("refused"),
      });
  });
  test("a name that nobody knows", async () => {
    const result = await (await targets()).run(asked({ address: server.address({ hostname: "no-such-host.invalid" }) }));
    expect(result).toMatchObject({ ok: false, trouble: "unreachable" });
  });
  test("something listens that is not sshd", async () => {
    const other = createServer((socket) => socket.on("error", () => {}).end("220 mail.example.org ESMTP\r\n"));
    const port = await freePort();
    await new Promise<void>((resolve) => other.listen(port, "127.0.0.1", resolve));
    const result = await (await targets()).run(asked({ address: server.address({ port }) }));
    other.close();
    expect(result).toMatchObject({ ok: false, trouble: "unreachable" });
  });
  test.each([
    ["prints and ends", "echo Welcome to the bastion", "not-understood", "Welcome"],
    ["sends everything back", "cat", "not-understood", ""],
    ["floods", "yes this never ends", "not-understood", ""],
    ["is closed", "echo This account is currently not available.; exit 1", "not-understood", "not available"],
  ])("a forced command that %s", async (_, command, trouble, detail) => {
    const other = await start({ authorized: [key.publicKey], settings: [`ForceCommand ${command}`] });
    const to = await targets({ knownHosts: other.knownHost });
    const limit = command === "cat" ? 3 : 30;
    const result = await to.run(asked({ address: other.address(), timeoutSeconds: limit }));
    expect(result).toMatchObject({
      ok: false,
      trouble: command === "cat" ? "timed-out" : trouble,
      detail: expect.stringContaining(detail),
    });
    const shared = await to.run(asked({ address: other.address(), timeoutSeconds: limit, connection: "shared" }));
    expect(shared).toMatchObject({ ok: false });
  });
  test("a login that talks before and after is listened through", async () => {
    const noise = "printf 'Welcome, \\033[31mall\\033[0m of you'; echo more >&2; sh -c \"$SSH_ORIGINAL_COMMAND\"; echo goodbye";
    const other = await start({ authorized: [key.publicKey], settings: [`ForceCommand ${noise}`] });
    const to = await targets({ knownHosts: other.knownHost });
    for (const connection of ["new", "shared"] as const)
      expect(await to.run(asked({ address: other.address(), connection }))).toMatchObject({
        ok: true,
        records: [{ name: "answer", value: "42" }],
      });
  });
  test("a login that never comes to the command is not waited for", async () => {
    const other = await start({ authorized: [key.publicKey], settings: ["ForceCommand sleep 100"] });
    const to = await targets({ knownHosts: other.knownHost });
    for (const connection of ["new", "shared"] as const) {
      const result = await to.run(asked({ address: other.address(), connection, timeoutSeconds: 2 }));
      expect(result).toMatchObject({ ok: false, trouble: "timed-out" });
    }
  });
  test("what it says is free of escapes and bounded", async () => {
    const command = "printf '\\033]0;title\\007\\033[2Jgone\\r%4000d' 0; exit 9";
    const other = await start({ authorized: [key.publicKey], settings: [`ForceCommand ${command}`] });
    const result = await (await targets({ knownHosts: other.knownHost })).run(asked({ address: other.address() }));
    expect(result).toMatchObject({ ok: false, trouble: "not-understood" });
    const detail = result.ok ? "" : result.detail;
    expect(detail).toContain("gone");
    expect(detail).not.toMatch(/(?![\n\t])\p{Cc}/u);
    expect(detail.length).toBeLessThanOrEqual(2100);
  });
  test.each([
    ["sudo: a password is required", "echo sudo: a password is required >&2; exit 1"],
    ["a terminal", "echo 'sudo: a terminal is required to read the password; either use the -S option' >&2; exit 1"],
    ["the sudoers file", "echo deploy is not in the sudoers file. >&2; exit 1"],
    ["no sudo at all", "nothing"],
  ])("sudo that refuses: %s", async (_, script) => {
    const bin = join(scratch, `sudo${runs}`);
    mkdirSync(bin);
    if (script !== "nothing") writeFileSync(join(bin, "sudo"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    // Without any sudo in it, and with what sshd and a shell need.
    for (const name of ["cat", "sh"]) execFileSync("ln", ["-s", `/bin/${name}`, join(bin, name)]);
    const other = await start({ authorized: [key.publicKey], settings: [`SetEnv PATH=${bin}`] });
    const to = await targets({ knownHosts: other.knownHost });
    for (const connection of ["new", "shared"] as const)
      expect(await to.run(asked({ address: other.address({ sudo: true }), connection }))).toMatchObject({
        ok: false,
        trouble: "sudo-refused",
      });
  });
  test("sudo that lets us", async () => {
    const bin = join(scratch, `sudo${runs}`);
    mkdirSync(bin);
    writeFileSync(join(bin, "sudo"), '#!/bin/sh\n[ "$1 $2" = "-n --" ] || exit 99\nshift 2\nBECAME=root exec "$@"\n', { mode: 0o755 });
    const other = await start({ authorized: [key.publicKey], settings: [`SetEnv PATH=${bin}:/usr/bin:/bin`] });
    const to = await targets({ knownHosts: other.knownHost });
    const result = await to.run(asked({ address: other.address({ sudo: true }), program: 'put became "${BECAME-}"' }));
    expect(result).toMatchObject({ ok: true, records: [{ name: "became", value: "root" }] });
  });
  test("an answer without end is cut", async () => {
    const to = await targets();
    const program = 'while :; do put more "$1"; done';
    const result = await to.run(asked({ program, arguments: ["x".repeat(5000)], maxBytes: 100_000 }));
    expect(result).toMatchObject({ ok: false, trouble: "not-understood", detail: expect.stringContaining("100000 bytes") });
    expect(result.records.length).toBeLessThanOrEqual(20);
  });
  test("without ssh on this machine it is told", async () => {
    const to = await targets({ environment: { PATH: "/nonexistent" } });
    for (const connection of ["new", "shared"] as const)
      expect(await to.run(asked({ connection }))).toMatchObject({ ok: false, trouble: "no-ssh" });
  });
});

describe("a connection that breaks", () => {
  test.each(["new", "shared"] as const)(
    "in the middle of a program (%s) is lost, never an end, and the next one works",
    async (connection) => {
      const to = await targets();
      let pid = 0;
      const result = await to.run(
        asked({
          connection,
          program: 'put pid "$$"; put server "$PPID"; sleep 100; put never 1',
          onRecord: ({ name, value: text }) => {
            if (name === "pid") pid = Number(text);
            else for (const each of server.children()) if (each !== pid) kill(each);
          },
        }),
      );
      expect(result).toMatchObject({ ok: false, trouble: "lost" });
      expect(result.records.map((record) => record.name)).toEqual(["pid", "server"]);
      expect(await to.run(asked({ connection }))).toMatchObject({ ok: true });
      await until(() => !alive(pid));
    },
  );

  test("a program that hangs is stopped on both sides", async () => {
    for (const connection of ["new", "shared"] as const) {
      const to = await targets();
      const program = 'trap \'\' TERM HUP; put pid "$$"; sleep 300 & put child "$!"; wait; sleep 300';
      const result = await to.run(asked({ connection, program, timeoutSeconds: 2 }));
      expect(result).toMatchObject({ ok: false, trouble: "timed-out" });
      const left = result.records.map((record) => Number(record.value));
      expect(left).toHaveLength(2);
      await until(() => !left.some(alive));
    }
  });

  test("nothing is left on the host after a program that ended", async () => {
    const to = await targets();
    await to.run(asked());
    await until(() => server.children().length === 0);
  });

  test("a run that is killed leaves no program and no connection behind", async () => {
    const own = join(scratch, "killed");
    mkdirSync(own);
    const script = join(import.meta.dirname, "target-killed.ts");
    const child = spawn(process.execPath, [script, own, JSON.stringify(server.address()), server.knownHost], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    child.stdin.end(key.privateKey);
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
    await until(() => said.split("\n").length === 3);
    const programs = said.trim().split("\n").map(Number);
    const clients = descendants(child.pid ?? 0);
    expect(clients.length).toBeGreaterThanOrEqual(3);
    child.kill("SIGKILL");
    await until(() => ![...programs, ...clients].some(alive) && server.children().length === 0);
  });

  test("a cancelled run ends everything and takes the key away", async () => {
    const controller = new AbortController();
    const to = await targets({ signal: controller.signal });
    await to.run(asked({ connection: "shared" }));
    let pid = 0;
    const running = to.run(
      asked({
        connection: "shared",
        program: 'put pid "$$"; sleep 300',
        onRecord: (record) => {
          pid = Number(record.value);
          controller.abort();
        },
      }),
    );
    await expect(running).rejects.toMatchObject({ failure: { code: "cancelled" } });
    expect(readdirSync(to.scratch)).toEqual(["ssh-home"]);
    await until(() => !alive(pid) && server.children().length === 0);
    await expect(to.run(asked())).rejects.toMatchObject({ failure: { code: "cancelled" } });
  });
});

describe("what is shared and what is not", () => {
  test("one login serves many programs, a new connection has its own", async () => {
    const to = await targets();
    const logins = (): number => server.log().split("Accepted publickey").length - 1;
    const before = logins();
    const results = await Promise.all(Array.from({ length: 6 }, () => to.run(asked({ connection: "shared" }))));
    expect(results.every((result) => result.ok)).toBe(true);
    expect(logins() - before).toBe(1);
    await to.run(asked({ connection: "new" }));
    expect(logins() - before).toBe(2);
    expect(to.roundTrips(server.address())).toBe(8);
    expect(to.roundTrips(server.address({ user: "somebody" }))).toBe(0);
  });

  test("a host that allows one session only is spoken to all the same", async () => {
    const other = await start({ authorized: [key.publicKey], settings: ["MaxSessions 1"] });
    const to = await targets({ knownHosts: other.knownHost });
    expect(await to.run(asked({ address: other.address(), connection: "shared" }))).toMatchObject({ ok: true });
  });

  test("a host that comes back is connected to anew", async () => {
    const hostKey = makeKey();
    const other = await start({ authorized: [key.publicKey], hostKey });
    const to = await targets({ knownHosts: "" });
    const address = other.address({ hostKeys: [hostKey.publicKey] });
    expect(await to.run(asked({ address, connection: "shared" }))).toMatchObject({ ok: true });
    for (const each of other.children()) kill(each);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await to.run(asked({ address, connection: "shared" }))).toMatchObject({ ok: true });
  });

  test("a host that has gone since is unreachable, not lost: no program of ours can have begun", async () => {
    const other = await start({ authorized: [key.publicKey] });
    const to = await targets({ knownHosts: other.knownHost });
    expect(await to.run(asked({ address: other.address(), connection: "shared" }))).toMatchObject({ ok: true });
    await servers.pop()?.stop();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await to.run(asked({ address: other.address(), connection: "shared" }))).toMatchObject({ ok: false, trouble: "unreachable" });
  });

  test("the socket's path is short, whatever the scratch directory is called", async () => {
    const long = join(scratch, "a directory with spaces and a name that is much too long for a socket ".repeat(2).trim());
    mkdirSync(long);
    const to = await targets({ scratch: long });
    expect(await to.run(asked({ connection: "shared" }))).toMatchObject({ ok: true });
    expect(to.roundTrips(server.address())).toBe(2);
  });
});

describe("jump hosts", () => {
  const through = async (): Promise<SshServer> => start({ authorized: [key.publicKey] });

  test("lead to the host, one or several", async () => {
    const [first, second] = [await through(), await through()];
    const to = await targets({ knownHosts: [server, first, second].map((each) => each.knownHost).join("\n") });
    const [a, b] = [`${login}@127.0.0.1:${first.port}`, `127.0.0.1:${second.port}`];
    for (const jump of [[a], [a, b]])
      for (const connection of ["new", "shared"] as const)
        expect(await to.run(asked({ address: server.address({ jump }), connection }))).toMatchObject({ ok: true });
    expect([first, second].map((each) => each.log().split("Accepted publickey").length - 1)).toEqual([4, 2]);
    await to.close();
    await until(() => [...first.children(), ...second.children()].length === 0);
  });

  test("are held to their own keys as strictly as the host", async () => {
    const first = await through();
    const address = server.address({ jump: [`127.0.0.1:${first.port}`], hostKeys: [server.hostKey] });
    const said: string[] = [];
    for (const knownHosts of ["", `[127.0.0.1]:${first.port} ${makeKey().publicKey}`])
      for (const connection of ["new", "shared"] as const) {
        const result = await (await targets({ knownHosts })).run(asked({ address, connection }));
        expect(result).toMatchObject({ ok: false, trouble: "jump-failed" });
        said.push(result.ok ? "" : result.detail);
      }
    expect(said[0]).toContain("No ED25519 host key is known");
    expect(said[2]).toContain("HOST IDENTIFICATION HAS CHANGED");
    expect(first.log()).not.toContain("Accepted publickey");
  });

  test("let nobody in whom they do not know", async () => {
    const first = await start({ authorized: [] });
    const to = await targets({ knownHosts: `${server.knownHost}\n${first.knownHost}` });
    const result = await to.run(asked({ address: server.address({ jump: [`127.0.0.1:${first.port}`] }) }));
    expect(result).toMatchObject({ ok: false, trouble: "jump-failed", detail: expect.stringContaining("Permission denied") });
  });

  test("that cannot be reached, forward nothing, or reach nobody are told apart from the host", async () => {
    const strict = await start({ authorized: [key.publicKey], settings: ["AllowTcpForwarding no"] });
    const first = await through();
    const to = await targets({ knownHosts: [server, strict, first].map((each) => each.knownHost).join("\n") });
    const by = (jump: number, port = server.port) => to.run(asked({ address: server.address({ port, jump: [`127.0.0.1:${jump}`] }) }));
    expect(await by(await freePort())).toMatchObject({ ok: false, trouble: "jump-failed" });
    expect(await by(strict.port)).toMatchObject({ ok: false, trouble: "jump-failed" });
    expect(await by(first.port, await freePort())).toMatchObject({ ok: false, trouble: "unreachable" });
  });

  test("do not stand in for the host's own key or refusal", async () => {
    const first = await through();
    const closed = await start({ authorized: [] });
    const jump = [`127.0.0.1:${first.port}`];
    const to = await targets({ knownHosts: `${first.knownHost}\n${closed.knownHost}\n[127.0.0.1]:${server.port} ${makeKey().publicKey}` });
    expect(await to.run(asked({ address: server.address({ jump }) }))).toMatchObject({ ok: false, trouble: "host-key-changed" });
    expect(await to.run(asked({ address: closed.address({ jump }) }))).toMatchObject({ ok: false, trouble: "access-refused" });
  });
});

describe("secrets", () => {
  test("are in no argument, no environment and, once closed, in no file", async () => {
    const to = await targets();
    const words: string[] = [];
    const body = key.privateKey.split("\n")[1] ?? "";
    const modes: number[] = [];
    await to.run(asked({ connection: "shared" }));
    await to.run(
      asked({
        connection: "shared",
        program: "put a 1; sleep 1",
        onRecord: () => {
          for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
            try {
              if (!readFileSync(`/proc/${pid}/cmdline`, "latin1").startsWith("ssh\0")) continue;
              words.push(readFileSync(`/proc/${pid}/cmdline`, "latin1"), readFileSync(`/proc/${pid}/environ`, "latin1"));
            } catch {
              // It has ended meanwhile, or it is not ours.
            }
          }
          const directory = readdirSync(to.scratch).find((name) => name.startsWith("ssh-") && name !== "ssh-home") ?? "";
          modes.push(statSync(join(to.scratch, directory)).mode & 0o777, statSync(join(to.scratch, directory, "key")).mode & 0o777);
        },
      }),
    );
    expect(modes).toEqual([0o700, 0o600]);
    expect(words.some((word) => word.includes(to.scratch))).toBe(true);
    expect(words.filter((word) => word.includes(body) || word.includes("do-not-pass-on"))).toEqual([]);
    await to.close();
    expect(readdirSync(to.scratch)).toEqual(["ssh-home"]);
    expect(readdirSync(join(to.scratch, "ssh-home"))).toEqual([]);
    await to.close();
  });
});
