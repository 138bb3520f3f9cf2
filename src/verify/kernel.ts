import type { Miss } from "../apply/outcome.ts";
import { etcDirectoryFiles, storeText } from "../diff/etc.ts";
import { modDirVersion } from "../diff/kernel.ts";
import type { System } from "../diff/system.ts";
import type { StoreFiles } from "../io/ports.ts";
import type { Observation } from "../target/observation.ts";
import type { Planned } from "./planned.ts";
import { rebootNeed } from "./reboot-need.ts";

/**
 * What of kernel, parameters and modules waits for a reboot; and, where the planned system has booted, whether the kernel that runs and the words that it was given
 * are that system's: a boot loader may have started something else.
 */
export function kernelMisses(planned: Planned, old: System | undefined, system: System, after: Observation, store: StoreFiles): Miss[] {
  return [
    ...pendingMisses(planned, after, store),
    ...(after.booted === planned.current ? bootedMisses(system, after, store) : []),
    ...moduleMisses(old, system, after, store),
  ];
}

function pendingMisses(planned: Planned, after: Observation, store: StoreFiles): Miss[] {
  // Where something else boots that is told as what it is.
  if (after.profile !== planned.profile) return [];
  const need = rebootNeed(after, store);
  const releases = need.release.wanted === undefined ? "" : ` ${need.release.running} runs, ${need.release.wanted} would.`;
  return need.reasons
    .filter((reason) => reason.required)
    .map((reason) => ({
      family: "kernel",
      subject: reason.part,
      expected: reason.wanted.slice(0, 4000),
      found: reason.booted.slice(0, 4000),
      needs: "reboot",
      sentence: reason.part === "kernel" ? `${reason.sentence}${releases}` : reason.sentence,
    }));
}

function bootedMisses(system: System, after: Observation, store: StoreFiles): Miss[] {
  const misses: Miss[] = [];
  const { release, commandLine } = after.kernel;
  const expected = modDirVersion(store, system.kernel, system.kernelModules);
  if (expected !== undefined && release !== "" && release !== expected)
    misses.push({
      family: "kernel",
      subject: "release",
      expected,
      found: release,
      needs: "reboot",
      sentence: `The planned system has booted, but with the kernel ${release} and not ${expected}.`,
    });
  const given = words(commandLine);
  // A container has the command line of the machine that it runs on.
  const init = commandLine.match(/(?:^|\s)init=(\S+)/)?.[1];
  const lacking = init === undefined || after.booted === undefined ? [] : system.kernelParams.filter((word) => !given.has(word));
  if (lacking.length > 0)
    misses.push({
      family: "kernel",
      subject: "kernel-params",
      expected: lacking.join(" ").slice(0, 4000),
      found: "not on the command line",
      needs: "reboot",
      sentence: `The boot loader did not give the kernel ${lacking.length === 1 ? "the parameter" : "the parameters"} ${lacking.slice(0, 5).join(" ")}.`,
    });
  return misses;
}

const words = (line: string): ReadonlySet<string> => new Set(line.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? []);

const maxModules = 500;

/** Modules that this change asks for at boot (modules-load.d) and that are neither loaded nor part of the kernel. */
function moduleMisses(old: System | undefined, system: System, after: Observation, store: StoreFiles): Miss[] {
  if (old === undefined || after.kernel.modules.length === 0) return [];
  const known = wantedModules(store, old);
  const loaded = new Set(after.kernel.modules);
  const added = [...wantedModules(store, system)].filter((name) => !known.has(name) && !loaded.has(name));
  if (added.length === 0) return [];
  const builtIn = builtInModules(store, system, after.kernel.release);
  return added
    .filter((name) => !builtIn.has(name))
    .slice(0, maxModules)
    .map((name) => ({
      family: "kernel",
      subject: name,
      expected: "loaded",
      found: "not loaded",
      needs: after.booted === system.toplevel ? "restart" : "reboot",
      sentence: `The kernel module ${name} should be loaded from now on and is not.`,
    }));
}

/** modules-load.d(5); the kernel takes `-` and `_` for the same. */
function wantedModules(store: StoreFiles, system: System): Set<string> {
  const names = new Set<string>();
  for (const [file, path] of etcDirectoryFiles(store, system.etc, "modules-load.d")) {
    if (!file.endsWith(".conf")) continue;
    for (const line of (storeText(store, path) ?? "").split("\n")) {
      const name = line.trim();
      if (name !== "" && !/^[#;]/.test(name)) names.add(name.replaceAll("-", "_"));
    }
  }
  return names;
}

function builtInModules(store: StoreFiles, system: System, release: string): Set<string> {
  const modules = system.kernelModules;
  const text = modules === undefined ? undefined : storeText(store, `${modules.path}/lib/modules/${release}/modules.builtin`);
  return new Set(
    (text ?? "").split("\n").map((line) =>
      line
        .replace(/^.*\//, "")
        .replace(/\.ko.*$/, "")
        .replaceAll("-", "_"),
    ),
  );
}
