import type { Nix, Trust } from "../io/ports.ts";

/** What tools about a build are given. */
export type BuildPorts = {
  /** What failed; no other log is read. */
  readonly derivations: readonly string[];
  /** Of the system that could not be built. */
  readonly toplevelDrv: string | undefined;
  readonly nix: Pick<Nix, "run">;
  /** Of what was to be built: Nix reads it where that may be read. */
  readonly trust: Trust;
};
