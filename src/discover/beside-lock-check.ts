import type { Nix } from "../io/ports.ts";

/**
 * Works while Nix still compares the lock file with flake.nix. Where that does not fit, every command of the work ends with it, and its GateError is thrown: what it
 * broke is not worth a word. `work` is done with the Nix that it is given.
 */
export async function besideLockCheck<Made>(checked: Promise<void>, nix: Nix, work: (nix: Nix) => Promise<Made>): Promise<Made> {
  const unfit = new AbortController();
  checked.catch(() => unfit.abort());
  const ending: Nix = {
    version: async () => await nix.version(),
    run: async (run) => await nix.run({ ...run, signal: unfit.signal }),
  };
  const worked = await work(ending).then(
    (made) => ({ made }),
    (error: unknown) => ({ error }),
  );
  await checked;
  if ("error" in worked) throw worked.error;
  return worked.made;
}
