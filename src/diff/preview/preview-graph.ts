import { ClosureGraph } from "../closure.ts";
import { nameOf } from "../store-path.ts";
import type { StorePath } from "../system.ts";
import type { Derivation } from "./derivation.ts";
import type { Derivations } from "./derivations.ts";

/** An initrd is packed: what is in it is not in the closure. */
const packed = /^(?:initrd|microcode)(?:-|$)/;

/**
 * The closures of toplevels that are not built, as a guess: an output refers to what its derivation's environment names, compilers, sources and checks left out, and to
 * the C library of its toolchain. What a build drops or adds is not known, and neither are sizes, which are 0.
 */
export class PreviewGraph {
  readonly closures = new ClosureGraph();
  readonly #derivations: Derivations;
  readonly #seen = new Set<StorePath>();

  constructor(derivations: Derivations) {
    this.#derivations = derivations;
  }

  /** Adds the closure of a toplevel; what other hosts brought already is there. */
  add(toplevel: StorePath): void {
    if (this.#seen.has(toplevel)) return;
    this.#seen.add(toplevel);
    const pending = [toplevel];
    for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
      const references = referencesOf(this.#derivations, path);
      this.closures.sink.valid({ path, narSize: 0, references });
      for (const reference of references) {
        if (this.#seen.has(reference)) continue;
        this.#seen.add(reference);
        pending.push(reference);
      }
    }
  }
}

function referencesOf(derivations: Derivations, path: StorePath): readonly StorePath[] {
  const derivation = derivations.byOutput(path);
  if (derivation === undefined || derivation.fixed || packed.test(nameOf(path))) return [];
  const found = new Set<StorePath>();
  for (const mention of derivation.mentions) {
    const named = derivations.byOutput(mention);
    if (named?.fixed === true) continue;
    const output = named === undefined ? mention : runtimeOutput(named, mention);
    if (output !== path) found.add(output);
  }
  if (derivation.build === undefined) {
    const libc = libcOf(derivations, derivation.stdenv);
    if (libc !== undefined && libc !== path) found.add(libc);
  }
  return [...found];
}

/** Packages are built with the headers of others (`openssl-3.0.14-dev`) and refer to their libraries. */
function runtimeOutput(derivation: Derivation, mention: StorePath): StorePath {
  if (derivation.outputs.get("dev") !== mention) return mention;
  return derivation.outputs.get("lib") ?? derivation.outputs.get("out") ?? mention;
}

function libcOf(derivations: Derivations, stdenv: StorePath | undefined): StorePath | undefined {
  const toolchain = stdenv === undefined ? undefined : derivations.byOutput(stdenv);
  for (const input of toolchain?.inputs ?? []) {
    const libc = derivations.byPath(input)?.libc;
    if (libc !== undefined) return libc;
  }
  return undefined;
}
