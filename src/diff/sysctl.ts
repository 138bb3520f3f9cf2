import type { StoreFiles } from "../io/ports.ts";
import { changedEtcTexts, etcDirectoryFiles, storeText } from "./etc.ts";
import { keyChanges } from "./line-changes.ts";
import type { EtcFile, System } from "./system.ts";
import type { KeyChange } from "./system-diff.ts";

/** Kernel settings by key over all files of /etc/sysctl.d, as sysctl.d(5) ends up with them. */
export function diffSysctl(store: StoreFiles, before: System, after: System): KeyChange[] {
  if (changedEtcTexts(store, before.etc, after.etc, "sysctl.d").length === 0) return [];
  return keyChanges(readSysctl(store, before.etc), readSysctl(store, after.etc));
}

/**
 * sysctl.d(5): files in the order of their names, the last assignment wins; a leading `-` only silences errors; `/` and `.` both separate.
 */
export function readSysctl(store: StoreFiles, etc: ReadonlyMap<string, EtcFile>): ReadonlyMap<string, string> {
  const settings = new Map<string, string>();
  for (const [name, path] of etcDirectoryFiles(store, etc, "sysctl.d")) {
    if (!name.endsWith(".conf")) continue;
    for (const raw of (storeText(store, path) ?? "").split("\n")) {
      const line = raw.trim();
      const equals = line.indexOf("=");
      if (equals <= 0 || line.startsWith("#") || line.startsWith(";")) continue;
      settings.set(
        settingName(line.slice(0, equals).trim().replace(/^-/, "")),
        line
          .slice(equals + 1)
          .trim()
          .replace(/\s+/g, " "),
      );
    }
  }
  return settings;
}

/** The first separator tells which one it is: `net/ipv4/conf/eth0.1/forwarding` has a dot that belongs to a name. */
function settingName(written: string): string {
  const first = /[./]/.exec(written)?.[0];
  return first === "/" ? written.replace(/[./]/g, (separator) => (separator === "/" ? "." : "/")) : written;
}
