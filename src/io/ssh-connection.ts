import { randomBytes } from "node:crypto";
import { sshTrouble, type Trouble } from "../target/ssh-trouble.ts";
import type { TargetTrouble } from "./ports.ts";
import type { AddressFiles } from "./ssh-files.ts";
import { logLength, readLog } from "./ssh-files.ts";
import { runCommand } from "./run-command.ts";

/** A connection that other sessions ride on. It ends when it is told to, when it breaks, or with this process, whichever way that ends. */
export type Connection = { readonly ended: Promise<void>; end(): void };

export type ConnectOptions = {
  readonly files: AddressFiles;
  /** What ssh calls the host in its arguments; where it leads is in the configuration file. */
  readonly name: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly sudo: boolean;
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
};

/** So long a shared connection may last; a run does not. */
const longestSeconds = 7 * 86_400;
/** What an ssh looks like that we ended ourselves. */
const overtaken: ReadonlySet<TargetTrouble> = new Set(["not-understood", "unreachable", "lost"]);
/** More than a login has to say. */
const noiseLimit = 64 * 1024;

/**
 * Opens the shared connection of a host: a foreground ssh that is master of a control socket and runs `cat`. What `cat` echoes shows that login and shell work; the end
 * of its stdin, which comes with the death of this process too, ends the connection. A master that went to the background would outlive a killed run.
 */
export function connect(
  options: ConnectOptions,
): Promise<{ readonly ok: true; readonly connection: Connection } | ({ readonly ok: false } & Trouble)> {
  const { files } = options;
  const nonce = randomBytes(16).toString("hex");
  const log = files.log();
  const jumpFrom = logLength(files.jumpLog);
  const controller = new AbortController();
  return new Promise((resolve, reject) => {
    let heard = "";
    let timedOut = false;
    const limit = setTimeout(() => {
      timedOut = true;
      controller.abort();
    }, options.timeoutSeconds * 1000);
    const running = runCommand({
      program: "ssh",
      arguments: [
        "-F",
        files.config,
        "-E",
        log,
        "-T",
        "-o",
        "ControlMaster=yes",
        "-o",
        `ControlPath=${files.socket}`,
        "--",
        options.name,
        "exec cat",
      ],
      environment: options.environment,
      input: `${nonce}\n`,
      holdInput: true,
      timeoutSeconds: longestSeconds,
      graceSeconds: 2,
      maxStderrBytes: 16 * 1024,
      signal: AbortSignal.any([options.signal, controller.signal]),
      onStdout: (chunk) => {
        heard += Buffer.from(chunk).toString("latin1");
        if (!heard.includes(`${nonce}\n`)) {
          // A host that never stops talking is not one that echoes.
          if (heard.length > noiseLimit) controller.abort();
          return;
        }
        clearTimeout(limit);
        heard = "";
        const ended = running.then(() => {});
        resolve({ ok: true, connection: { ended, end: () => controller.abort() } });
      },
    });
    running.then((end) => {
      clearTimeout(limit);
      if (end.missing) return resolve({ ok: false, trouble: "no-ssh", detail: end.stderr });
      const found = sshTrouble({
        exitCode: end.exitCode,
        log: readLog(log),
        jumpLog: readLog(files.jumpLog, jumpFrom),
        stderr: end.stderr,
        noise: heard.slice(0, 4096),
        // Nothing has been asked of sudo yet.
        sudo: false,
      });
      return resolve({ ok: false, ...found, ...(timedOut && overtaken.has(found.trouble) ? { trouble: "timed-out" as const } : {}) });
    }, reject);
  });
}
