import { redactPair } from "./secrets.ts";
import type { Mount } from "./system.ts";
import type { MountChange } from "./system-diff.ts";

const maxMounts = 5000;

/**
 * The entries of an fstab(5), swap included (`fsType` is `swap`), in order. Lines with fewer than three fields are left out, as mount(8)
 * does.
 */
export function readMounts(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const raw of text.split("\n")) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const [device, mountPoint, fsType, options] = line.split(/[ \t]+/);
    if (device === undefined || mountPoint === undefined || fsType === undefined) continue;
    mounts.push({
      mountPoint: unescaped(mountPoint),
      device: unescaped(device),
      fsType,
      options: (options ?? "defaults").split(",").filter((option) => option !== ""),
    });
    if (mounts.length >= maxMounts) break;
  }
  return mounts;
}

/** Spaces and tabs are written in octal, `\040`. */
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

export const isSwap = (mount: Mount): boolean => mount.fsType === "swap";

/** Mounts by mount point; device, type and options are changes of their own, since a switch treats each differently. */
export function diffMounts(before: readonly Mount[], after: readonly Mount[]): MountChange[] {
  return diffEntries(before, after, (mount) => mount.mountPoint);
}

/** Swap by device: its mount point is `none`. `mountPoint` in the result is the device. */
export function diffSwaps(before: readonly Mount[], after: readonly Mount[]): MountChange[] {
  return diffEntries(before, after, (mount) => mount.device);
}

function diffEntries(before: readonly Mount[], after: readonly Mount[], key: (mount: Mount) => string): MountChange[] {
  // Two file systems may be stacked on one mount point: the last one is what is seen there.
  const from = new Map(before.map((mount) => [key(mount), mount]));
  const to = new Map(after.map((mount) => [key(mount), mount]));
  const names = [...new Set([...from.keys(), ...to.keys()])].sort();
  return names.flatMap((name) => entryChanges(name, from.get(name), to.get(name)));
}

/**
 * Options may carry a password (cifs: `password=…`), and so may a device (a URL of davfs): both sides are redacted together before they
 * are compared.
 */
function entryChanges(mountPoint: string, before: Mount | undefined, after: Mount | undefined): MountChange[] {
  const texts = redactPair(fields(before), fields(after), "/etc/fstab");
  const from = before === undefined ? undefined : ofFields(mountPoint, texts.from);
  const to = after === undefined ? undefined : ofFields(mountPoint, texts.to);
  if (from === undefined && to === undefined) return [];
  if (from === undefined)
    return [{ mountPoint, change: "added", from: undefined, to: written(to), optionsAdded: to?.options ?? [], optionsRemoved: [] }];
  if (to === undefined)
    return [{ mountPoint, change: "removed", from: written(from), to: undefined, optionsAdded: [], optionsRemoved: from.options }];
  const changes: MountChange[] = [];
  const one = (change: "device" | "type", old: string, now: string): void => {
    if (old !== now) changes.push({ mountPoint, change, from: old, to: now, optionsAdded: [], optionsRemoved: [] });
  };
  one("device", from.device, to.device);
  one("type", from.fsType, to.fsType);
  const old = from.options.join(",");
  const now = to.options.join(",");
  if (old !== now) {
    // Both lists are empty where only the order differs: switch-to-configuration compares the text and remounts all the same.
    const optionsAdded = to.options.filter((option) => !from.options.includes(option));
    const optionsRemoved = from.options.filter((option) => !to.options.includes(option));
    changes.push({ mountPoint, change: "options", from: old, to: now, optionsAdded, optionsRemoved });
  }
  return changes;
}

const written = (mount: Mount | undefined): string | undefined =>
  mount === undefined ? undefined : `${mount.device} ${mount.fsType} ${mount.options.join(",")}`;

const fields = (mount: Mount | undefined): string =>
  mount === undefined ? "" : [mount.device, mount.fsType, ...mount.options].map((field) => field.replaceAll("\n", " ")).join("\n");

function ofFields(mountPoint: string, text: string): Mount {
  const [device = "", fsType = "", ...options] = text.split("\n");
  return { mountPoint, device, fsType, options };
}
