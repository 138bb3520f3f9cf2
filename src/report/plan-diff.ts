import * as z from "zod";
import type { SystemDiff } from "../diff/system-diff.ts";
import { HostName } from "../discover/host.ts";

/**
 * The shape of a `SystemDiff` in plan.json. It mirrors src/diff/system-diff.ts; the proof at the end stops the compiler where the two part ways. What is
 * `undefined` there is a missing key here, since JSON has no other word for it.
 */
const text = z.string();
const words = z.array(text);
const maybe = text.optional();
const bytes = z.number();
const Change = z.enum(["added", "removed", "changed"]);
const KeyChange = z.object({ key: text, from: maybe, to: maybe });
const LineChange = z.object({ file: text, change: z.enum(["added", "removed"]), line: text });

const SelectedBy = z.enum(["system-path", "unit", "etc"]);
const PackageSide = z.object({ name: text, versions: words, size: bytes, selectedBy: z.array(SelectedBy) });
const PackageChange = z.object({
  name: text,
  from: words,
  to: words,
  direction: z.enum(["up", "down", "mixed", "same"]),
  sizeDelta: bytes,
  selectedBy: z.array(SelectedBy),
});
const PackagesDiff = z.object({
  added: z.array(PackageSide),
  removed: z.array(PackageSide),
  changed: z.array(PackageChange),
  rebuilt: z.array(PackageChange),
  sizeDelta: bytes,
  sizeFrom: bytes,
  sizeTo: bytes,
  pathsFrom: z.number(),
  pathsTo: z.number(),
});

/** How large both closures of a host are, in bytes and paths. */
export const ClosureSizes = PackagesDiff.pick({ sizeFrom: true, sizeTo: true, pathsFrom: true, pathsTo: true });
export type ClosureSizes = z.infer<typeof ClosureSizes>;

const ClosureView = z.object({
  largest: z.array(z.object({ name: text, from: bytes, to: bytes })),
  others: z.object({ packages: z.number(), from: bytes, to: bytes }),
  chains: z.array(z.object({ name: text, side: z.enum(["from", "to"]), path: words })),
});

const Fact = z.object({ from: maybe, to: maybe, changed: z.boolean(), note: maybe });
const KeyedFact = Fact.extend({ known: z.boolean(), keys: z.array(KeyChange) });
const SystemFacts = z.object({
  kernel: Fact.extend({ series: z.enum(["same", "changed", "unknown"]), direction: z.enum(["up", "down", "same", "unknown"]) }),
  initrd: Fact.extend({ modulesRemoved: words, modulesAdded: words, filesChanged: words }),
  kernelModules: Fact.extend({ misfits: words }),
  firmware: Fact,
  kernelParams: Fact.extend({ added: words, removed: words, changedKeys: z.array(z.object({ key: text, from: text, to: text })) }),
  bootLoader: Fact.extend({ settings: z.array(KeyChange) }),
  specialisations: Fact.extend({ added: words, removed: words, changedNames: words }),
  initInterface: Fact,
  switchInhibitors: KeyedFact,
  rebootTriggers: KeyedFact,
  nixosVersion: Fact,
  release: Fact,
  systemd: Fact,
  glibc: Fact,
  dbus: Fact,
  switchToConfiguration: Fact,
});

const UnitChange = z.object({
  name: text,
  change: Change,
  effect: z.enum(["start", "stop", "restart", "stop-start", "reload", "skip", "nothing"]),
  reason: text,
  hashOnly: z.boolean(),
  keys: z.array(z.object({ section: text, key: text, from: words, to: words })),
  diff: text,
});
const FileChange = z.object({
  path: text,
  change: Change,
  kind: z.enum(["text", "binary", "link", "mode", "unread"]),
  hashOnly: z.boolean(),
  sizeFrom: bytes.optional(),
  sizeTo: bytes.optional(),
  diff: text,
  redacted: z.boolean(),
});
const MountChange = z.object({
  mountPoint: text,
  change: z.enum(["added", "removed", "device", "type", "options"]),
  from: maybe,
  to: maybe,
  optionsAdded: words,
  optionsRemoved: words,
});
const UserChange = z.object({ name: text, change: Change, fields: z.array(KeyChange), keysAdded: words, keysRemoved: words });
const SettingsDiff = z.object({
  mounts: z.array(MountChange),
  swaps: z.array(MountChange),
  users: z.array(UserChange),
  groups: z.array(KeyChange),
  sudo: z.array(LineChange),
  sshd: z.array(z.object({ directive: text, match: maybe, from: words, to: words })),
  portsOpened: words,
  portsClosed: words,
  sysctl: z.array(KeyChange),
  tmpfiles: z.array(LineChange),
  pam: z.array(LineChange),
  nixConf: z.array(KeyChange),
  certificates: z.array(LineChange),
  activation: z.array(z.object({ snippet: text, change: Change, hashOnly: z.boolean(), diff: text })),
});

/** A `SystemDiff` as plan.json holds it: without its two sides, which stand at the host as its sizes do, so that hosts with the same change share one entry. */
export const PlanDiff = z.object({
  packages: PackagesDiff,
  /** Both closures by size, and what brings into them what changed. Missing where closures were not read. */
  closure: ClosureView.optional(),
  system: SystemFacts,
  units: z.array(UnitChange),
  userUnits: z.array(UnitChange),
  files: z.array(FileChange),
  settings: SettingsDiff,
  revisionOnly: z.boolean(),
  unknown: words,
  /** How many entries a list had where plan.json holds fewer: `files` → 5000. Empty where everything is here. */
  cut: z.record(z.string(), z.int()),
  /** The host whose sizes, whose closure and whose values of facts that did not change these are, of those that share this change: the first by name. */
  measuredOn: HostName.optional(),
});
export type PlanDiff = z.infer<typeof PlanDiff>;

/** What JSON keeps of a type: nothing readonly, and a key that may be undefined may be missing. */
type Plain<T> = T extends readonly (infer E)[]
  ? Plain<E>[]
  : T extends object
    ? { -readonly [K in keyof T as undefined extends T[K] ? never : K]: Plain<T[K]> } & {
        -readonly [K in keyof T as undefined extends T[K] ? K : never]?: Plain<T[K]> | undefined;
      }
    : T;
type Bare = Plain<Omit<SystemDiff, "from" | "to">>;
type Mirror = Omit<PlanDiff, "cut" | "measuredOn">;
true satisfies Bare extends Mirror ? (Mirror extends Bare ? true : never) : never;
