import { randomBytes } from "node:crypto";
import { gateError } from "../failure.ts";
import { plainText } from "../nix-message.ts";
import { helperCommand } from "../target/helper-verb.ts";
import { RecordReader } from "../target/record-reader.ts";
import { helperInput, remoteInput, rootCommand, sudoCommand } from "../target/remote-program.ts";
import { connectionTrouble, sshTrouble } from "../target/ssh-trouble.ts";
import type { RemoteResult, RemoteRun } from "./ports.ts";
import { runCommand } from "./run-command.ts";
import { type AddressFiles, logLength, readLog } from "./ssh-files.ts";

const maxBytes = 8 * 1024 * 1024;
/** An ssh whose program has ended may still drain stderr; where it does not end by itself it is ended. */
const drainMilliseconds = 2000;

/** One program on one host, from the first byte to the last. */
export async function targetSession(
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
