import type { HostName } from "../discover/host.ts";
import type { Failure } from "../failure.ts";
import type { Log, Progress, Result } from "../io/ports.ts";

export type SideName = "before" | "after";
type Ended = { readonly failure?: string };
type HostEvent = Extract<Progress, { kind: "host" }>;

/**
 * Tells the steps of a host once, although both of its sides take them: a step is done where the second side has done it. A failure of the new side is told at once
 * and is the host's; one of the old side alone is a warning, since it fails no host, and the same failure on both sides is told once.
 */
export class HostProgress {
  readonly #log: Log;
  readonly #sides: Readonly<Record<SideName, ReadonlySet<HostName>>>;
  readonly #begun = new Set<string>();
  readonly #ended = new Map<string, Partial<Record<SideName, Ended>>>();

  constructor(log: Log, sides: Readonly<Record<SideName, readonly HostName[]>>) {
    this.#log = log;
    this.#sides = { before: new Set(sides.before), after: new Set(sides.after) };
  }

  /** The log that the evaluation of one side is given. */
  of(side: SideName): Log {
    return {
      progress: (event) => (event.kind === "host" ? this.#take(side, event) : this.#log.progress(event)),
      debug: (message, fields) => this.#log.debug(message, fields),
      mask: (value) => this.#log.mask(value),
    };
  }

  #take(side: SideName, event: HostEvent): void {
    if (event.step !== "evaluated" && event.step !== "failed") {
      if (!this.#begun.has(event.host)) this.#log.progress(event);
      this.#begun.add(event.host);
      return;
    }
    const ended = { ...this.#ended.get(event.host), [side]: event.step === "failed" ? { failure: event.text ?? "" } : {} };
    this.#ended.set(event.host, ended);
    if (side === "after" && event.step === "failed") this.#log.progress(event);
    const both = (["before", "after"] as const).every(
      (name) => ended[name] !== undefined || !this.#sides[name].has(event.host as HostName),
    );
    if (both) this.#tellBoth(event.host, ended, "evaluated");
  }

  #tellBoth(host: string, { before, after }: Partial<Record<SideName, Ended>>, step: "evaluated" | "built"): void {
    if (before?.failure !== undefined && before.failure !== after?.failure)
      this.#log.progress({ kind: "warning", host, text: `at the base: ${before.failure}` });
    if (after?.failure === undefined) this.#log.progress({ kind: "host", host, step });
  }

  /** What came of building: told for all hosts at the end, since no Nix says before it which of them are done. A host whose new side never evaluated has been told. */
  built(host: HostName, sides: Readonly<Record<SideName, Result<unknown> | undefined>>): void {
    if (this.#ended.get(host)?.after?.failure !== undefined) return;
    const end = (result: Result<unknown> | undefined): Ended | undefined =>
      result === undefined ? undefined : result.ok ? {} : { failure: messageOf(result.failure) };
    const [before, after] = [end(sides.before), end(sides.after)];
    if (before === undefined && after === undefined) return;
    if (after?.failure !== undefined) this.#log.progress({ kind: "host", host, step: "failed", text: after.failure });
    this.#tellBoth(host, { ...(before && { before }), ...(after && { after }) }, "built");
  }
}

const messageOf = (failure: Failure): string => failure.message;
