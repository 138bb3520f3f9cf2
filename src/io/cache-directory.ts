import { isAbsolute, join } from "node:path";

/** Where a person at a prompt has what can be made again, by the XDG base directory specification: a relative XDG_CACHE_HOME counts as unset. Undefined without a home. */
export function cacheDirectory(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const [cache = "", home = ""] = [environment["XDG_CACHE_HOME"], environment["HOME"]];
  const base = isAbsolute(cache) ? cache : isAbsolute(home) ? join(home, ".cache") : undefined;
  return base === undefined ? undefined : join(base, "nixos-deploy-gate");
}
