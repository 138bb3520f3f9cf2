import type { ExitCode } from "../failure.ts";
import type { RunGate, RunGoal } from "./action.ts";

/** Runs the step from the process. A runner that cancels sends SIGINT and then SIGTERM: the first asks everything to end cleanly, the second ends at once. */
export async function actionMain(runGate: RunGate, runGoal?: RunGoal): Promise<ExitCode> {
  const stop = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stop.signal.aborted) process.exit(signal === "SIGINT" ? 130 : 143);
    stop.abort(signal);
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);

  // @actions/github reads the event's payload by itself while it is imported: whole, whatever it is, and a file that is not JSON ends the process without a word
  // of ours. It must not find it; we read it, bounded, with our own answer to each way in which it can be wrong.
  const environment = { ...process.env };
  delete process.env["GITHUB_EVENT_PATH"];
  const { action } = await import("./action.ts");
  return await action(
    {
      environment,
      write: (text) => process.stdout.write(text),
      wait: (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000)),
      signal: stop.signal,
    },
    runGate,
    runGoal,
  );
}
