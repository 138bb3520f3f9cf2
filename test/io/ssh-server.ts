import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { connect } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { Address } from "../../src/target/address.ts";
import { HostName } from "../../src/discover/host.ts";
import { isRoot } from "../nix/root.ts";

/** A real sshd on loopback, with keys, a configuration and a port of its own. */
export type SshServer = {
  readonly port: number;
  /** `ssh-ed25519 AAAA…` of the server. */
  readonly hostKey: string;
  /** The line for a known_hosts file. */
  readonly knownHost: string;
  readonly log: () => string;
  /** Numbers of the processes that serve connections. */
  readonly children: () => number[];
  readonly address: (changes?: Partial<Address>) => Address;
  readonly stop: () => Promise<void>;
};

export type SshServerOptions = {
  /** Public keys that are let in. */
  readonly authorized: readonly string[];
  /** More lines of sshd_config. */
  readonly settings?: readonly string[];
  /** The command that runs it: `unshare`, say, with its options. */
  readonly within?: readonly string[];
  readonly hostKey?: { readonly privateKey: string; readonly publicKey: string };
};

/** The account that sshd lets in: this one. In the user namespace of `.ci/with-store` it is outside that it has a name and a shell. */
const outside = Number(/^\s*0\s+(\d+)/.exec(readFileSync("/proc/self/uid_map", "utf8"))?.[1] ?? 0);
const nested = process.getuid?.() === 0 && !isRoot;
export const login: string = nested
  ? (execFileSync("getent", ["passwd", String(outside)], { encoding: "utf8" }).split(":")[0] ?? "")
  : userInfo().username;

const sshd = ["/usr/sbin/sshd", "/run/current-system/sw/bin/sshd", "/usr/local/sbin/sshd"].find((path) => existsSync(path));

/** Where the tests' keys and servers lie. */
export function sshDirectory(): string {
  return mkdtempSync(join(tmpdir(), "gate-ssh-"));
}

export type KeyPair = { readonly privateKey: string; readonly publicKey: string };

export function makeKey(passphrase = "", type = "ed25519"): KeyPair {
  const directory = sshDirectory();
  try {
    execFileSync("ssh-keygen", ["-q", "-t", type, "-N", passphrase, "-C", "", "-f", join(directory, "key")]);
    return {
      privateKey: readFileSync(join(directory, "key"), "utf8"),
      publicKey: readFileSync(join(directory, "key.pub"), "utf8").trim().split(" ").slice(0, 2).join(" "),
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("There is no port to be had.");
  return address.port;
}

export async function sshServer(options: SshServerOptions): Promise<SshServer> {
  if (sshd === undefined) throw new Error("These tests need sshd. Run: sh .ci/setup ssh");
  // As root sshd wants its empty directory, which Debian's service makes.
  if (isRoot) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  const directory = sshDirectory();
  const key = options.hostKey ?? makeKey();
  const port = await freePort();
  writeFileSync(join(directory, "host"), key.privateKey, { mode: 0o600 });
  writeFileSync(join(directory, "authorized"), options.authorized.map((line) => `${line}\n`).join(""), { mode: 0o600 });
  const config = [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${join(directory, "host")}`,
    `AuthorizedKeysFile ${join(directory, "authorized")}`,
    "StrictModes no",
    "UsePAM no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin prohibit-password",
    "PidFile none",
    "MaxStartups 100",
    "LogLevel VERBOSE",
    ...(options.settings ?? []),
  ];
  writeFileSync(join(directory, "config"), `${config.join("\n")}\n`);
  const words = [...(options.within ?? []), sshd, "-D", "-e", "-f", join(directory, "config")];
  const [program = "", ...rest] = nested ? ["unshare", "--user", `--map-user=${outside}`, ...words] : words;
  const child = spawn(program, rest, { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (log += text));
  await listening(port, child, () => log);
  const hostKey = key.publicKey;
  return {
    port,
    hostKey,
    knownHost: `[127.0.0.1]:${port} ${hostKey}`,
    log: () => log,
    children: () => (child.pid === undefined ? [] : descendants(child.pid)),
    address: (changes = {}) => ({
      host: HostName.parse("web"),
      hostname: "127.0.0.1",
      port,
      user: login,
      sudo: false,
      jump: [],
      identity: { name: "web", machineId: undefined },
      hostKeys: [],
      ...changes,
    }),
    stop: async () => {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      for (const each of child.pid === undefined ? [] : descendants(child.pid)) kill(each);
      child.kill("SIGKILL");
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}

/** Every process below this one. */
export function descendants(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
      .split(" ")
      .filter((word) => word !== "")
      .flatMap((word) => [Number(word), ...descendants(Number(word))]);
  } catch {
    return [];
  }
}

async function listening(port: number, child: ChildProcess, log: () => string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) throw new Error(`sshd does not start: ${log()}`);
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.destroy();
        resolve(true);
      }).once("error", () => resolve(false));
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`sshd does not listen: ${log()}`);
}
