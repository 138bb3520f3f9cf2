import type { ClosureGraph } from "./closure.ts";
import { withoutPassword } from "./read-closures.ts";
import { nameOf, packageName } from "./store-path.ts";
import type { Component, StorePath, System } from "./system.ts";

/**
 * What can be said of an old system whose files are not here, only on its host or in a cache: what its closure names. Everything else is taken from the new system, so that
 * it shows no differences, and one sentence says that nothing of it was compared; a change with such a sentence is never clean.
 */
export function foreignSystem(toplevel: StorePath, to: System, graph: ClosureGraph, storeUrl: string): System {
  const id = graph.id(toplevel);
  const references = id === undefined ? [] : graph.references(id).map((reference) => graph.path(reference));
  const named = (pattern: RegExp): StorePath | undefined => references.find((path) => pattern.test(nameOf(path)));
  const component = (pattern: RegExp): Component | undefined => {
    const path = named(pattern);
    return path === undefined ? undefined : { path, version: packageName(nameOf(path)).version || undefined };
  };
  const kernel = component(/^linux(?!-firmware|-headers)(?:-[a-z_]+)*-\d[^-]*(?:-[a-z]*\d[^-]*)*$/);
  const initrd = named(/^initrd-/);
  const modules = named(/^kernel-modules$/);
  const nixosVersion = /-(\d\d\.\d\d[0-9A-Za-z._-]*)$/.exec(nameOf(toplevel))?.[1];
  return {
    ...to,
    toplevel,
    nixosVersion,
    kernel: kernel === undefined ? undefined : { ...kernel, image: kernel.path },
    initrd: initrd === undefined ? undefined : { path: initrd, contents: undefined },
    kernelModules: modules === undefined ? undefined : { path: modules, directories: [] },
    firmware: named(/^firmware$/),
    systemd: component(/^systemd-\d/),
    unread: [
      `The old system ${toplevel} is only in ${withoutPassword(storeUrl)}: its packages and the versions of kernel and systemd were compared, but not its units, files, users, firewall, parameters and settings.`,
    ],
  };
}
