import type { ExitCode } from "../failure.ts";
import { openDebugLog } from "../io/debug-log.ts";
import { type GateLog, plainLog, terminalLog } from "../io/log.ts";
import type { Trust } from "../io/ports.ts";
import { type Prepared, withPrepared } from "./prepare.ts";
import type { Options, Shell } from "./shell.ts";

export type ShellRun = {
  readonly flake: string;
  readonly options: Options;
  readonly shell: Shell;
  /** `deploy-branch`: whoever types it is about to run this code as root on their hosts, so that it needs no jail here. */
  readonly trust: Trust;
};

/** Lays out a run of a shell: its log, and everything of `withPrepared`. The log is closed when `use` is done and before anything is printed. */
export async function withShellRun(
  { flake, options, shell, trust }: ShellRun,
  use: (prepared: Prepared, log: GateLog) => Promise<ExitCode>,
): Promise<ExitCode> {
  const debug = typeof options["log-file"] === "string" ? await openDebugLog(options["log-file"]) : undefined;
  const logging = { unicode: shell.terminal.unicode, ...(debug === undefined ? {} : { debug }) };
  const log = shell.terminal.live
    ? terminalLog(process.stderr, logging)
    : plainLog({ write: (text: string): void => shell.error(text) }, logging);
  const ending = (): void =>
    log.print("Stopping in order: what has begun on a host is brought to its end, nothing else begins. Once more, and it stops at once.\n");
  shell.signal.addEventListener("abort", ending, { once: true });
  try {
    const base = typeof options["base"] === "string" ? options["base"] : undefined;
    const { directory, environment, signal } = shell;
    const event = { kind: "shell", base, trust } as const;
    return await withPrepared({ flake, directory, event, environment, signal, log }, async (prepared) => await use(prepared, log));
  } finally {
    shell.signal.removeEventListener("abort", ending);
    log.close();
    debug?.close();
  }
}

/** A list as people type it: commas, spaces or both between its words. */
export function listOption(options: Options, name: string): readonly string[] {
  const value = options[name];
  return typeof value === "string" ? value.split(/[\s,]+/).filter((word) => word !== "") : [];
}
