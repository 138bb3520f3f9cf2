import type { Mount } from "./observation.ts";

const maxMounts = 20_000;

/**
 * Reads `/proc/PID/mountinfo` (proc_pid_mountinfo(5)): `36 35 98:0 /root /target rw,noatime master:1 - ext4 /dev/root rw`, with any number of optional fields before
 * the dash. Lines that are not of this shape are left out, the last one included where it was cut.
 */
export function readMountTable(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split("\n")) {
    const words = line.split(" ");
    const dash = words.indexOf("-", 6);
    const [root, target, options] = words.slice(3);
    const [type, source, superOptions] = dash === -1 ? [] : words.slice(dash + 1);
    if (root === undefined || target === undefined || options === undefined) continue;
    if (type === undefined || source === undefined || superOptions === undefined) continue;
    mounts.push({
      target: plain(target),
      source: plain(source),
      root: plain(root),
      type,
      options: options.split(","),
      superOptions: superOptions.split(",").map(plain),
    });
    if (mounts.length >= maxMounts) break;
  }
  return mounts;
}

/** The kernel writes space, tab, newline, backslash and `#` in octal: `\040`. */
export function plain(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** Devices of `/proc/swaps`, its header left out. */
export function readSwaps(text: string): string[] {
  return text
    .split("\n")
    .slice(1)
    .map((line) => plain(line.split(/\s/)[0] ?? ""))
    .filter((device) => device !== "");
}
