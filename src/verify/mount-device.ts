import type { Mount as Declared } from "../diff/system.ts";
import type { Mount, Observation } from "../target/observation.ts";

export type DeviceAnswer =
  | { readonly kind: "same" }
  /** Nothing on this machine goes by that name. */
  | { readonly kind: "absent"; readonly expected: string }
  | { readonly kind: "other"; readonly expected: string; readonly found: string }
  /** It cannot be told from outside; `why` is a sentence without its full stop. */
  | { readonly kind: "unknown"; readonly why: string };

const tags: Readonly<Record<string, string>> = {
  LABEL: "by-label",
  UUID: "by-uuid",
  PARTLABEL: "by-partlabel",
  PARTUUID: "by-partuuid",
  ID: "by-id",
};
/** One file system over several devices: the mount table names any one of them, and so does the link. */
const manyDevices: ReadonlySet<string> = new Set(["btrfs", "bcachefs"]);
const network: ReadonlySet<string> = new Set(["nfs", "nfs4", "cifs", "smb3", "ceph", "9p"]);

/** The path below /dev that a device of fstab stands for: `UUID=ab12` is `/dev/disk/by-uuid/ab12`, special bytes as udev writes them. */
export function devicePath(device: string): string | undefined {
  if (device.startsWith("/dev/")) return device;
  const match = /^([A-Z]+)=(?:"([^"]*)"|(.*))$/.exec(device);
  const directory = tags[match?.[1] ?? ""];
  if (match === null || directory === undefined) return undefined;
  const value = match[2] ?? match[3] ?? "";
  return `/dev/disk/${directory}/${directory === "by-label" || directory === "by-partlabel" ? udevName(value) : value}`;
}

/** udev keeps letters, digits and `#+-.:=@_` and whole characters beyond ASCII; other bytes become `\x20`. */
const udevName = (value: string): string =>
  value.replace(/[^A-Za-z0-9#+\-.:=@_\u0080-\u{10ffff}]/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`);

/** Where a link below /dev ends, as the host told. */
export const resolved = (devices: Observation["devices"], path: string): string => devices.get(path) ?? path;

/** A path whose meaning is only in its link: without the link it says nothing. */
export const isAlias = (path: string): boolean => path.startsWith("/dev/disk/");

/** Whether what is mounted is the device that fstab names. */
export function compareDevice(declared: Declared, mounted: Mount, after: Observation): DeviceAnswer {
  if (declared.options.includes("bind") || declared.options.includes("rbind")) return compareBind(declared, mounted, after);
  if (network.has(declared.fsType) || declared.fsType === "zfs") {
    const [expected, found] = [trimmed(declared.device), trimmed(mounted.source)];
    return expected === found ? { kind: "same" } : { kind: "other", expected: declared.device, found: mounted.source };
  }
  const path = devicePath(declared.device);
  // `tmpfs`, `none`, an image file, a program's own words: the source is a name without meaning.
  if (path === undefined) return { kind: "same" };
  const source = resolved(after.devices, mounted.source);
  const expected = resolved(after.devices, path);
  if (expected === source) return { kind: "same" };
  if (isAlias(path) && !after.devices.has(path)) {
    return after.devices.size === 0
      ? { kind: "unknown", why: "the host has no links below /dev/disk" }
      : { kind: "absent", expected: path };
  }
  if (manyDevices.has(mounted.type)) return { kind: "unknown", why: `a ${mounted.type} of several devices goes by any of them` };
  if (!source.startsWith("/dev/") || source === "/dev/root" || source === "/dev/fuse")
    return { kind: "unknown", why: `the mount table calls it ${mounted.source}` };
  return { kind: "other", expected: declared.device, found: mounted.source };
}

const trimmed = (source: string): string => (source.length > 1 ? source.replace(/\/+$/, "") : source);

/** A bind mount shows as the part of the file system that holds the directory. */
function compareBind(declared: Declared, mounted: Mount, after: Observation): DeviceAnswer {
  const path = trimmed(declared.device);
  let holder: Mount | undefined;
  for (const mount of after.mounts) {
    const inside = mount.target === "/" || path === mount.target || path.startsWith(`${mount.target}/`);
    // Of two on one place the later covers the earlier. What is mounted at the place itself is not where it came from.
    if (inside && mount !== mounted && (holder === undefined || mount.target.length >= holder.target.length)) holder = mount;
  }
  if (holder === undefined) return { kind: "unknown", why: `what holds ${path} cannot be told` };
  const rest = holder.target === "/" ? path : path.slice(holder.target.length);
  const expected = `${holder.root === "/" ? "" : holder.root}${rest}` || "/";
  if (expected === mounted.root && holder.source === mounted.source) return { kind: "same" };
  // The directory may itself be reached over a link, which the table does not show.
  return {
    kind: "unknown",
    why: `${declared.device} should show as ${expected} of ${holder.source}, and ${mounted.root} of ${mounted.source} is there`,
  };
}
