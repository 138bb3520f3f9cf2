import { gateError } from "../../failure.ts";
import type { StorePath } from "../system.ts";
import { readDerivation, type Derivation } from "./derivation.ts";
import { JsonMembers, JsonMembersError } from "./json-members.ts";

/** A build closure has about 20,000; a fleet of several platforms and releases a few times that. */
const maxDerivations = 500_000;

/**
 * The derivations of a fleet, each once, from `nix derivation show --recursive`. Its shapes are told apart by what stands there, never by a version number:
 *
 * - an object keyed by path, with `inputDrvs` (Nix before 2.32, Lix, whichever command wrote it)
 * - an object keyed by base name (2.32)
 * - `{"version":4,"derivations":{…}}` keyed by base name, with `inputs.drvs` (2.33 and later)
 */
export class Derivations {
  readonly prefix: string;
  readonly #byPath = new Map<string, Derivation>();
  readonly #byOutput = new Map<StorePath, Derivation>();

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  get size(): number {
    return this.#byPath.size;
  }

  byPath(path: string): Derivation | undefined {
    return this.#byPath.get(path);
  }

  byOutput(path: StorePath): Derivation | undefined {
    return this.#byOutput.get(path);
  }

  all(): Iterable<Derivation> {
    return this.#byPath.values();
  }

  add(derivation: Derivation): void {
    if (this.#byPath.has(derivation.path)) return;
    this.#byPath.set(derivation.path, derivation);
    for (const output of derivation.outputs.values()) this.#byOutput.set(output, derivation);
  }

  /** Takes the answer of `command` piece by piece. Throws the failure `derivations-shape` where it has none of the shapes. */
  reader(command: string): { readonly write: (chunk: Uint8Array) => void; readonly end: () => void } {
    const members = new JsonMembers("derivations", (key, value, inside) => {
      if (!inside && !key.endsWith(".drv")) return;
      if (this.#byPath.size >= maxDerivations) throw new JsonMembersError(`it has more than ${maxDerivations} derivations`);
      this.add(readDerivation(key, value, this.prefix));
    });
    const guarded = (run: () => void): void => {
      try {
        run();
      } catch (cause) {
        throw gateError(
          "derivations-shape",
          { command, problem: cause instanceof Error ? cause.message : "it is not JSON" },
          undefined,
          cause,
        );
      }
    };
    return { write: (chunk) => guarded(() => members.write(chunk)), end: () => guarded(() => members.end()) };
  }
}
