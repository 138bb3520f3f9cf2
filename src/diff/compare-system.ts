import type { StoreFiles } from "../io/ports.ts";
import type { ClosureGraph, PathId } from "./closure.ts";
import { closureView } from "./closure-view.ts";
import { diffFiles } from "./file-diff.ts";
import { diffPackages } from "./packages.ts";
import { isRevisionOnly } from "./revision-only.ts";
import { type Selection, selectionOf } from "./selection.ts";
import { diffSettings } from "./settings.ts";
import { nameOf, packageName, storePathOf } from "./store-path.ts";
import { componentFact, diffFacts } from "./system-facts.ts";
import { diffToplevelScripts } from "./toplevel-scripts.ts";
import type { PackagesDiff, SystemDiff } from "./system-diff.ts";
import type { Component, StorePath, System } from "./system.ts";
import { diffUnits } from "./unit-diff.ts";

/** The part of a diff that is read from files alone, and so can be made while Nix is still listing closures. */
export type FilesDiff = Omit<SystemDiff, "packages" | "closure" | "specialisations" | "revisionOnly">;

/** Compares what two toplevels declare. */
export function compareDeclared(from: System, to: System, store: StoreFiles): FilesDiff {
  const system = diffFacts(from, to, store);
  return {
    from: from.toplevel,
    to: to.toplevel,
    system,
    units: diffUnits(store, from, to, "system"),
    userUnits: diffUnits(store, from, to, "user"),
    files: [...diffFiles(store, from, to), ...diffToplevelScripts(store, from, to)],
    settings: diffSettings(store, from, to),
    // Read last: unpacking an initrd may have added to it.
    unknown: [...new Set([...from.unread, ...to.unread])],
  };
}

/** Adds what only the closures know: packages, sizes, glibc. */
export function compareSystems(declared: FilesDiff, from: System, to: System, graph: ClosureGraph, store: StoreFiles): SystemDiff {
  const glibc = componentFact(glibcOf(from, graph), glibcOf(to, graph));
  const packages = comparePackages(from, to, graph, store);
  const closure = closureView(graph, from.toplevel, to.toplevel, packages);
  // A thousand remembered closures would grow with the sum of the hosts.
  graph.forget(from.toplevel);
  graph.forget(to.toplevel);
  const whole = { ...declared, packages, closure, system: { ...declared.system, glibc } };
  return { ...whole, revisionOnly: isRevisionOnly(whole) };
}

function comparePackages(from: System, to: System, graph: ClosureGraph, store: StoreFiles): PackagesDiff {
  return diffPackages(graph, from.toplevel, to.toplevel, { from: select(from, graph, store), to: select(to, graph, store) });
}

function select(system: System, graph: ClosureGraph, store: StoreFiles): Selection {
  const root = (name: string): StorePath | undefined => {
    const target = store.resolve(`${system.toplevel}/${name}`);
    return target === undefined ? undefined : storePathOf(target, store.prefix);
  };
  return selectionOf(graph, system, { systemPath: root("sw"), etc: root("etc") }, store.prefix);
}

/** The C library that systemd is linked with: a closure may hold several, and this one runs the machine. Else the first that the closure reaches. */
export function glibcOf(system: System, graph: ClosureGraph): Component | undefined {
  const name = graph.packageIdOf("glibc");
  if (name === undefined) return undefined;
  const isGlibc = (id: PathId): boolean => graph.packageId(id) === name && packageName(nameOf(graph.path(id))).output === "";
  const systemd = system.systemd === undefined ? undefined : graph.id(system.systemd.path);
  const id = (systemd === undefined ? undefined : graph.references(systemd).find(isGlibc)) ?? graph.closure(system.toplevel).find(isGlibc);
  return id === undefined ? undefined : { path: graph.path(id), version: graph.version(id) };
}
