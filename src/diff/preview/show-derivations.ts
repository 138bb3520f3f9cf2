import { gateError } from "../../failure.ts";
import type { Nix, Trust } from "../../io/ports.ts";
import { Derivations } from "./derivations.ts";

export type ShowOptions = { readonly nix: Nix; readonly trust: Trust; /** Wall clock, in seconds. */ readonly timeoutSeconds: number };

/** Paths on one command line: far below what a kernel takes, and more than most fleets have hosts. */
const maxPaths = 2000;

/**
 * Asks Nix for the derivations that a list of them needs, each once: one call for a whole fleet, base and head together. Nix before 2.15 knows the command by another
 * name; it says so, and is then asked by that one. Throws `derivations-failed` or `derivations-shape`.
 */
export async function showDerivations(paths: readonly string[], options: ShowOptions): Promise<Derivations> {
  const all = [...new Set(paths)].sort();
  const prefix = (all[0] ?? "/nix/store/").replace(/\/[^/]*$/, "");
  const derivations = new Derivations(prefix);
  let command: readonly string[] = ["derivation", "show"];
  for (let start = 0; start < all.length; start += maxPaths) {
    const asked = all.slice(start, start + maxPaths);
    const failed = await show(derivations, command, asked, options);
    if (failed === undefined) continue;
    if (command.length === 1 || !/'derivation' is not a recogni[sz]ed command/.test(failed.stderr))
      throw derivationsFailed(command, asked, failed);
    command = ["show-derivation"];
    const again = await show(derivations, command, asked, options);
    if (again !== undefined) throw derivationsFailed(command, asked, again);
  }
  return derivations;
}

type Failed = { readonly exitCode: number | undefined; readonly stderr: string };

async function show(
  derivations: Derivations,
  command: readonly string[],
  paths: readonly string[],
  options: ShowOptions,
): Promise<Failed | undefined> {
  const reader = derivations.reader(said(command, paths));
  // A callback must not throw: the failure waits until Nix has ended.
  let wrong: { readonly error: unknown } | undefined;
  const result = await options.nix.run({
    arguments: [...command, "--recursive", ...paths],
    trust: options.trust,
    timeoutSeconds: options.timeoutSeconds,
    onOutput: (chunk) => {
      if (wrong !== undefined) return;
      try {
        reader.write(chunk);
      } catch (error) {
        wrong = { error };
      }
    },
  });
  if (result.exitCode !== 0) return { exitCode: result.timedOut ? undefined : result.exitCode, stderr: result.stderr };
  if (wrong !== undefined) throw wrong.error;
  reader.end();
  return undefined;
}

const said = (command: readonly string[], paths: readonly string[]): string =>
  `nix ${command.join(" ")} --recursive ${paths[0] ?? ""}${paths.length > 1 ? " …" : ""}`;

const derivationsFailed = (command: readonly string[], paths: readonly string[], { exitCode, stderr }: Failed): Error =>
  gateError("derivations-failed", { command: said(command, paths), exitCode }, stderr.slice(-2000));
