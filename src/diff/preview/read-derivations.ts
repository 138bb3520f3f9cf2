import type { StoreFiles } from "../../io/ports.ts";
import { readDerivation } from "./derivation.ts";
import { parseDerivationFile } from "./derivation-file.ts";
import { Derivations } from "./derivations.ts";

/** Larger than any that nixpkgs makes. */
const longest = 16 << 20;
const mostDerivations = 500_000;

/**
 * The same as `showDerivations`, from the `.drv` files themselves: they lie in the store of this machine wherever it evaluated, and reading them costs less than asking Nix
 * to print them. Undefined where one of them is not there or is written in a way that is not known here, and for derivations that only Nix can resolve: then Nix is asked.
 */
export async function readDerivations(paths: readonly string[], store: StoreFiles): Promise<Derivations | undefined> {
  const derivations = new Derivations(store.prefix);
  const known = new Set(paths);
  const left = [...known];
  for (let path = left.pop(); path !== undefined; path = left.pop()) {
    if (!path.startsWith(`${store.prefix}/`) || known.size > mostDerivations) return undefined;
    const file = store.read(path, longest);
    if (file === undefined || file.truncated || file.binary) return undefined;
    const record = parseDerivationFile(file.text);
    if (record === undefined) return undefined;
    derivations.add(readDerivation(path, record, store.prefix));
    for (const input of Object.keys(record.inputDrvs)) {
      if (known.has(input)) continue;
      known.add(input);
      left.push(input);
    }
    // A build closure of nixpkgs is 20,000 files; whoever waits for a signal waits no longer than for some.
    if (derivations.size % 500 === 0) await new Promise((resolve) => void setImmediate(resolve));
  }
  return derivations;
}
