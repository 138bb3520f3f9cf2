import {
  copyFileSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { type JailMount, type MountPoint, mountPoints } from "./jail-mounts.ts";

/** A private root: what is laid out in it beforehand, and what is then mounted, parents before what stands in them. */
export type JailRoot = {
  readonly directories: readonly string[];
  readonly links: readonly { readonly path: string; readonly target: string }[];
  readonly mounts: readonly JailMount[];
};

export type JailRootOptions = {
  /** An empty directory: what is laid out in it is the root, which nobody may write to. */
  readonly root: string;
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

/** What to show where in every jail of this machine. Everything that is not named here, or to `withReadable`, does not exist in the jail. */
export function jailRoot(options: JailRootOptions): JailRoot {
  const links = [
    { path: "/dev/fd", target: "/proc/self/fd" },
    { path: "/dev/stdin", target: "/proc/self/fd/0" },
    { path: "/dev/stdout", target: "/proc/self/fd/1" },
    { path: "/dev/stderr", target: "/proc/self/fd/2" },
    { path: "/dev/ptmx", target: "pts/ptmx" },
  ];
  const mounts: JailMount[] = [
    { path: "/", source: options.root, kind: "tree", readOnly: ["nodev", optionsAt(options.root)].filter((each) => each !== "").join(",") },
    { path: "/tmp", source: options.temporary, kind: "tree" },
  ];
  for (const device of devices) if (kindOf(device) !== undefined) mounts.push({ path: device, source: device, kind: "file" });
  for (const directory of systemDirectories) {
    if (kindOf(directory) === "link") links.push({ path: directory, target: readlinkSync(directory) });
    else mounts.push(...readOnly(directory));
  }
  // Copies of small files cost less than a mount for each.
  mkdirSync(join(options.copies, "etc"), { recursive: true });
  for (const path of [...settingFiles, ...nixSettings("/etc/nix"), ...options.files]) {
    if (!publicFile(path) || alwaysVisible(path)) continue;
    if (!path.startsWith("/etc/")) {
      mounts.push(...readOnly(path));
      continue;
    }
    mkdirSync(dirname(join(options.copies, path)), { recursive: true });
    copyFileSync(path, join(options.copies, path));
  }
  mounts.push({ path: "/etc", source: join(options.copies, "etc"), kind: "tree", readOnly: optionsAt(options.copies) });
  for (const path of settingDirectories) mounts.push(...readOnly(path));
  if (kindOf("/nix") !== undefined)
    mounts.push(...(options.nixWritable ? [{ path: "/nix", source: realpathSync("/nix"), kind: "tree" } as const] : readOnly("/nix")));
  for (const path of options.programs.flatMap(programDirectories)) mounts.push(...readOnly(path));
  for (const path of options.writable) mounts.push({ path, source: realpathSync(path), kind: "tree" });
  return { directories: ["/dev/pts", "/dev/shm", "/proc", "/old"], links, mounts: ordered(mounts) };
}

/** The same, and what is seen and not written: repositories, object stores, `path:` flakes. A place that is shown already stays as it is. */
export function withReadable(root: JailRoot, paths: readonly string[]): JailRoot {
  return { ...root, mounts: ordered([...root.mounts, ...paths.flatMap(readOnly)]) };
}

/** Where places are made: those in /tmp and /etc, which are mounts of ours, in what is shown there, all else in the root. */
export type JailPlaces = { readonly root: string; readonly temporary: string; readonly copies: string };

/**
 * Makes every place beforehand, since nothing can be made in a root that is only read. What stands in another mount than /tmp and /etc is there already: a tree is
 * shown at its own place, with all that is in it. `laid` is a layout whose places are made.
 */
export function layOut(layout: JailRoot, { root, temporary, copies }: JailPlaces, laid?: JailRoot): void {
  const trees = layout.mounts.flatMap(({ kind, path }) => (kind === "tree" && path !== "/" ? [path] : []));
  const place = (path: string): string | undefined => {
    const [outer = "", ...inner] = trees.filter((tree) => path.startsWith(`${tree}/`));
    if (inner.length > 0) return undefined;
    if (outer === "/tmp") return join(temporary, path.slice("/tmp".length));
    return outer === "/etc" ? join(copies, path) : outer === "" ? join(root, path) : undefined;
  };
  const done = new Set(laid?.mounts.map(({ path }) => path));
  const parents = new Set<string>();
  const make = (path: string, how: (made: string) => void): void => {
    const made = done.has(path) ? undefined : place(path);
    if (made === undefined) return;
    const parent = dirname(made);
    if (!parents.has(parent)) mkdirSync(parent, { recursive: true, mode: 0o755 });
    parents.add(parent);
    how(made);
  };
  for (const { path, target } of laid === undefined ? layout.links : []) make(path, (made) => symlinkSync(target, made));
  for (const path of [...(laid === undefined ? layout.directories : []), ...trees])
    make(path, (made) => void mkdirSync(made, { recursive: true, mode: 0o755 }));
  for (const { kind, path } of layout.mounts) if (kind === "file") make(path, (made) => writeFileSync(made, "", { flag: "a" }));
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
      const found = statSync(join(directory, basename(name)), { throwIfNoEntry: false });
      if (found?.isFile() === true && (found.mode & 0o111) !== 0) return join(realpathSync(directory), basename(name));
    } catch {
      // It may not be read.
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
    const found = statSync(path, { throwIfNoEntry: false });
    return found?.isFile() === true && (found.mode & 0o004) !== 0;
  } catch {
    return false;
  }
}

function kindOf(path: string): "link" | "directory" | "file" | undefined {
  try {
    const found = lstatSync(path, { throwIfNoEntry: false });
    return found === undefined ? undefined : found.isSymbolicLink() ? "link" : found.isDirectory() ? "directory" : "file";
  } catch {
    return undefined;
  }
}

/** Shows a path at its own place, whatever links lead to it, read-only. A mount below it is shown once more on itself: it would keep its own way of being written to. */
function readOnly(path: string): JailMount[] {
  let source: string;
  try {
    source = realpathSync(path);
  } catch {
    // It dangles or is not there.
    return [];
  }
  const kind = kindOf(source);
  if (kind !== "directory") return kind === undefined ? [] : [{ path, source, kind: "file", readOnly: optionsAt(source) }];
  const inner = mountsHere().filter((mount) => mount.path.startsWith(`${source}/`));
  return [
    { path, source, kind: "tree", readOnly: optionsAt(source) },
    ...inner.map((mount): JailMount => ({
      path: path + mount.path.slice(source.length),
      source: mount.path,
      kind: kindOf(mount.path) === "directory" ? "tree" : "file",
      readOnly: kept(mount),
    })),
  ];
}

let read: readonly MountPoint[] | undefined;

/** The mounts of this process. */
function mountsHere(): readonly MountPoint[] {
  return (read ??= mountPoints(readFileSync("/proc/self/mountinfo", "utf8")));
}

function kept(mount: MountPoint): string {
  return mount.options.filter((option) => option !== "rw" && option !== "ro").join(",");
}

function optionsAt(path: string): string {
  let best: MountPoint = { path: "", options: [] };
  for (const mount of mountsHere())
    if ((mount.path === "/" || path === mount.path || path.startsWith(`${mount.path}/`)) && mount.path.length >= best.path.length)
      best = mount;
  return kept(best);
}

/** Parents before what stands in them, each place once. */
function ordered(mounts: readonly JailMount[]): readonly JailMount[] {
  const places = new Map<string, JailMount>();
  for (const mount of mounts) if (!places.has(mount.path)) places.set(mount.path, mount);
  return [...places.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
}
