import type { StoreFiles } from "../io/ports.ts";
import { compareFiles } from "./file-contents.ts";
import type { FileChange } from "./system-diff.ts";
import type { System } from "./system.ts";

const maxScriptBytes = 64 << 10;

/**
 * Scripts that only the toplevel names: what copies secrets into the initrd when the boot loader is installed, and what may refuse a switch. They stand behind no unit and
 * no file of /etc, and their paths have no version.
 */
export function diffToplevelScripts(store: StoreFiles, before: System, after: System): FileChange[] {
  const scripts = [
    { label: "append-initrd-secrets", of: (system: System) => store.resolve(`${system.toplevel}/append-initrd-secrets`) },
    { label: "pre-switch-checks", of: (system: System) => preSwitchCheck(store, system) },
  ];
  return scripts.flatMap(({ label, of }): FileChange[] => {
    const [from, to] = [of(before), of(after)];
    if (from === to) return [];
    const { same, behind: _, ...contents } = compareFiles(store, from, to, { label, shown: true });
    return same ? [] : [{ path: label, change: from === undefined ? "added" : to === undefined ? "removed" : "changed", ...contents }];
  });
}

/** `PRE_SWITCH_CHECK` of the wrapper around switch-to-configuration. */
function preSwitchCheck(store: StoreFiles, system: System): string | undefined {
  const text = store.read(`${system.toplevel}/bin/switch-to-configuration`, maxScriptBytes)?.text ?? "";
  const path = /\bPRE_SWITCH_CHECK=(?:'([^'\n]*)'|"([^"\n]*)"|(\S+))/.exec(text);
  const named = path?.[1] ?? path?.[2] ?? path?.[3];
  return named === undefined ? undefined : store.resolve(named);
}
