import { failure, GateError } from "../failure.ts";
import type { Nix, Result, StoreDatabase, StoreFiles } from "../io/ports.ts";
import { ClosureGraph } from "./closure.ts";
import { compareDeclared, compareSystems, type FilesDiff } from "./compare-system.ts";
import { foreignSystem } from "./foreign.ts";
import { readClosures } from "./read-closures.ts";
import type { SystemDiff } from "./system-diff.ts";
import type { StorePath, System } from "./system.ts";
import { newSystemCache, readSystem, type SystemCache, toplevelFailure } from "./toplevel.ts";

/** Two toplevels of one host. */
export type Pair = {
  readonly host: string;
  readonly from: StorePath;
  readonly to: StorePath;
  /** Where the old side may be found if it is not in the store of this machine: `ssh-ng://root@HOST`, a cache. Only its closure is read there, never its files. */
  readonly fromStore?: string;
};

/** A diff with the systems that it compares: rules look at both. */
export type Comparison = { readonly from: System; readonly to: System; readonly diff: SystemDiff };

export type FleetDiff = {
  /** One entry for each host, in the order given. A host that cannot be compared has its own failure. */
  readonly hosts: ReadonlyMap<string, Result<Comparison>>;
  /** All closures, for `why`. */
  readonly graph: ClosureGraph;
};

export type DiffPorts = {
  readonly nix: Nix;
  readonly store: StoreFiles;
  /** Where it can be read, Nix is not asked for closures. */
  readonly database?: StoreDatabase | undefined;
};

/**
 * Compares all hosts of a fleet at once: the union of their closures is read once, and so is each toplevel, unit and file. Where Nix has to be asked, the files are read while
 * it is at work. Hosts with the same transition share one comparison. Throws only where Nix cannot be asked or understood.
 */
export async function diffFleet(pairs: readonly Pair[], ports: DiffPorts): Promise<FleetDiff> {
  const fleet = new Fleet(ports);
  return fleet.compare(pairs);
}

/** Compares two toplevels. */
export async function diffSystem(from: StorePath, to: StorePath, ports: DiffPorts): Promise<Result<Comparison>> {
  const { hosts } = await diffFleet([{ host: "", from, to }], ports);
  return hosts.get("") as Result<Comparison>;
}

type Transition = {
  readonly from: StorePath;
  readonly to: StorePath;
  declared: FilesDiff | undefined;
  readonly specialisations: Map<string, Transition>;
};

class Fleet {
  readonly #ports: DiffPorts;
  readonly #cache: SystemCache = newSystemCache();
  readonly #transitions = new Map<string, Transition>();
  /** Old sides whose closure was found in another store. */
  readonly #elsewhere = new Map<StorePath, string>();
  readonly #compared = new Map<string, Result<Comparison>>();

  constructor(ports: DiffPorts) {
    this.#ports = ports;
  }

  async compare(pairs: readonly Pair[]): Promise<FleetDiff> {
    const { nix, store, database } = this.#ports;
    const toplevels = [...new Set(pairs.flatMap(({ from, to }) => [from, to]))].filter(
      (path) => toplevelFailure(store, path) === undefined,
    );
    // Started first and awaited last. Its failure is held until then, so that it is never an unhandled one.
    const asking = readClosures(nix, toplevels, { database }).then(
      (graph) => ({ graph, error: undefined }),
      (error: unknown) => ({ graph: new ClosureGraph(), error: error ?? new Error("path-info failed") }),
    );
    const known = new Set(toplevels);
    for (const pair of pairs) {
      if (known.has(pair.from) && known.has(pair.to)) this.#guard(pair, () => this.#declare(pair.from, pair.to));
      await turn();
    }
    const { graph, error } = await asking;
    if (error !== undefined) throw error;
    await this.#askElsewhere(pairs, known, graph);

    const hosts = new Map<string, Result<Comparison>>();
    for (const { host, from, to } of pairs) {
      this.#guard({ from, to }, () => this.#result(from, to, graph));
      hosts.set(host, this.#compared.get(keyOf(from, to)) as Result<Comparison>);
    }
    return { hosts, graph };
  }

  /** Old sides that are not here, store by store. A store that does not answer leaves its hosts with the failure that their old side is missing. */
  async #askElsewhere(pairs: readonly Pair[], here: ReadonlySet<StorePath>, graph: ClosureGraph): Promise<void> {
    const { nix, store } = this.#ports;
    const byStore = Map.groupBy(
      pairs.filter(
        ({ from, to, fromStore }) => fromStore !== undefined && here.has(to) && toplevelFailure(store, from)?.code === "toplevel-missing",
      ),
      ({ fromStore }) => fromStore as string,
    );
    for (const [storeUrl, asked] of byStore) {
      try {
        await readClosures(
          nix,
          asked.map(({ from }) => from),
          { storeUrl, into: graph },
        );
      } catch (error) {
        if (!(error instanceof GateError)) throw error;
        for (const { from, to } of asked) this.#compared.set(keyOf(from, to), { ok: false, failure: error.failure });
      }
      for (const { from } of asked) if (!graph.isMissing(from)) this.#elsewhere.set(from, storeUrl);
    }
  }

