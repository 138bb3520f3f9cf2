import type { StoreFiles } from "../io/ports.ts";
import { diffBootLoaderSettings } from "./boot-loader.ts";
import { diffInitrd } from "./initrd.ts";
import { misfits, modDirVersion } from "./kernel.ts";
import { diffKernelParams } from "./kernel-params.ts";
import { label } from "./store-path.ts";
import type { Fact, KeyChange, SystemFacts } from "./system-diff.ts";
import type { Component, StorePath, System } from "./system.ts";
import { compareVersions, series } from "./version.ts";

/** Compares what two toplevels say of the running machine. `store` is asked for the kernel's own version only where kernel or modules differ. */
export function diffFacts(from: System, to: System, store: StoreFiles): SystemFacts {
  return {
    kernel: kernelFact(from, to),
    initrd: { ...pathFact(from.initrd?.path, to.initrd?.path), ...diffInitrd(from.initrd, to.initrd) },
    kernelModules: modulesFact(from, to, store),
    firmware: pathFact(from.firmware, to.firmware),
    kernelParams: paramsFact(from, to),
    bootLoader: bootLoaderFact(from, to),
    specialisations: specialisationsFact(from, to),
    initInterface: wordFact(from.initInterfaceVersion, to.initInterfaceVersion),
    switchInhibitors: mapFact(from.switchInhibitors, to.switchInhibitors),
    rebootTriggers: triggersFact(from, to),
    nixosVersion: wordFact(from.nixosVersion, to.nixosVersion),
    release: wordFact(releaseOf(from), releaseOf(to)),
    systemd: componentFact(from.systemd, to.systemd),
    glibc: componentFact(from.glibc, to.glibc),
    dbus: wordFact(from.dbus, to.dbus),
    switchToConfiguration: wordFact(from.switchToConfiguration, to.switchToConfiguration),
  };
}

/** `26.05` of `26.05.20260423.01fbdee` and of `26.05pre-git`. */
export function releaseOf(system: Pick<System, "nixosVersion">): string | undefined {
  return /^\d+\.\d+/.exec(system.nixosVersion ?? "")?.[0];
}

const wordFact = (from: string | undefined, to: string | undefined): Fact => ({ from, to, changed: from !== to });

/** Shown by name and version, compared by path: the same version built anew is another thing. */
function pathFact(from: StorePath | undefined, to: StorePath | undefined): Fact {
  const [before, after] = [from === undefined ? undefined : label(from), to === undefined ? undefined : label(to)];
  const rebuilt = from !== to && before !== undefined && before === after && before.includes(" ");
  return { from: before, to: after, changed: from !== to, ...(rebuilt ? { note: "same version, built anew" } : {}) };
}

/** A package of the system by version, compared by path. */
export function componentFact(from: Component | undefined, to: Component | undefined): Fact {
  const [before, after] = [versionOf(from), versionOf(to)];
  const rebuilt = from?.path !== to?.path && before !== undefined && before === after;
  return { from: before, to: after, changed: from?.path !== to?.path, ...(rebuilt ? { note: "same version, built anew" } : {}) };
}

const versionOf = (component: Component | undefined): string | undefined =>
  component === undefined ? undefined : (component.version ?? label(component.path));

function kernelFact(from: System, to: System): SystemFacts["kernel"] {
  const fact = componentFact(from.kernel, to.kernel);
  const [before, after] = [from.kernel?.version, to.kernel?.version];
  if (before === undefined || after === undefined)
    return { ...fact, series: from.kernel === to.kernel ? "same" : "unknown", direction: fact.changed ? "unknown" : "same" };
  const [old, fresh] = [series(before), series(after)];
  const order = compareVersions(before, after);
  return {
    ...fact,
    series: old === undefined || fresh === undefined ? (fact.changed ? "unknown" : "same") : old === fresh ? "same" : "changed",
    direction: order < 0 ? "up" : order > 0 ? "down" : "same",
  };
}

