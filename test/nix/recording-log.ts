import type { Log, Progress } from "../../src/io/ports.ts";

/** A log that keeps what it is told. */
export function recordingLog(): Log & { readonly events: Progress[] } {
  const events: Progress[] = [];
  return { events, progress: (event) => void events.push(event), debug: () => {}, mask: () => {} };
}
