import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { isRoot } from "./root.ts";

/** A Nix to test against. `directory` holds `nix` and `nix-store`; put it first in PATH. `path` is such a PATH. */
export type NixAtHand = { readonly version: string; readonly directory: string; readonly path: string };

/** Where `.ci/nix-versions` brings them. */
export const broughtVersions = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "nixos-deploy-gate", "nix");
const brought = ["trixie", "sid"].map((suite) => join(broughtVersions, suite, "usr", "bin"));

function at(directory: string): NixAtHand {
  const line = execFileSync(join(directory, "nix"), ["--version"], { encoding: "utf8" }).split("\n")[0] ?? "";
  return { version: line.replace(/^nix \(.*?\) /, ""), directory, path: `${directory}:/usr/bin:/bin` };
}

function installed(): string {
  for (const directory of (process.env["PATH"] ?? "").split(":")) if (existsSync(join(directory, "nix"))) return directory;
  throw new Error("These tests need Nix. Run: sh .ci/setup nix");
}

/**
 * Every Nix version that tests run against: the installed one and, as root, those that `.ci/nix-versions` brings. As root all of them must be there: a version
 * that is silently left out would be one that nobody tested.
 */
export function nixVersions(): readonly NixAtHand[] {
  const found = [at(installed())];
  if (!isRoot) return found;
  for (const directory of brought) {
    if (!existsSync(join(directory, "nix"))) throw new Error(`${directory} has no Nix. Run: .ci/nix-versions`);
    found.push(at(directory));
  }
  return found;
}
