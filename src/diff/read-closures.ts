import { gateError } from "../failure.ts";
import type { CommandResult, Nix, StoreDatabase } from "../io/ports.ts";
import { ClosureGraph } from "./closure.ts";
import { redact } from "./secrets.ts";
import { PathInfoReader, type PathInfoSink } from "./path-info.ts";
import type { StorePath } from "./system.ts";

/** Well below what Linux takes as arguments of one command, its environment included (2 MiB with the usual stack). A thousand hosts fit in one call. */
const maxArgumentBytes = 512 << 10;
const timeoutSeconds = 900;

export type ClosureQuery = {
  /** Where to look: this machine's store, or `ssh-ng://HOST`, `https://CACHE`, `file:///DIR`. */
  readonly storeUrl?: string;
  readonly into?: ClosureGraph;
  /** Of this machine's store. Nix is asked for what is not in it. */
  readonly database?: StoreDatabase | undefined;
};

/**
 * Reads the closures of all toplevels at once and puts them into one graph: from Nix's own database where that is given and can be read, which is several times faster, else
 * by asking Nix; the graph is the same. A path that Nix does not have is told as missing there and stops nobody else. Throws
 * `path-info-failed` where Nix cannot answer at all and `path-info-shape` where its answer cannot be understood.
 */
export async function readClosures(nix: Nix, toplevels: readonly StorePath[], query: ClosureQuery = {}): Promise<ClosureGraph> {
  const graph = query.into ?? new ClosureGraph();
  const wanted = [...new Set(toplevels)];
  const read = query.storeUrl === undefined && wanted.length > 0 ? await query.database?.closures(wanted) : undefined;
  if (read !== undefined) graph.add(read);
  const asked = new PathInfoCommand(nix, query.storeUrl);
  for (const chunk of chunks(read === undefined ? wanted : wanted.filter((path) => graph.isMissing(path)))) {
    const result = await asked.run(chunk, graph.sink, true);
    if (result.exitCode === 0) continue;
    // One path that is not valid fails the recursive call for all; the plain call tells which.
    const valid: StorePath[] = [];
    const plain = await asked.run(chunk, { valid: (info) => void valid.push(info.path), missing: graph.sink.missing }, false);
    if (plain.exitCode !== 0 || valid.length === chunk.length) throw asked.failed(result);
    if (valid.length === 0) continue;
    const again = await asked.run(valid, graph.sink, true);
    if (again.exitCode !== 0) throw asked.failed(again);
  }
  return graph;
}

class PathInfoCommand {
  readonly #nix: Nix;
  readonly #store: readonly string[];
  /**
   * Nix 2.33 and later want to be told which format, older ones and Lix do not know the flag. Asked for without it first: that works everywhere today, asking for the
   * version would cost another process, and the day it is an error the message names the flag.
   */
  #format: readonly string[] = [];

  constructor(nix: Nix, storeUrl: string | undefined) {
    this.#nix = nix;
    this.#store = storeUrl === undefined ? [] : ["--store", storeUrl];
  }

  async run(paths: readonly StorePath[], sink: PathInfoSink, recursive: boolean): Promise<CommandResult> {
    const result = await this.#once(paths, sink, recursive);
    if (result.exitCode === 0 || this.#format.length > 0 || !result.stderr.includes("--json-format")) return result;
    this.#format = ["--json-format", "1"];
    return this.#once(paths, sink, recursive);
  }

  async #once(paths: readonly StorePath[], sink: PathInfoSink, recursive: boolean): Promise<CommandResult> {
    const reader = new PathInfoReader(this.#name(), sink);
    let broken: unknown;
    const take = (chunk: Uint8Array): void => {
      if (broken !== undefined) return;
      try {
        reader.write(chunk);
      } catch (error) {
        // Thrown from here it would end the process from inside a stream.
        broken = error;
      }
    };
    // Offline: a missing path is told at once instead of being looked for in every cache.
    const result = await this.#nix.run({
      arguments: ["path-info", "--json", ...this.#format, ...(recursive ? ["--recursive"] : []), "--offline", ...this.#store, ...paths],
      trust: "deploy-branch",
      timeoutSeconds,
      onOutput: take,
    });
    if (result.stdout !== "") take(Buffer.from(result.stdout));
    if (result.exitCode !== 0) return result;
    if (broken !== undefined) throw broken;
    reader.end();
    return result;
  }

  failed(result: CommandResult): Error {
    const said = result.timedOut ? `It took longer than ${timeoutSeconds} s.\n${result.stderr}` : result.stderr;
    return gateError(
      "path-info-failed",
      { command: this.#name(), exitCode: result.exitCode },
      redact(withoutPassword(said.slice(-4000))).text,
    );
  }

  #name(): string {
    // A store's address may hold a password.
    return ["nix path-info --json", ...this.#format, "--recursive", ...this.#store.map(withoutPassword)].join(" ");
  }
}

/** A store's address as it may be shown: `https://user:password@cache.example.org`. */
export function withoutPassword(text: string): string {
  return text.replace(/(:\/\/[^\s/:@]{1,128}):[^\s/@]{1,512}@/g, "$1:…@");
}

function* chunks(paths: readonly StorePath[]): Generator<readonly StorePath[]> {
  let chunk: StorePath[] = [];
  let bytes = 0;
  for (const path of paths) {
    if (bytes + path.length > maxArgumentBytes) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(path);
    bytes += path.length + 9;
  }
  if (chunk.length > 0) yield chunk;
}
