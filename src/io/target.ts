import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { gateError } from "../failure.ts";
import type { Address } from "../target/address.ts";
import { helperCommand } from "../target/helper-verb.ts";
import { helperInput, remoteInput, rootCommand, sudoCommand } from "../target/remote-program.ts";
import { RecordReader } from "../target/record-reader.ts";
import { connectionTrouble, sshTrouble } from "../target/ssh-trouble.ts";
import { plainText } from "../nix-message.ts";
import { copier } from "./copy.ts";
import type { Log, Nix, RemoteResult, RemoteRun, Targets } from "./ports.ts";
import { runCommand } from "./run-command.ts";
import { connect, type Connection } from "./ssh-connection.ts";
import { checkKeyFile, checkKeyText } from "./ssh-key.ts";
import { logLength, readLog, sshFiles, type AddressFiles } from "./ssh-files.ts";

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

const maxBytes = 8 * 1024 * 1024;
/** An ssh whose program has ended may still drain stderr; where it does not end by itself it is ended. */
const drainMilliseconds = 2000;
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
    const result = await session(asked, at, left(), environment, options.signal);
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

/** One program on one host, from the first byte to the last. */
async function session(
  run: RemoteRun,
  at: AddressFiles,
  timeoutSeconds: number,
  environment: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<RemoteResult> {
  const { address } = run;
  const nonce = randomBytes(16).toString("hex");
  if (address.helper === true && run.verb === undefined)
    return {
      ok: false,
      trouble: "not-understood",
      detail: "the host's helper runs no commands of the policy and nothing else that is not its own",
      records: [],
    };
  const limits = { nonce, limitSeconds: timeoutSeconds + 30, arguments: run.arguments };
  const input =
    address.helper === true && run.verb !== undefined
      ? helperInput({ ...limits, verb: run.verb })
      : remoteInput({ ...limits, program: run.program });
  if (input === undefined)
    return { ok: false, trouble: "not-understood", detail: "an argument holds a NUL byte, which no shell takes", records: [] };
  const reader = new RecordReader({
    nonce,
    maxBytes: run.maxBytes ?? maxBytes,
    ...(run.onRecord === undefined ? {} : { onRecord: run.onRecord }),
  });
  const log = at.log();
  const jumpFrom = logLength(at.jumpLog);
  const done = new AbortController();
  let drain: NodeJS.Timeout | undefined;
  let thrown: { readonly error: unknown } | undefined;
  const socket = run.connection === "shared" ? at.socket : "none";
  const end = await runCommand({
    program: "ssh",
    arguments: [
      "-F",
      at.config,
      "-E",
      log,
      "-T",
      "-o",
      `ControlPath=${socket}`,
      "--",
      address.host,
      address.helper === true ? helperCommand : address.sudo ? sudoCommand : rootCommand,
    ],
    environment,
    input,
    holdInput: true,
    timeoutSeconds,
    graceSeconds: 2,
    maxStderrBytes: 256 * 1024,
    signal: AbortSignal.any([signal, done.signal]),
    onStdout: (chunk) => {
      if (thrown !== undefined) return;
      try {
        reader.add(chunk);
      } catch (error) {
        // The caller's own mistake in onRecord: it ends this run and is thrown where it is waited for.
        thrown = { error };
        done.abort();
      }
      if (reader.state === "broken") done.abort();
      if (reader.state === "ended") drain ??= setTimeout(() => done.abort(), drainMilliseconds);
    },
  });
  clearTimeout(drain);
  reader.end();
  if (thrown !== undefined) throw thrown.error;
  const { records } = reader;
  if (reader.exitCode !== undefined) return { ok: true, exitCode: reader.exitCode, records, stderr: end.stderr };
  if (signal.aborted) throw gateError("cancelled", {});
  if (end.missing) return { ok: false, trouble: "no-ssh", detail: end.stderr, records };
  const said = readLog(log);
  if (reader.problem !== undefined) return { ok: false, trouble: "not-understood", detail: reader.problem, records };
  const own = `${said}\n${end.stderr}`.trim();
  if (end.timedOut)
    return { ok: false, trouble: "timed-out", detail: plainText(`no end within ${run.timeoutSeconds} s\n${own}`).slice(0, 2000), records };
  if (reader.state === "running")
    return { ok: false, trouble: "lost", detail: plainText(own === "" ? "the connection ended" : own).slice(0, 2000), records };
  const found = sshTrouble({
    exitCode: end.exitCode,
    log: said,
    jumpLog: readLog(at.jumpLog, jumpFrom),
    stderr: end.stderr,
    noise: reader.noise,
    sudo: address.sudo,
  });
  // A connection that worked a moment ago ended without a word: whether the program began is not known.
  const broke = run.connection === "shared" && found.trouble === "unreachable" && connectionTrouble(plainText(said)) === undefined;
  return { ok: false, records, ...found, ...(broke ? { trouble: "lost" as const } : {}) };
}
