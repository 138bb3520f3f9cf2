import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { gateError } from "../failure.ts";
import type { Address } from "../target/address.ts";
import { copier } from "./copy.ts";
import type { Log, Nix, RemoteResult, RemoteRun, Targets } from "./ports.ts";
import { connect, type Connection } from "./ssh-connection.ts";
import { checkKeyFile, checkKeyText } from "./ssh-key.ts";
import { sshFiles, type AddressFiles } from "./ssh-files.ts";
import { targetSession } from "./target-session.ts";

export type TargetOptions = {
  /** The environment of this process; PATH is taken from it and, where no key is given, the agent's socket. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** A directory of this run alone. */
  readonly scratch: string;
  /** Ends every connection and takes the key away. */
  readonly signal: AbortSignal;
  /** The text of a private key without passphrase; without it the agent is asked. */
  readonly privateKey?: string;
  /** Lines of a known_hosts file, of the input and of the policy. */
  readonly knownHosts: string;
  readonly nix: Nix;
  readonly log: Log;
};

/** For a host that does not answer. Below it are ssh's own 15 seconds for each hop. */
const connectSeconds = 60;

/**
 * The hosts, over the OpenSSH of this machine. Throws the GateError `ssh-key-unusable` for a key that cannot work, and `cancelled`.
 *
 * ssh gets an environment and a configuration from nothing; neither its arguments nor its environment ever hold a secret.
 */
export async function openTargets(options: TargetOptions): Promise<Targets> {
  if (options.signal.aborted) throw gateError("cancelled", {});
  if (options.privateKey !== undefined) checkKeyText(options.privateKey);
  const home = join(options.scratch, "ssh-home");
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const files = sshFiles(options.scratch, `${options.knownHosts.trim()}\n`, options.privateKey);
  const agent = options.privateKey === undefined ? options.environment["SSH_AUTH_SOCK"] : undefined;
  const environment: Record<string, string> = {
    HOME: home,
    PATH: options.environment["PATH"] ?? "/run/current-system/sw/bin:/usr/bin:/bin",
    LC_ALL: "C",
    ...(agent === undefined ? {} : { SSH_AUTH_SOCK: agent }),
  };
  const remove = (): void => files.remove();
  options.signal.addEventListener("abort", remove, { once: true });
  process.once("exit", remove);
  const forget = (): void => {
    options.signal.removeEventListener("abort", remove);
    process.removeListener("exit", remove);
    remove();
  };
  if (files.key !== undefined) {
    try {
      await checkKeyFile(files.key, environment, options.signal);
    } catch (error) {
      forget();
      throw error;
    }
  }

  const connections = new Map<AddressFiles, ReturnType<typeof connect>>();
  const open = new Set<Connection>();
  const trips = new Map<AddressFiles, number>();
  const count = (at: AddressFiles): void => void trips.set(at, (trips.get(at) ?? 0) + 1);

  /** One connection a host, opened once however many ask for it at the same time. */
  const shared = (address: Address, at: AddressFiles, timeoutSeconds: number): ReturnType<typeof connect> => {
    const there = connections.get(at);
    if (there !== undefined) return there;
    count(at);
    const made = connect({ files: at, name: address.host, environment, sudo: address.sudo, timeoutSeconds, signal: options.signal }).then(
      (result) => {
        if (!result.ok) connections.delete(at);
        else {
          const { connection } = result;
          open.add(connection);
          void connection.ended.then(() => {
            open.delete(connection);
            if (connections.get(at) === made) connections.delete(at);
          });
        }
        return result;
      },
    );
    connections.set(at, made);
    return made;
  };

  const drop = async (at: AddressFiles): Promise<void> => {
    const there = await connections.get(at);
    connections.delete(at);
    if (there?.ok === true) there.connection.end();
  };

  const run = async (asked: RemoteRun): Promise<RemoteResult> => {
    if (options.signal.aborted) throw gateError("cancelled", {});
    const { address } = asked;
    const at = files.of(address);
    const started = performance.now();
    const left = (): number => Math.max(asked.timeoutSeconds - (performance.now() - started) / 1000, 0.1);
    if (asked.connection === "shared") {
      const connected = await shared(address, at, Math.min(left(), connectSeconds));
      if (options.signal.aborted) throw gateError("cancelled", {});
      if (!connected.ok) return { ok: false, trouble: connected.trouble, detail: connected.detail, records: [] };
    }
    count(at);
    const result = await targetSession(asked, at, left(), environment, options.signal);
    options.log.debug("ssh", {
      host: address.host,
      connection: asked.connection,
      seconds: (performance.now() - started) / 1000,
      ...(result.ok ? { exitCode: result.exitCode } : { trouble: result.trouble, detail: result.detail }),
    });
    // Whatever became of it: the next one does not ride on a connection that has just broken.
    if (!result.ok && result.trouble === "lost" && asked.connection === "shared") await drop(at);
    return result;
  };

  const { copyTo, copyFrom } = copier({
    nix: options.nix,
    environment: agent === undefined ? {} : { SSH_AUTH_SOCK: agent },
    files: (address) => {
      const at = files.of(address);
      count(at);
      return at;
    },
  });

  return {
    run,
    copyTo,
    copyFrom,
    roundTrips: (address) => trips.get(files.of(address)) ?? 0,
    close: async () => {
      for (const each of connections.values()) void each.then((result) => result.ok && result.connection.end());
      const ending = [...open].map((connection) => {
        connection.end();
        return connection.ended;
      });
      await Promise.all(ending);
      forget();
    },
  };
}
