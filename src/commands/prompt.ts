import { createInterface, type Interface } from "node:readline/promises";
import { gateError } from "../failure.ts";

/** A person at a terminal, asked one line at a time. */
export type Prompt = {
  /** What was typed, without blanks at its ends. Throws the GateError `cancelled` for ^C, ^D and a terminal that is gone. */
  ask(question: string): Promise<string>;
  close(): void;
};

/** Opened at the first question, so that a command which asks nothing leaves the terminal alone. */
export function terminalPrompt(signal: AbortSignal): Prompt {
  let lines: Interface | undefined;
  return {
    ask: async (question) => {
      lines ??= createInterface({ input: process.stdin, output: process.stderr, terminal: true, historySize: 0 });
      const asked = lines;
      const gone = new AbortController();
      const end = (): void => gone.abort();
      // Where readline has the terminal, ^C is a key and no signal.
      asked.once("close", end).once("SIGINT", end);
      try {
        return (await asked.question(question, { signal: AbortSignal.any([signal, gone.signal]) })).trim();
      } catch (error) {
        asked.close();
        process.stderr.write("\n");
        throw gateError("cancelled", {}, undefined, error);
      } finally {
        asked.off("close", end).off("SIGINT", end);
      }
    },
    close: () => {
      lines?.close();
      lines = undefined;
    },
  };
}
