import { connect } from "node:net";
import type { Readable, Writable } from "node:stream";

export type Relay = {
  readonly socket: string;
  readonly secret: string;
  readonly input: Readable;
  readonly output: Writable;
  readonly signal: AbortSignal;
};

/**
 * Carries bytes between the session's program, which starts servers of tools as children, and the gate, which answers. It understands none of them and holds nothing:
 * no key, no token, no connection to a host. Ends when either side does; undefined, or why the gate could not be reached.
 */
export function relayTools({ socket, secret, input, output, signal }: Relay): Promise<string | undefined> {
  return new Promise((resolve) => {
    const gate = connect(socket);
    let problem: string | undefined;
    const end = (): void => void gate.destroy();
    gate.once("connect", () => {
      gate.write(`${secret}\n`);
      // With backpressure in both directions.
      input.pipe(gate);
      gate.pipe(output, { end: false });
    });
    gate.once("error", (error) => (problem = error.message));
    gate.once("close", () => {
      signal.removeEventListener("abort", end);
      input.unpipe(gate);
      input.destroy();
      resolve(problem);
    });
    // The program that we answer is gone.
    output.once("error", end);
    input.once("error", end);
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
  });
}
