import type { ExitCode } from "../failure.ts";
import { commandLine } from "./command-line.ts";
import packageJson from "../../package.json" with { type: "json" };

/** What a process that a signal ended answers by custom. */
const bySignal: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/**
 * Builds the shell from the process and runs its command line. The first SIGINT, SIGTERM or SIGHUP (the terminal is gone) asks everything to end cleanly, the
 * second ends at once.
 */
export async function shellMain(programRoot: string): Promise<ExitCode> {
  const stop = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stop.signal.aborted) process.exit(bySignal[signal]);
    stop.abort(signal);
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal).on("SIGHUP", onSignal);
  // A reader that went away (`| head`) or a terminal that did is no failure of ours; the run goes on to its end.
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
    });

  const { env, stdout, stderr } = process;
  const plain = env["NO_COLOR"] !== undefined && env["NO_COLOR"] !== "";
  const live = stderr.isTTY === true && env["CI"] !== "true" && env["TERM"] !== "dumb";
  return await commandLine(
    process.argv.slice(2),
    {
      directory: process.cwd(),
      programRoot,
      environment: env,
      out: (text) => void stdout.write(text),
      error: (text) => void stderr.write(text),
      terminal: {
        live,
        asks: live && process.stdin.isTTY === true,
        color: !plain && (env["FORCE_COLOR"] !== undefined || (stdout.isTTY === true && env["TERM"] !== "dumb")),
        unicode: /utf-?8/i.test(env["LC_ALL"] || env["LC_CTYPE"] || env["LANG"] || ""),
        // A terminal that does not know its size says 0. It may be another one by the time that the report is there.
        get width() {
          return stdout.columns || 100;
        },
      },
      signal: stop.signal,
    },
    packageJson.version,
  );
}