  /** Reads both sides and compares what they declare, once for each transition; specialisations that both have are transitions of their own. */
  #declare(from: StorePath, to: StorePath, depth = 0): Transition {
    const key = keyOf(from, to);
    const known = this.#transitions.get(key);
    if (known !== undefined) return known;
    const transition: Transition = { from, to, declared: undefined, specialisations: new Map() };
    this.#transitions.set(key, transition);
    const { store } = this.#ports;
    const [before, after] = [readSystem(store, from, this.#cache), readSystem(store, to, this.#cache)];
    transition.declared = compareDeclared(before, after, store);
    // A specialisation has none of its own.
    if (depth > 0) return transition;
    for (const name of transition.declared.system.specialisations.changedNames) {
      const [old, fresh] = [before.specialisations.get(name), after.specialisations.get(name)];
      if (old === undefined || fresh === undefined || [old, fresh].some((path) => toplevelFailure(store, path) !== undefined)) continue;
      transition.specialisations.set(name, this.#declare(old, fresh, depth + 1));
    }
    return transition;
  }

  #result(from: StorePath, to: StorePath, graph: ClosureGraph): void {
    const key = keyOf(from, to);
    if (this.#compared.has(key)) return;
    const { store } = this.#ports;
    const storeUrl = this.#elsewhere.get(from);
    if (storeUrl !== undefined) {
      const after = readSystem(store, to, this.#cache);
      const before = foreignSystem(from, after, graph, storeUrl);
      this.#compared.set(key, {
        ok: true,
        value: { from: before, to: after, diff: compareSystems(compareDeclared(before, after, store), before, after, graph, store) },
      });
      return;
    }
    for (const path of [from, to]) {
      const problem = toplevelFailure(store, path) ?? (graph.isMissing(path) ? failure("toplevel-missing", { path }) : undefined);
      if (problem === undefined) continue;
      this.#compared.set(key, { ok: false, failure: problem });
      return;
    }
    this.#compared.set(key, { ok: true, value: this.#finish(this.#declare(from, to), graph) });
  }

  /** What one pair does to us stays its own: a store path that a stranger built must not end the run for the others. */
  #guard(pair: Pick<Pair, "from" | "to">, work: () => unknown): void {
    try {
      work();
    } catch (error) {
      const said = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#compared.set(keyOf(pair.from, pair.to), {
        ok: false,
        failure: failure("diff-defect", { from: pair.from, to: pair.to }, said.slice(0, 4000)),
      });
    }
  }

  #finish(transition: Transition, graph: ClosureGraph): Comparison {
    const { store } = this.#ports;
    const [from, to] = [readSystem(store, transition.from, this.#cache), readSystem(store, transition.to, this.#cache)];
    const declared = transition.declared ?? compareDeclared(from, to, store);
    const diff = compareSystems(declared, from, to, graph, store);
    const specialisations = new Map<string, SystemDiff>();
    for (const [name, inner] of transition.specialisations) specialisations.set(name, this.#finish(inner, graph).diff);
    return { from, to, diff: specialisations.size === 0 ? diff : { ...diff, specialisations } };
  }
}

const keyOf = (from: StorePath, to: StorePath): string => `${from} ${to}`;

/** Lets the event loop turn, so that the pipe from Nix is emptied while files are read: a full pipe would stop it. */
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
