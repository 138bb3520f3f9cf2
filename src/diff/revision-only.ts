import type { FileChange, SystemDiff } from "./system-diff.ts";

/** Files of /etc that say which release and revision this is, and nothing else. */
const releaseFiles = new Set(["/etc/os-release", "/etc/lsb-release", "/etc/issue"]);
/** Packages that carry the version of NixOS in name or contents: the system itself, `nixos-version`, the manual. */
const releasePackage = /^nixos-(?:system-.*|version|manual.*|help|configuration-reference-manpage|options.*)$/;

/**
 * Whether a change says nothing but another revision, label or nixos-version once store hashes are normalised: no package, no setting, no unit, no file differs in meaning.
 * Such a change is clean by itself, so this must never be true by mistake: whatever is unknown makes it false.
 */
export function isRevisionOnly(diff: Omit<SystemDiff, "revisionOnly">): boolean {
  if (diff.from === diff.to || diff.unknown.length > 0) return false;
  return (
    onlyReleasePackages(diff) &&
    onlyVersionFact(diff) &&
    diff.units.every((unit) => unit.hashOnly) &&
    diff.userUnits.every((unit) => unit.hashOnly) &&
    onlyReleaseTexts(diff)
  );
}

function onlyReleasePackages({ packages }: Pick<SystemDiff, "packages">): boolean {
  if (packages.added.length > 0 || packages.removed.length > 0) return false;
  const named = (name: string): boolean => releasePackage.test(name);
  // A path without a version is made by the configuration; what it says is compared as unit, file or setting.
  return (
    packages.changed.every(({ name }) => named(name)) &&
    packages.rebuilt.every(({ name, from }) => named(name) || from.every((version) => version === ""))
  );
}

function onlyVersionFact({ system }: Pick<SystemDiff, "system">): boolean {
  const { nixosVersion: _, ...others } = system;
  return Object.values(others).every((fact) => !fact.changed);
}

function onlyReleaseTexts({ files, settings, system }: Pick<SystemDiff, "files" | "settings" | "system">): boolean {
  if (settings.activation.some((snippet) => !snippet.hashOnly)) return false;
  const { activation: _, ...others } = settings;
  if (Object.values(others).some((list) => list.length > 0)) return false;
  return files.every((file) => file.hashOnly || saysOnlyTheVersion(file, system.nixosVersion.from, system.nixosVersion.to));
}

/** The lines that went are those that came, with the old version in place of the new one. */
function saysOnlyTheVersion(file: FileChange, from: string | undefined, to: string | undefined): boolean {
  if (
    !releaseFiles.has(file.path) ||
    file.change !== "changed" ||
    file.kind !== "text" ||
    file.diff === "" ||
    from === undefined ||
    to === undefined
  )
    return false;
  const lines = file.diff.split("\n");
  const [gone, came] = ["-", "+"].map((sign) =>
    lines.filter((line) => line.startsWith(sign) && !line.startsWith(sign.repeat(3))).map((line) => line.slice(1)),
  );
  const revision = (version: string): string => version.split(".").at(-1) ?? version;
  const neutral = (line: string, version: string): string => line.replaceAll(version, "VERSION").replaceAll(revision(version), "REVISION");
  const [old, fresh] = [(gone ?? []).map((line) => neutral(line, from)), (came ?? []).map((line) => neutral(line, to))];
  return old.length > 0 && old.length === fresh.length && old.every((line, index) => line === fresh[index]);
}
