import type { NixLogLine } from "../io/ports.ts";

/** How far a copy is. `bytes.total` grows while Nix finds out what is missing; 2.8 tells none of small paths. */
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
  readonly #groups = new Set<number>();
  #state: CopyState = { paths: { done: 0, total: 0 }, bytes: { done: 0, total: 0 } };
  #finishedBytes = 0;
  #finished = 0;

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
    else if (action === "start" && type === copyPaths) return this.#begin(id, line.event["text"]);
    else if (action === "stop" && this.#moving.has(id)) return this.#finish(id);
    else if (action === "result" && type === progress && this.#moving.has(id)) return this.#moved(id, number(fields[0]));
    else if (action === "result" && type === progress && this.#groups.has(id)) return this.#paths(number(fields[0]), number(fields[1]));
    else if (action === "result" && type === expected && this.#groups.has(id) && fields[0] === copyPath)
      return this.#tell({ ...this.#state, bytes: { ...this.#state.bytes, total: number(fields[1]) } });
    return undefined;
  }

  #begin(id: number, text: unknown): CopyState | undefined {
    this.#groups.add(id);
    const total = typeof text === "string" ? /^copying (\d{1,9}) paths/.exec(text)?.[1] : undefined;
    return total === undefined ? undefined : this.#paths(0, Number(total));
  }

  /** Over ssh-ng the group never tells that a path is done; its end does. */
  #finish(id: number): CopyState {
    this.#finishedBytes += this.#moving.get(id) ?? 0;
    this.#moving.delete(id);
    this.#finished++;
    return this.#paths(this.#finished, 0);
  }

  #paths(done: number, total: number): CopyState {
    const { paths } = this.#state;
    return this.#tell({ ...this.#state, paths: { done: Math.max(paths.done, done), total: Math.max(paths.total, total, done) } });
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
