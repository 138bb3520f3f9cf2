import type { NixLogLine } from "../io/ports.ts";

/** How far a copy is. `bytes.total` grows while Nix finds out what is missing. */
export type CopyState = {
  readonly paths: { readonly done: number; readonly total: number };
  readonly bytes: { readonly done: number; readonly total: number };
};

/** `actCopyPath` and `actCopyPaths`, `resProgress` and `resSetExpected` of Nix's logging.hh: the same numbers from 2.8 on. */
const copyPath = 100;
const copyPaths = 103;
const progress = 105;
const expected = 106;

/** Follows a copy by Nix's internal-json log. What a line means is told only where it changes something. */
export class CopyProgress {
  /** By activity: bytes of a path that are over. */
  readonly #moving = new Map<number, number>();
  readonly #fleets = new Set<number>();
  #state: CopyState = { paths: { done: 0, total: 0 }, bytes: { done: 0, total: 0 } };
  #finishedBytes = 0;

  get state(): CopyState {
    return this.#state;
  }

  add(line: NixLogLine): CopyState | undefined {
    if (line.kind === "text") return undefined;
    const { action, id, type } = line.event;
    const given: unknown = line.event["fields"];
    const fields: readonly unknown[] = Array.isArray(given) ? given : [];
    if (typeof id !== "number") return undefined;
    if (action === "start" && type === copyPath) this.#moving.set(id, 0);
    else if (action === "start" && type === copyPaths) this.#fleets.add(id);
    else if (action === "stop" && this.#moving.has(id)) {
      this.#finishedBytes += this.#moving.get(id) ?? 0;
      this.#moving.delete(id);
    } else if (action === "result" && type === progress && this.#moving.has(id)) return this.#moved(id, number(fields[0]));
    else if (action === "result" && type === progress && this.#fleets.has(id))
      return this.#tell({ ...this.#state, paths: { done: number(fields[0]), total: number(fields[1]) } });
    else if (action === "result" && type === expected && this.#fleets.has(id) && fields[0] === copyPath)
      return this.#tell({ ...this.#state, bytes: { ...this.#state.bytes, total: number(fields[1]) } });
    return undefined;
  }

  #moved(id: number, bytes: number): CopyState {
    this.#moving.set(id, bytes);
    const done = this.#finishedBytes + [...this.#moving.values()].reduce((sum, each) => sum + each, 0);
    return this.#tell({ ...this.#state, bytes: { done, total: Math.max(this.#state.bytes.total, done) } });
  }

  #tell(state: CopyState): CopyState {
    this.#state = state;
    return state;
  }
}

const number = (value: unknown): number => (typeof value === "number" && value >= 0 ? value : 0);
