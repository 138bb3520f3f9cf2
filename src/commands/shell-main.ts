import type { ExitCode } from "../failure.ts";
import { commandLine } from "./command-line.ts";
import packageJson from "../../package.json" with { type: "json" };

/** Builds the shell from the process and runs its command line. The first SIGINT or SIGTERM asks everything to end cleanly, the second ends at once. */
export async function shellMain(programRoot: string): Promise<ExitCode> {
  const stop = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stop.signal.aborted) process.exit(signal === "SIGINT" ? 130 : 143);
    stop.abort(signal);
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  // A reader that went away (`| head`) is no failure of ours; the run goes on to its end.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
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
        color: !plain && (env["FORCE_COLOR"] !== undefined || (stdout.isTTY === true && env["TERM"] !== "dumb")),
        unicode: /utf-?8/i.test(env["LC_ALL"] || env["LC_CTYPE"] || env["LANG"] || ""),
        // A terminal that does not know its size says 0.
        width: stdout.columns || 100,
      },
      signal: stop.signal,
    },
    packageJson.version,
  );
}
