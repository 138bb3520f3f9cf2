import {
  copyFileSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";

/** One step of building the private root, as the holder's script takes it: a verb and its words. */
export type RootStep =
  | readonly ["directory", path: string]
  | readonly ["link", path: string, target: string]
  /** Everything below `source`, mounts included, at `path`. */
  | readonly ["tree", path: string, source: string]
  | readonly ["file", path: string, source: string]
  /** Makes what was mounted there read-only; `options` are those that the mount already has, which may not be dropped in a user namespace. */
  | readonly ["read-only", path: string, options: string];

export type JailRootOptions = {
  /** Seen and not written: repositories, object stores, `path:` flakes. */
  readonly readable: readonly string[];
  readonly writable: readonly string[];
  /** Stands for /tmp. */
  readonly temporary: string;
  /** An empty directory for copies of settings. */
  readonly copies: string;
  /** With a daemon nothing in the jail needs to write below /nix. */
  readonly nixWritable: boolean;
  /** Programs that have to start in there. */
  readonly programs: readonly string[];
  /** Files named by the environment that say whom to trust: settings of Nix, certificates. */
  readonly files: readonly string[];
};

/** Of /etc and /run, what Nix, git and TLS read. Not /etc/ssl or /etc/pki as a whole: private keys lie there, and who is root outside owns them inside too. */
const settingDirectories = [
  "/etc/ssl/certs",
  "/etc/ca-certificates",
  "/etc/pki/tls/certs",
  "/etc/pki/ca-trust",
  "/etc/static",
  "/etc/alternatives",
  "/run/current-system",
  "/run/systemd/resolve",
];
const settingFiles = [
  "/etc/ssl/cert.pem",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/openssl.cnf",
  "/etc/pki/tls/cert.pem",
  "/etc/resolv.conf",
  "/etc/hosts",
  "/etc/passwd",
  "/etc/group",
  "/etc/nsswitch.conf",
  "/etc/ld.so.cache",
];
const systemDirectories = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"];
const devices = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/** What to mount where, parents first. Everything that is not named here does not exist in the jail. */
export function jailRoot(options: JailRootOptions): readonly RootStep[] {
  const steps: RootStep[] = [
    ["tree", "/tmp", options.temporary],
    ["link", "/dev/fd", "/proc/self/fd"],
    ["link", "/dev/stdin", "/proc/self/fd/0"],
    ["link", "/dev/stdout", "/proc/self/fd/1"],
    ["link", "/dev/stderr", "/proc/self/fd/2"],
    ["link", "/dev/ptmx", "pts/ptmx"],
    ["directory", "/dev/pts"],
    ["directory", "/dev/shm"],
    ["directory", "/proc"],
  ];
  for (const device of devices) if (kindOf(device) !== undefined) steps.push(["file", device, device]);
  for (const directory of systemDirectories) {
    if (kindOf(directory) === "link") steps.push(["link", directory, readlinkSync(directory)]);
    else steps.push(...readOnly(directory));
  }
  // Copies of small files cost less than a mount for each.
  mkdirSync(join(options.copies, "etc"), { recursive: true });
  for (const path of [...settingFiles, ...nixSettings("/etc/nix"), ...options.files]) {
    if (!publicFile(path) || alwaysVisible(path)) continue;
    if (!path.startsWith("/etc/")) {
      steps.push(...readOnly(path));
      continue;
    }
    mkdirSync(dirname(join(options.copies, path)), { recursive: true });
    copyFileSync(path, join(options.copies, path));
  }
  steps.push(["tree", "/etc", join(options.copies, "etc")], ["read-only", "/etc", optionsAt(options.copies)]);
  for (const path of settingDirectories) steps.push(...readOnly(path));
  if (kindOf("/nix") !== undefined)
    steps.push(...(options.nixWritable ? [["tree", "/nix", realpathSync("/nix")] as const] : readOnly("/nix")));
  for (const path of [...options.readable, ...options.programs.flatMap(programDirectories)]) steps.push(...readOnly(path));
  for (const path of options.writable) steps.push(["tree", path, realpathSync(path)]);
  return ordered(steps);
}

/**
 * Makes the directories and links of the root beforehand, to be copied into it in one go: a program for each of them is what the building of a jail mostly waited for.
 * What lies in another mount than the root's own or /tmp is left to be made there.
 */
export function laySkeleton(
  steps: readonly RootStep[],
  { skeleton, temporary }: { readonly skeleton: string; readonly temporary: string },
): void {
  // Of an earlier jail of the same run.
  rmSync(skeleton, { recursive: true, force: true });
  mkdirSync(skeleton, { mode: 0o755 });
  const trees = steps.flatMap(([kind, path]) => (kind === "tree" ? [path] : []));
  for (const [kind, path, target = ""] of steps) {
    const within = trees.filter((tree) => path.startsWith(`${tree}/`));
    const [place, rest] =
      within.every((tree) => tree === "/tmp") && within.length > 0 ? [temporary, path.slice("/tmp".length)] : [skeleton, path];
    if (kind === "read-only" || (within.length > 0 && place === skeleton)) continue;
    const made = join(place, rest);
    mkdirSync(kind === "directory" || kind === "tree" ? made : dirname(made), { recursive: true, mode: 0o755 });
    if (kind === "link") symlinkSync(target, made);
  }
}

/** True for what the private root shows anyway. */
export function alwaysVisible(path: string): boolean {
  return ["/nix", ...systemDirectories].some((directory) => path === directory || path.startsWith(`${directory}/`));
}

/** Where a program is, by its own name in the directory's real place: `nix-store` is a link to `nix` and knows by its name what to be. */
export function findProgram(name: string, path: string): string | undefined {
  for (const directory of name.includes("/") ? [dirname(name)] : path.split(":")) {
    if (!directory.startsWith("/")) continue;
    try {
      const found = join(realpathSync(directory), basename(name));
      if (statSync(found).isFile() && (statSync(found).mode & 0o111) !== 0) return found;
    } catch {
      // Not in this directory.
    }
  }
  return undefined;
}

/** The directory of a program outside the system's own, and the libraries beside it. Never its parent, which may be somebody's home. */
function programDirectories(program: string): readonly string[] {
  const directories = new Set<string>();
  for (const directory of [dirname(program), dirname(realpathSync(program))]) {
    if (alwaysVisible(directory)) continue;
    directories.add(directory);
    for (const name of ["lib", "lib64", "libexec"])
      if (kindOf(join(dirname(directory), name)) === "directory") directories.add(join(dirname(directory), name));
  }
  return [...directories];
}

function nixSettings(directory: string): readonly string[] {
  try {
    return readdirSync(directory).map((name) => join(directory, name));
  } catch {
    // A machine without settings of its own.
    return [];
  }
}

/** Settings stand beside secrets (/etc/nix/netrc, signing keys): only what every user of the machine may read comes along. */
function publicFile(path: string): boolean {
  try {
    const found = statSync(path);
    return found.isFile() && (found.mode & 0o004) !== 0;
  } catch {
    return false;
  }
}

function kindOf(path: string): "link" | "directory" | "file" | undefined {
  try {
    const found = lstatSync(path);
    return found.isSymbolicLink() ? "link" : found.isDirectory() ? "directory" : "file";
  } catch {
    return undefined;
  }
}

/** Shows a path at its own place, whatever links lead to it, with every mount below it made read-only. */
function readOnly(path: string): RootStep[] {
  let source: string;
  try {
    source = realpathSync(path);
  } catch {
    // It dangles or is not there.
    return [];
  }
  const kind = kindOf(source);
  if (kind !== "directory")
    return kind === undefined
      ? []
      : [
          ["file", path, source],
          ["read-only", path, optionsAt(source)],
        ];
  const inner = mounts().filter((mount) => mount.path.startsWith(`${source}/`));
  return [
    ["tree", path, source],
    ["read-only", path, optionsAt(source)],
    ...inner.map((mount): RootStep => ["read-only", path + mount.path.slice(source.length), mount.options]),
  ];
}

type MountPoint = { readonly path: string; readonly options: string };
let read: readonly MountPoint[] | undefined;

/** The mounts of this process, from /proc/self/mountinfo (proc_pid_mountinfo(5)): the fifth field is the place, with blanks as octal, the sixth its own options. */
function mounts(): readonly MountPoint[] {
  return (read ??= readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [, , , , path = "", options = ""] = line.split(" ");
      return {
        path: path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
        options: options.replace(/^r[ow](,|$)/, ""),
      };
    }));
}

function optionsAt(path: string): string {
  let best: MountPoint = { path: "", options: "" };
  for (const mount of mounts())
    if ((mount.path === "/" || path === mount.path || path.startsWith(`${mount.path}/`)) && mount.path.length >= best.path.length)
      best = mount;
  return best.options;
}

/** Parents before what stands in them, each place once; what makes a place read-only comes last, when everything in it has been made. */
function ordered(steps: readonly RootStep[]): readonly RootStep[] {
  const made = new Map<string, RootStep>();
  const sealed = new Map<string, RootStep>();
  for (const step of steps) {
    const into = step[0] === "read-only" ? sealed : made;
    if (!into.has(step[1])) into.set(step[1], step);
  }
  return [...[...made.values()].toSorted((a, b) => (a[1] < b[1] ? -1 : 1)), ...sealed.values()];
}