function modulesFact(from: System, to: System, store: StoreFiles): SystemFacts["kernelModules"] {
  const [before, after] = [from.kernelModules, to.kernelModules];
  const words = (directories: readonly string[] | undefined): string | undefined => directories?.join(", ");
  const changed = before?.path !== after?.path;
  const fits = changed || from.kernel?.path !== to.kernel?.path || (after?.directories.length ?? 0) > 1;
  const wrong = fits ? misfits(after, modDirVersion(store, to.kernel, after)) : [];
  return { from: words(before?.directories), to: words(after?.directories), changed, misfits: wrong };
}

function paramsFact(from: System, to: System): SystemFacts["kernelParams"] {
  const [before, after] = [from.kernelParams, to.kernelParams];
  const diff = diffKernelParams(before, after);
  const changed = before.join("\0") !== after.join("\0");
  const onlyOrder = changed && diff.added.length === 0 && diff.removed.length === 0 && diff.changedKeys.length === 0;
  return { from: before.join(" "), to: after.join(" "), changed, ...diff, ...(onlyOrder ? { note: "only their order differs" } : {}) };
}

function bootLoaderFact(from: System, to: System): SystemFacts["bootLoader"] {
  const settings = diffBootLoaderSettings(from.bootLoader, to.bootLoader);
  const kind = from.bootLoader.kind !== to.bootLoader.kind;
  const rebuilt = !kind && settings.length === 0 && from.bootLoader.installer !== to.bootLoader.installer;
  return {
    from: from.bootLoader.kind,
    to: to.bootLoader.kind,
    changed: kind || settings.length > 0,
    settings,
    ...(rebuilt ? { note: "same settings, built anew" } : {}),
  };
}

function specialisationsFact(from: System, to: System): SystemFacts["specialisations"] {
  const [before, after] = [from.specialisations, to.specialisations];
  const added = [...after.keys()].filter((name) => !before.has(name));
  const removed = [...before.keys()].filter((name) => !after.has(name));
  const changedNames = [...after].filter(([name, path]) => before.has(name) && before.get(name) !== path).map(([name]) => name);
  const words = (map: ReadonlyMap<string, string>): string | undefined => (map.size === 0 ? undefined : [...map.keys()].join(", "));
  return {
    from: words(before),
    to: words(after),
    changed: added.length + removed.length + changedNames.length > 0,
    added,
    removed,
    changedNames,
  };
}

type MapFact = SystemFacts["switchInhibitors"];

/** Known only where both sides say it: a release before 26.05 has no such file, and its silence is no agreement. */
function mapFact(from: ReadonlyMap<string, string> | undefined, to: ReadonlyMap<string, string> | undefined): MapFact {
  const words = (map: ReadonlyMap<string, string> | undefined): string | undefined =>
    map === undefined ? undefined : [...map].map(([key, value]) => `${key}=${value}`).join(" ");
  if (from === undefined || to === undefined) {
    const side =
      from === undefined && to === undefined
        ? "neither side says"
        : from === undefined
          ? "the old side does not say"
          : "the new side does not say";
    return { from: words(from), to: words(to), changed: false, known: false, keys: [], note: side };
  }
  const keys: KeyChange[] = [];
  for (const key of [...new Set([...from.keys(), ...to.keys()])].sort()) {
    if (from.get(key) !== to.get(key)) keys.push({ key, from: from.get(key), to: to.get(key) });
  }
  return { from: words(from), to: words(to), changed: keys.length > 0, known: true, keys };
}

/** Where one side does not say what calls for a reboot, the paths that a boot loads are compared instead. */
function triggersFact(from: System, to: System): MapFact {
  const fact = mapFact(from.rebootTriggers, to.rebootTriggers);
  if (fact.known) return fact;
  const pairs: readonly (readonly [string, string | undefined, string | undefined])[] = [
    ["kernel", from.kernel?.path, to.kernel?.path],
    ["kernel-params", from.kernelParams.join(" "), to.kernelParams.join(" ")],
    ["initrd", from.initrd?.path, to.initrd?.path],
    ["kernel-modules", from.kernelModules?.path, to.kernelModules?.path],
    ["firmware", from.firmware, to.firmware],
  ];
  const keys = pairs.filter(([, before, after]) => before !== after).map(([key, before, after]) => ({ key, from: before, to: after }));
  return {
    ...fact,
    changed: keys.length > 0,
    keys,
    note: `${fact.note}; kernel, parameters, initrd, modules and firmware were compared by path`,
  };
}
