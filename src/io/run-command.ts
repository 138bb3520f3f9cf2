import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import type { Readable } from "node:stream";
import { BoundedText, LineSplitter } from "./bounded-output.ts";
import type { CommandResult } from "./ports.ts";

/**
 * One child process, from its start to the death of everything that it started.
 *
 * The command is an argument list and never a shell's text, the environment is the whole one and nothing is inherited, output is bounded. The child leads a process
 * group of its own: a limit, a cancellation or the end of this process ends the group, so that nothing of an evaluation outlives the run that asked for it.
 */
export type Command = {
  readonly program: string;
  readonly arguments: readonly string[];
  /** All of it: what is not named here does not reach the child. PATH in it finds `program`. */
  readonly environment: Readonly<Record<string, string>>;
  readonly directory?: string;
  /** Given on stdin, which is /dev/null where this is absent, so that a tool that asks a question gets its answer at once. */
  readonly input?: string | Uint8Array;
  /** Leaves stdin open behind `input` until the command ends: its end tells the other side of a connection that nobody listens any more. */
  readonly holdInput?: boolean;
  readonly timeoutSeconds: number;
  /** Of stdout, in bytes; what is longer keeps its head and its tail around a note. 16 MiB where absent. */
  readonly maxStdoutBytes?: number;
  /** Of stderr; 1 MiB where absent. */
  readonly maxStderrBytes?: number;
  /** Each line of stderr as it arrives, without its end, cut at 64 Ki characters. */
  readonly onStderrLine?: (line: string) => void;
  /** Stdout piece by piece; it is then not collected. */
  readonly onStdout?: (chunk: Uint8Array) => void;
  readonly signal?: AbortSignal;
  /** Between SIGTERM and SIGKILL; 5 where absent. */
  readonly graceSeconds?: number;
};

export type CommandEnd = CommandResult & {
  /** There is no such program: it never ran. */
  readonly missing: boolean;
  /** The signal of the caller ended it. */
  readonly cancelled: boolean;
  /** Something was left out of the middle of stdout. */
  readonly truncated: boolean;
};

/** Runs the command to its end. Never rejects for what the command does; throws only for what is not a command's doing (no memory, no process to be had). */
export async function runCommand(command: Command): Promise<CommandEnd> {
  const stdout = new BoundedText(command.maxStdoutBytes ?? 16 * 1024 * 1024);
  const stderr = new BoundedText(command.maxStderrBytes ?? 1024 * 1024);
  const none = {
    exitCode: undefined,
    signal: undefined,
    timedOut: false,
    stdout: "",
    stderr: "",
    missing: false,
    cancelled: false,
    truncated: false,
  };
  if (command.signal?.aborted === true) return { ...none, cancelled: true };

  const child = spawn(command.program, command.arguments, {
    env: { ...command.environment },
    ...(command.directory === undefined ? {} : { cwd: command.directory }),
    stdio: [command.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    // A process group of its own, led by the child.
    detached: true,
  });
  const pid = child.pid;
  if (pid === undefined) {
    const error = await new Promise<NodeJS.ErrnoException>((resolve) => child.once("error", resolve));
    if (error.code === "ENOENT" || error.code === "EACCES") return { ...none, stderr: error.message, missing: true };
    throw error;
  }
  watch(pid);

  const lines = command.onStderrLine === undefined ? undefined : new LineSplitter(command.onStderrLine);
  const outputs: Readable[] = [];
  if (child.stdout !== null) outputs.push(child.stdout.on("data", (chunk: Buffer) => (command.onStdout ?? stdout.add)(chunk)));
  if (child.stderr !== null)
    outputs.push(
      child.stderr.on("data", (chunk: Buffer) => {
        stderr.add(chunk);
        lines?.add(chunk);
      }),
    );
  // A child that does not read its input closes the pipe; its own exit code tells more than that.
  child.stdin?.on("error", () => {});
  if (command.holdInput === true) child.stdin?.write(command.input ?? "");
  else child.stdin?.end(command.input);

  let timedOut = false;
  let cancelled = false;
  let kill: NodeJS.Timeout | undefined;
  const end = (): void => {
    signalGroup(pid, "SIGTERM");
    kill ??= setTimeout(() => killAll(pid), (command.graceSeconds ?? 5) * 1000);
  };
  const limit = setTimeout(() => {
    timedOut = true;
    end();
  }, command.timeoutSeconds * 1000);
  const abort = (): void => {
    cancelled = true;
    end();
  };
  command.signal?.addEventListener("abort", abort, { once: true });
  try {
    const { exitCode, signal } = await ended(child, outputs);
    lines?.end();
    return {
      exitCode,
      signal,
      timedOut,
      cancelled,
      stdout: stdout.text(),
      stderr: stderr.text(),
      missing: false,
      truncated: stdout.truncated,
    };
  } finally {
    clearTimeout(limit);
    clearTimeout(kill);
    command.signal?.removeEventListener("abort", abort);
    // What the command left behind in its group (an ssh master, a helper in the background) ends with it.
    signalGroup(pid, "SIGKILL");
    groups.delete(pid);
  }
}

/** Waits for the exit and then for the pipes, but for those only a moment: a grandchild that inherited one may hold it open for ever. */
function ended(
  child: ChildProcess,
  outputs: readonly Readable[],
): Promise<{ exitCode: number | undefined; signal: NodeJS.Signals | undefined }> {
  return new Promise((resolve) => {
    let linger: NodeJS.Timeout | undefined;
    child.once("exit", () => {
      linger = setTimeout(() => {
        for (const output of outputs) output.destroy();
      }, 1000);
    });
    child.once("close", (exitCode, signal) => {
      clearTimeout(linger);
      resolve({ exitCode: exitCode ?? undefined, signal: signal ?? undefined });
    });
  });
}

/** Groups that still run. When this process ends, whatever the way, they end too; only its SIGKILL leaves no time for that. */
const groups = new Set<number>();
let watching = false;

function watch(pid: number): void {
  groups.add(pid);
  if (watching) return;
  watching = true;
  process.once("exit", () => {
    for (const group of groups) signalGroup(group, "SIGTERM");
  });
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left in the group, which is what was wanted.
  }
}

/** Nix puts each builder in a session of its own, out of reach of the group's signal; a Nix that is killed cannot end them, so they are found by descent first. */
function killAll(pid: number): void {
  const below = descendants(pid);
  signalGroup(pid, "SIGKILL");
  for (const each of below) {
    try {
      process.kill(each, "SIGKILL");
    } catch {
      // It ended by itself.
    }
  }
}

function descendants(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, "utf8")
        .split(" ")
        .filter((word) => word !== "")
        .flatMap((word) => [Number(word), ...descendants(Number(word))]),
    );
  } catch {
    // No /proc (macOS), or the process is gone.
    return [];
  }
}
