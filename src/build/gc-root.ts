import type { Log, Nix } from "../io/ports.ts";
import { lastError } from "../nix-message.ts";
import type { HostSides } from "./sides.ts";

/** Roots that one call of `nix-store --realise` makes beside its work. */
export type NewRoots = {
  readonly words: readonly string[];
  /** The links that it prints for so many paths or derivations of one output, in their order. */
  links(count: number): readonly string[];
};

/** The gc roots of one run: links in a directory of its own, which Nix forgets when they are gone. */
export class GcRoots {
  readonly #directory: string;
  readonly #kept = new Set<string>();
  #calls = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Names that no call before has used: a link that is made anew no longer protects what it led to. */
  create(): NewRoots {
    const first = `${this.#directory}/toplevel-${++this.#calls}`;
    return {
      words: ["--add-root", first, "--indirect"],
      // As Nix numbers them, 2.8 to 2.34.
      links: (count) => Array.from({ length: count }, (_, index) => (index === 0 ? first : `${first}-${index + 1}`)),
    };
  }

  note(paths: Iterable<string>): void {
    for (const path of paths) this.#kept.add(path);
  }

  missing(paths: Iterable<string>): readonly string[] {
    return [...new Set(paths)].filter((path) => !this.#kept.has(path));
  }
}

/**
 * Keeps every system that is compared in the store until the run's scratch directory is gone: what a build that went well has not rooted itself, one call does. Nothing
 * of a pull request runs in that call. A run that cannot do it goes on and says so.
 */
export async function keepFromCollection(
  sides: readonly HostSides[],
  { nix, log, roots }: { readonly nix: Nix; readonly log: Log; readonly roots: GcRoots },
): Promise<void> {
  const missing = roots.missing(
    sides
      .flatMap((host) => [host.before, host.after])
      .flatMap((side) => (side.kind === "known" || side.kind === "running" ? [side.toplevel] : [])),
  );
  if (missing.length === 0) return;
  const made = await nix.run({
    program: "nix-store",
    arguments: ["--realise", ...roots.create().words, ...missing],
    trust: "deploy-branch",
    timeoutSeconds: 120,
  });
  if (made.exitCode === 0) roots.note(missing);
  else
    log.progress({
      kind: "warning",
      text: `The built systems could not be protected from garbage collection during this run: ${lastError(made.stderr)}`,
    });
}
