/** What is shown in a private root, and where. `readOnly` holds the options that the mount has already, which may not be dropped in a user namespace. */
export type JailMount = {
  readonly path: string;
  readonly source: string;
  readonly kind: "tree" | "file";
  readonly readOnly?: string;
};

export type MountPoint = { readonly path: string; readonly options: readonly string[] };

/** What the kernel makes, in every jail: its type, where, and how. */
const ofTheKernel = [
  ["devpts", "/dev/pts", "newinstance,ptmxmode=0666,mode=0620"],
  ["tmpfs", "/dev/shm", "mode=1777,nosuid,nodev"],
  ["proc", "/proc", "nosuid,nodev,noexec"],
] as const;

/**
 * All of it as an fstab(5) below `root`, so that one mount(8) does what a program for each of them would take most of a jail's time for. A bind that is read-only too
 * is two calls of the kernel, which mount makes in turn since util-linux 2.27. The order is kept.
 */
export function jailFstab(root: string, mounts: readonly JailMount[]): string {
  const at = (path: string): string => escaped(path === "/" ? root : root + path);
  const binds = mounts.map(({ path, source, kind, readOnly }) => {
    const bind = kind === "tree" ? "rbind" : "bind";
    const options = readOnly === undefined ? [bind] : [bind, "ro", "nosuid", ...(readOnly === "" ? [] : [readOnly])];
    return `${escaped(source)} ${at(path)} none ${options.join(",")} 0 0`;
  });
  const special = ofTheKernel.map(([type, path, options]) => `${type} ${at(path)} ${type} ${options} 0 0`);
  return `${[...binds, ...special].join("\n")}\n`;
}

/**
 * What is not as it was asked for in a jail that says it is ready, as a clause; undefined where all of it stands. `mountinfo` is the kernel's own account of the jail:
 * mount(8) passes over a line of an fstab that it does not understand or takes for done, and a wall that was passed over is none.
 */
export function missingMount(mounts: readonly JailMount[], superuser: boolean, mountinfo: string): string | undefined {
  // Of mounts on one another the last one is seen.
  const found = new Map(mountPoints(mountinfo).map((point) => [point.path, point.options]));
  const binds = mounts.map(({ path, readOnly }) => ({ path, sealed: readOnly !== undefined }));
  // Who is root outside would be let into those files of /proc/sys that are the machine's.
  const special = ofTheKernel.map(([, path]) => ({ path, sealed: superuser && path === "/proc" }));
  for (const { path, sealed } of [...binds, ...special]) {
    const options = found.get(path);
    if (options === undefined) return `${path} was not mounted`;
    if (sealed && !options.includes("ro")) return `${path} is not read-only`;
  }
  return undefined;
}

/** The mounts in a text of /proc/PID/mountinfo (proc_pid_mountinfo(5)), in its order: the fifth field is the place, with blanks as octal, the sixth its own options. */
export function mountPoints(mountinfo: string): readonly MountPoint[] {
  return mountinfo
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [, , , , path = "", options = ""] = line.split(" ");
      return {
        path: path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
        options: options.split(","),
      };
    });
}

/** What ends a field of an fstab, begins a comment or an escape, or is a line of its own, as octal. */
function escaped(path: string): string {
  return path.replace(/[\s\\#]/g, (character) =>
    [...Buffer.from(character)].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join(""),
  );
}
