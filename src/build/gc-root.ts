import type { Log, Nix } from "../io/ports.ts";
import { lastError } from "../nix-message.ts";
import type { HostSides } from "./sides.ts";

/**
 * Keeps every system that was built in the store until the run's scratch directory is gone: one call roots all of them. Nothing of a pull request runs here, and the
 * links are the gate's own, so it is done outside of what untrusted code is run in. A run that cannot do it goes on and says so.
 */
export async function keepFromCollection(
  sides: readonly HostSides[],
  { nix, log, roots }: { readonly nix: Nix; readonly log: Log; /** A directory of this run alone. */ readonly roots: string },
): Promise<void> {
  const built = new Set(
    sides
      .flatMap((host) => [host.before, host.after])
      .flatMap((side) => (side.kind === "known" || side.kind === "running" ? [side.toplevel] : [])),
  );
  if (built.size === 0) return;
  const made = await nix.run({
    program: "nix-store",
    arguments: ["--realise", "--add-root", `${roots}/toplevel`, "--indirect", ...built],
    trust: "deploy-branch",
    timeoutSeconds: 120,
  });
  if (made.exitCode !== 0)
    log.progress({
      kind: "warning",
      text: `The built systems could not be protected from garbage collection during this run: ${lastError(made.stderr)}`,
    });
}
