import { isToplevelName } from "./same-change.ts";
import type { PackagesDiff, SystemDiff } from "./system-diff.ts";

/**
 * The diff as `gate diff --json` prints it; the CLI adds what was judged (`verdict`, `mode`, `findings`, `session`) on top. Equal toplevels have the verdict `unchanged`, which
 * needs no judge. Same versions of other store paths are counted; `listRebuilt` lists them. Texts are redacted, not escaped: JSON does that.
 */
export function diffJson(diff: SystemDiff, options: { readonly listRebuilt?: boolean } = {}): Readonly<Record<string, unknown>> {
  const { from, to, packages, system, units, userUnits, files, settings, specialisations, revisionOnly, unknown } = diff;
  return {
    schema: 1,
    ...(from === to ? { verdict: "unchanged" } : {}),
    from,
    to,
    packages: packagesJson(packages, options.listRebuilt === true),
    system,
    units: { system: units, user: userUnits },
    files,
    settings,
    ...(specialisations === undefined
      ? {}
      : { specialisations: Object.fromEntries([...specialisations].map(([name, inner]) => [name, diffJson(inner, options)])) }),
    revisionOnly,
    unknown,
  };
}

function packagesJson(packages: PackagesDiff, listRebuilt: boolean): Readonly<Record<string, unknown>> {
  const { added, removed, changed, rebuilt, sizeDelta, sizeFrom, sizeTo, pathsFrom, pathsTo } = packages;
  // Files that the configuration makes have no version, and nobody calls them packages, nor the system itself.
  const rebuiltPackages = rebuilt.filter(({ name, from }) => !isToplevelName(name) && from.some((version) => version !== "")).length;
  return {
    added,
    removed,
    changed,
    rebuilt: listRebuilt ? rebuilt : { packages: rebuiltPackages, files: rebuilt.length - rebuiltPackages },
    sizeDelta,
    sizeFrom,
    sizeTo,
    pathsFrom,
    pathsTo,
  };
}
