import { closeSync, fstatSync, mkdirSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Address } from "../target/address.ts";
import { jumpHop, knownHostsText, proxyCommand, sshConfig } from "./ssh-options.ts";

/** What one address needs on disk. */
export type AddressFiles = {
  readonly config: string;
  /** Of the shared connection. */
  readonly socket: string;
  /** Where the jump hosts' ssh writes; undefined where there are none. */
  readonly jumpLog: string | undefined;
  /** A new log for one connection. */
  log(): string;
};

export type SshFiles = {
  /** 0700, this run's alone. */
  readonly directory: string;
  readonly key: string | undefined;
  of(address: Address): AddressFiles;
  /** Takes everything away, the key first. Safe to call again. */
  remove(): void;
};

/** Of a socket's path, which the kernel cuts at 108 bytes; ssh adds a dot and 16 characters while it makes one, and `/99/s` comes behind. */
const pathLimit = 70;
/** Split at spaces by Nix, read by /bin/sh in a ProxyCommand and expanded by ssh (`%`, `~`, `$`). */
const plain = /^\/[A-Za-z0-9._/+-]*$/;

/** Makes the directory of a run: below `scratch` where its path suits ssh, else in the directory for temporary files. */
export function sshFiles(scratch: string, known: string, privateKey: string | undefined): SshFiles {
  const parent = [scratch, tmpdir(), "/tmp"].find((path) => plain.test(path) && path.length <= pathLimit) ?? "/tmp";
  // mkdtemp gives 0700 and a name that nobody can foresee.
  const directory = mkdtempSync(join(parent, "ssh-"));
  const key = privateKey === undefined ? undefined : join(directory, "key");
  const remove = (): void => {
    if (key !== undefined) rmSync(key, { force: true });
    rmSync(directory, { recursive: true, force: true });
  };
  const write = (name: string, text: string): string => {
    const path = join(directory, name);
    writeFileSync(path, text, { mode: 0o600, flag: "wx" });
    return path;
  };
  try {
    if (privateKey !== undefined) write("key", `${privateKey.replaceAll("\r\n", "\n").trim()}\n`);
    const knownHosts = write("known_hosts", known);
    const made = new Map<string, AddressFiles>();
    const make = (address: Address): AddressFiles => {
      const name = String(made.size);
      mkdirSync(join(directory, name), { mode: 0o700 });
      const jumpLog = join(directory, name, "jump.log");
      const hops = address.jump.map((word) => jumpHop(word, address));
      const chain = [...hops, address];
      let through: string | undefined;
      hops.forEach((hop, index) => {
        const config = write(`${name}/jump${index}`, sshConfig(hop, { knownHosts, key }, through));
        through = proxyCommand(config, jumpLog, `jump${index}`, chain[index + 1] ?? address);
      });
      const own = write(`${name}/known_hosts`, knownHostsText(address, known));
      const config = write(`${name}/config`, sshConfig(address, { knownHosts: own, key }, through));
      let logs = 0;
      return {
        config,
        socket: join(directory, name, "s"),
        jumpLog: hops.length === 0 ? undefined : jumpLog,
        log: () => join(directory, name, `log${logs++}`),
      };
    };
    return {
      directory,
      key,
      of: (address) => {
        const { host, hostname, port, user, jump, hostKeys } = address;
        const id = JSON.stringify([host, hostname, port, user, jump, hostKeys]);
        const files = made.get(id) ?? make(address);
        made.set(id, files);
        return files;
      },
      remove,
    };
  } catch (error) {
    remove();
    throw error;
  }
}

const logLimit = 64 * 1024;

/** How long a log is now, so that later only what comes behind is read. */
export function logLength(path: string | undefined): number {
  return path === undefined ? 0 : withFile(path, (file) => fstatSync(file).size, 0);
}

/** The text of a log behind `from`, at most 64 KiB; empty where there is none. */
export function readLog(path: string | undefined, from = 0): string {
  if (path === undefined) return "";
  return withFile(
    path,
    (file) => {
      const bytes = Buffer.alloc(logLimit);
      return bytes.toString("utf8", 0, readSync(file, bytes, 0, logLimit, from));
    },
    "",
  );
}

function withFile<T>(path: string, use: (file: number) => T, otherwise: T): T {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    // ssh makes its log with the first thing that it has to say.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return otherwise;
    throw error;
  }
  try {
    return use(file);
  } finally {
    closeSync(file);
  }
}
