import { failure, type Failure } from "../../failure.ts";
import type { StoreFiles } from "../../io/ports.ts";
import { compareDeclared, compareSystems, glibcOf } from "../compare-system.ts";
import { storePathOf } from "../store-path.ts";
import type { SystemDiff } from "../system-diff.ts";
import type { StorePath, System } from "../system.ts";
import { newSystemCache, readSystem, type SystemCache } from "../toplevel.ts";
import type { Derivations } from "./derivations.ts";
import { splitPartial, withoutPartialUnits } from "./partial-units.ts";
import { PreviewGraph } from "./preview-graph.ts";
import { PreviewStore } from "./preview-store.ts";
import { hasUnknownPackages, sayUnknown } from "./preview-unknown.ts";
import { warmUp } from "./warm-up.ts";
import { readDerivations } from "./read-derivations.ts";
import { showDerivations, type ShowOptions } from "./show-derivations.ts";

/** The toplevel's derivation on each side, as evaluation gives it. `before` is undefined where the host is new or where its old side is not known. */
export type PreviewPair = { readonly host: string; readonly before: string | undefined; readonly after: string };

/** What can be said of a host before anything of it is built. */
export type Preview = {
  /** Both toplevels are one path: nothing differs, and that is certain. */
  readonly unchanged: boolean;
  readonly before: System | undefined;
  readonly after: System;
  /** Marked as `preview`; undefined where there is nothing to compare with. */
  readonly diff: SystemDiff | undefined;
};

export type PreviewOptions = ShowOptions & {
  /** The store that evaluation wrote its sources to; without it a file that the flake copies into the store (`source = ./file`) is known by its path only. */
  readonly store?: StoreFiles;
};

/**
 * The same comparison as `diffFleet`, from derivations alone: each is read once for the union of all hosts, and nothing is built or run. A host that cannot be previewed
 * has its own failure; throws only where Nix cannot be asked or understood.
 */
export async function previewFleet(pairs: readonly PreviewPair[], options: PreviewOptions): Promise<Map<string, Preview | Failure>> {
  const found = new Map<string, Preview | Failure>();
  if (pairs.length === 0) return found;
  const paths = pairs.flatMap(({ before, after }) => (before === undefined ? [after] : [before, after]));
  const derivations =
    (options.store === undefined ? undefined : await readDerivations(paths, options.store)) ?? (await shown(paths, options));
  const fleet = new PreviewFleet(derivations, options.store);
  for (const { host, before, after } of pairs) {
    found.set(host, fleet.preview(before, after));
    await turn();
  }
  return found;
}

/** The programs that look at derivations start while Nix prints them. */
async function shown(paths: readonly string[], options: ShowOptions): Promise<Derivations> {
  const asking = showDerivations(paths, options);
  warmUp();
  return await asking;
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** Previews from derivations that are at hand. Hosts with the same transition share one. */
export class PreviewFleet {
  readonly #derivations: Derivations;
  readonly #store: PreviewStore;
  readonly #graph: PreviewGraph;
  readonly #cache: SystemCache = newSystemCache();
  readonly #known = new Map<string, Preview | Failure>();

  constructor(derivations: Derivations, sources?: StoreFiles) {
    this.#derivations = derivations;
    this.#store = new PreviewStore(derivations, sources);
    this.#graph = new PreviewGraph(derivations);
  }

  preview(before: string | undefined, after: string): Preview | Failure {
    const key = `${before ?? ""} ${after}`;
    const known = this.#known.get(key) ?? this.#make(before, after);
    this.#known.set(key, known);
    return known;
  }

  #make(before: string | undefined, after: string): Preview | Failure {
    const [from, to] = [before === undefined ? undefined : this.#toplevel(before), this.#toplevel(after)];
    if (typeof to !== "string") return to;
    if (from !== undefined && typeof from !== "string") return from;
    const system = this.#system(to);
    if (from === undefined) return { unchanged: false, before: undefined, after: system, diff: undefined };
    const old = this.#system(from);
    return { unchanged: from === to, before: old, after: system, diff: this.#compare(old, system, 0) };
  }

  #compare(from: System, to: System, depth: number): SystemDiff {
    const declared = compareDeclared(from, to, this.#store);
    // Derivations tell no sizes.
    const { closure: _, ...whole } = compareSystems(declared, from, to, this.#graph.closures, this.#store);
    const units = splitPartial(whole.units, from.units, to.units);
    const userUnits = splitPartial(whole.userUnits, from.userUnits, to.userUnits);
    const diff: SystemDiff = {
      ...whole,
      preview: true,
      // That nothing but the label differs is a reason to be silent, so only the build may say it.
      revisionOnly: false,
      units: units.told,
      userUnits: userUnits.told,
      unknown: sayUnknown(whole, from, to, this.#store, [...units.untold, ...userUnits.untold]),
    };
    // A specialisation has none of its own.
    if (depth > 0) return diff;
    const specialisations = new Map<string, SystemDiff>();
    for (const name of diff.system.specialisations.changedNames) {
      const [was, is] = [from.specialisations.get(name), to.specialisations.get(name)];
      if (was === undefined || is === undefined || !this.#isDirectory(was) || !this.#isDirectory(is)) continue;
      specialisations.set(name, this.#compare(this.#system(was), this.#system(is), depth + 1));
    }
    return specialisations.size === 0 ? diff : { ...diff, specialisations };
  }

  #system(toplevel: StorePath): System {
    this.#graph.add(toplevel);
    const read = readSystem(this.#store, toplevel, this.#cache);
    const system = withoutPartialUnits(read, this.#store, hasUnknownPackages(read, this.#store));
    return {
      ...system,
      get initrd() {
        return system.initrd;
      },
      glibc: glibcOf(read, this.#graph.closures),
    };
  }

  /** Where a toplevel will be. */
  #toplevel(derivation: string): StorePath | Failure {
    const known = this.#derivations.byPath(derivation);
    if (known === undefined) return failure("preview-impossible", { derivation, problem: "Nix does not show its derivation" });
    const path = known.outputs.get("out");
    if (path === undefined)
      return failure("preview-impossible", { derivation, problem: "where its output will be is known after the build only" });
    if (storePathOf(path, this.#store.prefix) !== path)
      return failure("preview-impossible", { derivation, problem: `its output ${path} is no store path` });
    if (!this.#isDirectory(path))
      return failure("preview-impossible", {
        derivation,
        problem: this.#store.followed(path)?.gaps[0] ?? "how it is built is not known here",
      });
    return path;
  }

  #isDirectory(path: StorePath): boolean {
    return this.#store.entry(path)?.kind === "directory";
  }
}
