import type { Mount as Declared } from "../diff/system.ts";
import type { Mount } from "../target/observation.ts";

export type OptionAnswer = {
  readonly option: string;
  readonly expected: string;
  readonly found: string;
  /** `unknown`: the kernel does not show an option of this kind, so that nothing can be said. */
  readonly kind: "wrong" | "unknown";
  /** `mount -o remount` is enough; else the file system has to be mounted anew. */
  readonly remount: boolean;
};

/** Read by mount(8), systemd or a helper; the kernel never sees them. */
const userSpace =
  /^(?:defaults|auto|noauto|user|users|nouser|owner|group|nofail|_netdev|comment=.*|x-.*|X-.*|loop|loop=.*|offset=.*|bind|rbind|r?(?:private|shared|slave|unbindable)|remount|silent|loud|suid|dev|exec|async|atime|iversion|noiversion|helper=.*|uhelper=.*|credentials=.*|cred=.*|password=.*|pass=.*|username=.*|user=.*|domain=.*|lookup=.*|addr=.*|zfsutil|bg|fg|retry=.*|encryption=.*|fsck|pri=.*)$/;
/** Shown by every file system as they are. */
const flags: ReadonlySet<string> = new Set([
  "ro",
  "nosuid",
  "nodev",
  "noexec",
  "noatime",
  "nodiratime",
  "relatime",
  "strictatime",
  "sync",
  "dirsync",
  "nosymfollow",
]);
/** Never writable, whatever fstab says. */
const readOnlyTypes: ReadonlySet<string> = new Set(["iso9660", "squashfs", "erofs", "udf", "cramfs"]);
/** Set when a file system is mounted; a remount passes them by or fails. */
const fixed =
  /^(?:subvol|subvolid|data|uid|gid|umask|fmask|dmask|vers|nfsvers|minorversion|proto|port|sec|rsize|wsize|clientaddr|iocharset|nls|codepage|journal_\w+|logdev|logbsize|nobarrier|huge|lowerdir|upperdir|workdir|degraded|device|mapall|trans|msize|cache|soft|hard)(?:=|$)/;

/**
 * What is wrong with the options of a mount. Those that every file system shows are always looked at; the others only where they came or went with this change
 * (`was` is the entry from before), since file systems rewrite and hide their own.
 */
export function compareOptions(declared: Declared, mounted: Mount, was: Declared | undefined): OptionAnswer[] {
  const shown = new Set([...mounted.options, ...mounted.superOptions]);
  const answers: OptionAnswer[] = [];
  const wrong = (option: string, expected: string, found: string): void => {
    answers.push({ option, expected, found, kind: "wrong", remount: !fixed.test(option) });
  };
  const asked = new Set(declared.options);
  const before = new Set(was?.options);
  for (const option of asked) {
    if (flags.has(option)) {
      if (!shown.has(option)) wrong(option, option, `without ${option}`);
    } else if (option.startsWith("subvol=")) {
      const found = value(shown, "subvol");
      if (found !== undefined && `/${option.slice(7).replace(/^\/+/, "")}` !== found) wrong(option, option, `subvol=${found}`);
    } else if (was !== undefined && !before.has(option) && !userSpace.test(option) && option !== "rw") {
      const answer = newOption(option, shown);
      if (answer !== undefined) answers.push({ ...answer, remount: !fixed.test(option) });
    }
  }
  // The kernel itself makes a file system read-only when it finds it damaged.
  if (!asked.has("ro") && !readOnlyTypes.has(mounted.type) && (mounted.options.includes("ro") || mounted.superOptions.includes("ro")))
    wrong("rw", "writable", "read-only");
  for (const option of before) {
    if (asked.has(option) || userSpace.test(option) || option === "ro" || option === "rw") continue;
    // Another value of the same key is judged above.
    if ([...asked].some((other) => keyOf(other) === keyOf(option))) continue;
    // `user` and its like bring these along without saying so.
    if (/^no(?:suid|dev|exec)$/.test(option) && declared.options.some((other) => /^(?:user|users|owner|group)$/.test(other))) continue;
    // relatime is what the kernel takes where nothing is said.
    if (option !== "relatime" && shown.has(option)) wrong(option, `without ${option}`, option);
  }
  return answers;
}

const keyOf = (option: string): string => option.split("=", 1)[0] ?? option;

function value(shown: ReadonlySet<string>, key: string): string | undefined {
  for (const option of shown) if (option.startsWith(`${key}=`)) return option.slice(key.length + 1);
  return undefined;
}

function newOption(option: string, shown: ReadonlySet<string>): Omit<OptionAnswer, "remount"> | undefined {
  if (shown.has(option)) return undefined;
  const key = keyOf(option);
  const found = value(shown, key);
  if (found === undefined) return { option, expected: option, found: "not shown by the kernel", kind: "unknown" };
  // `discard` shows as `discard=async`.
  return option === key || sameValue(key, option.slice(key.length + 1), found)
    ? undefined
    : { option, expected: option, found: `${key}=${found}`, kind: "wrong" };
}

const units: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** File systems show a value in their own words: `size=1G` as `1048576k`, `mode=0755` as `755`, `compress=zstd` as `zstd:3`. */
function sameValue(key: string, asked: string, found: string): boolean {
  if (asked === found || found.startsWith(`${asked}:`)) return true;
  // A share of the memory: what it comes to is not known here.
  if (asked.endsWith("%")) return true;
  const octal = /^(?:mode|umask|fmask|dmask)$/.test(key);
  const number = (text: string): number | undefined => {
    const match = /^(\d+)([kmgt]?)$/i.exec(text);
    if (match === null) return undefined;
    return Number.parseInt(match[1] ?? "", octal ? 8 : 10) * (units[(match[2] ?? "").toLowerCase()] ?? 1);
  };
  const [a, b] = [number(asked), number(found)];
  return a !== undefined && a === b;
}
