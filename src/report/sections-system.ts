import type { Line, Section } from "./line.ts";
import { list } from "./line.ts";
import { count } from "./count.ts";
import type { PlanDiff } from "./plan-diff.ts";

type System = PlanDiff["system"];
type KeyChange = System["bootLoader"]["settings"][number];

const label: Readonly<Record<keyof System, string>> = {
  kernel: "Kernel",
  kernelModules: "Kernel modules",
  kernelParams: "Kernel parameters",
  initrd: "initrd",
  firmware: "Firmware",
  bootLoader: "Boot loader",
  systemd: "systemd",
  dbus: "D-Bus",
  glibc: "glibc",
  switchInhibitors: "Switch inhibitors",
  rebootTriggers: "Reboot triggers",
  initInterface: "init interface",
  specialisations: "Specialisations",
  switchToConfiguration: "switch-to-configuration",
  release: "NixOS release",
  nixosVersion: "NixOS version",
};

/** What a boot or an activation depends on, each as it was and as it will be. */
export function systemSection(diff: PlanDiff): Section {
  const { system } = diff;
  const lines = (Object.keys(label) as (keyof System)[])
    // Triggers that no side names are kernel, initrd, modules, firmware and parameters once more.
    .filter((key) => system[key].changed && (key !== "rebootTriggers" || system.rebootTriggers.known))
    .map((key) => fact(label[key], system[key], extras(system, key)));
  return { kind: "system", title: "System", summary: `${count(lines.length, "part")} changed`, lines, texts: [] };
}

function fact(name: string, one: System["firmware"], more: readonly Line[]): Line {
  const shift: Line["spans"] =
    one.from !== undefined && one.to !== undefined
      ? one.from === one.to
        ? [" rebuilt, still ", { code: one.to }]
        : [" ", { code: one.from }, " → ", { code: one.to }]
      : one.to !== undefined
        ? [" now ", { code: one.to }]
        : one.from !== undefined
          ? [" gone, was ", { code: one.from }]
          : [" changed"];
  return { spans: [{ strong: name }, ...shift, ...(one.note === undefined ? [] : [`: ${one.note}`])], sub: more };
}

function extras(system: System, key: keyof System): Line[] {
  const named = (word: string, names: readonly string[]): Line[] =>
    names.length === 0 ? [] : [{ spans: [`${word} `, ...list(names, 20)] }];
  switch (key) {
    case "kernelParams":
      return [
        ...named("added", system.kernelParams.added),
        ...named("removed", system.kernelParams.removed),
        ...system.kernelParams.changedKeys.map(keyChange),
      ];
    case "initrd":
      return [
        ...named("modules gone", system.initrd.modulesRemoved),
        ...named("modules new", system.initrd.modulesAdded),
        ...named("files changed", system.initrd.filesChanged),
      ];
    case "kernelModules":
      return named("do not fit the new kernel:", system.kernelModules.misfits);
    case "bootLoader":
      return system.bootLoader.settings.map(keyChange);
    case "switchInhibitors":
      return system.switchInhibitors.keys.map(keyChange);
    case "rebootTriggers":
      return system.rebootTriggers.keys.map(keyChange);
    case "specialisations":
      return [
        ...named("added", system.specialisations.added),
        ...named("removed", system.specialisations.removed),
        ...named("changed", system.specialisations.changedNames),
      ];
    case "kernel":
    case "firmware":
    case "systemd":
    case "dbus":
    case "glibc":
    case "initInterface":
    case "switchToConfiguration":
    case "release":
    case "nixosVersion":
      return [];
  }
}

/** `key` `from` → `to`, with the words for a key that comes or goes. */
export function keyChange(one: KeyChange): Line {
  if (one.from === undefined)
    return { spans: [{ code: one.key }, ...(one.to === undefined ? [" changed"] : [" new: ", { code: one.to }])] };
  if (one.to === undefined) return { spans: [{ code: one.key }, " gone, was ", { code: one.from }] };
  return { spans: [{ code: one.key }, " ", { code: one.from }, " → ", { code: one.to }] };
}
