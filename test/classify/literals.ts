import type { HostFacts } from "../../src/classify/host-facts.ts";
import type { Phase, RuleContext } from "../../src/classify/rule.ts";
import type { InitrdContents, System, Unit, User } from "../../src/diff/system.ts";
import type {
  FileChange,
  PackageChange,
  SettingsDiff,
  SystemDiff,
  SystemFacts,
  UnitChange,
  UnitEffect,
} from "../../src/diff/system-diff.ts";

/** Small literals of what the diff gives, so that each test of a rule says only what matters to it. */

const hash = "0123456789abcdfghijklmnpqrsvwxyz";
export const store = (name: string): string => `/nix/store/${hash}-${name}`;

export function unit(name: string, text = "[Service]\nExecStart=/bin/true\n", wantedBy: readonly string[] = ["multi-user.target"]): Unit {
  const sections = new Map<string, Map<string, string[]>>();
  let section = "";
  for (const line of text.split("\n")) {
    const head = /^\[(\w+)\]$/.exec(line)?.[1];
    const pair = /^([\w-]+)=(.*)$/.exec(line);
    if (head !== undefined) section = head;
    else if (pair?.[1] !== undefined) {
      const keys = sections.get(section) ?? new Map<string, string[]>();
      sections.set(section, keys);
      keys.set(pair[1], [...(keys.get(pair[1]) ?? []), pair[2] ?? ""]);
    }
  }
  return { name, path: store(`unit-${name}`), masked: false, sections, wantedBy, text };
}
export const units = (...list: readonly (Unit | string)[]): System["units"] =>
  new Map(list.map((entry) => (typeof entry === "string" ? unit(entry) : entry)).map((entry) => [entry.name, entry]));

export const user = (name: string, over: Partial<User> = {}): User => ({
  name,
  uid: 1000,
  group: "users",
  shell: "/run/current-system/sw/bin/bash",
  home: `/home/${name}`,
  isSystemUser: false,
  password: undefined,
  keys: [],
  ...over,
});
export function users(
  list: readonly User[],
  groups: Readonly<Record<string, readonly string[]>> = {},
  mutable = true,
): NonNullable<System["users"]> {
  return {
    mutable,
    users: new Map(list.map((entry) => [entry.name, entry])),
    groups: new Map(Object.entries(groups).map(([name, members]) => [name, { name, gid: 100, members }])),
  };
}

export const initrd = (over: Partial<InitrdContents> = {}): NonNullable<System["initrd"]> => ({
  path: store("initrd-linux-6.12.58"),
  bytes: 25_000_000,
  contents: { kind: "scripted", files: new Set(), texts: new Map(), modules: new Set(), digests: new Map(), ...over },
});

export function system(over: Partial<System> = {}): System {
  return {
    toplevel: store("nixos-system-host-25.11"),
    nixosVersion: "25.11.20251118.50a96ed",
    platform: "x86_64-linux",
    kernel: { path: store("linux-6.12.58"), version: "6.12.58", image: store("linux-6.12.58/bzImage"), bytes: 12_000_000 },
    kernelParams: [],
    initrd: initrd(),
    kernelModules: { path: store("kernel-modules"), directories: ["6.12.58"] },
    firmware: store("firmware"),
    systemd: { path: store("systemd-258.2"), version: "258.2" },
    glibc: { path: store("glibc-2.40"), version: "2.40" },
    dbus: "dbus",
    initInterfaceVersion: "systemd 2",
    switchInhibitors: undefined,
    rebootTriggers: undefined,
    bootLoader: { kind: "systemd-boot", installer: undefined, settings: new Map() },
    switchToConfiguration: "ng",
    specialisations: new Map(),
    activation: new Map(),
    units: units("sshd.service", "dhcpcd.service", "firewall.service"),
    userUnits: new Map(),
    etc: new Map(),
    mounts: [{ mountPoint: "/", device: "/dev/disk/by-label/nixos", fsType: "ext4", options: ["defaults"] }],
    swaps: [],
    users: users([user("root", { uid: 0 })]),
    firewall: { backend: "iptables", open: new Set(["tcp/22"]), text: "" },
    unread: [],
    ...over,
  };
}

const same = { from: undefined, to: undefined, changed: false } as const;
const noFacts: SystemFacts = {
  kernel: { ...same, series: "same", direction: "same" },
  initrd: { ...same, modulesAdded: [], modulesRemoved: [], filesChanged: [] },
  kernelModules: { ...same, misfits: [] },
  firmware: same,
  kernelParams: { ...same, added: [], removed: [], changedKeys: [] },
  bootLoader: { ...same, settings: [] },
  specialisations: { ...same, added: [], removed: [], changedNames: [] },
  initInterface: same,
  switchInhibitors: { ...same, known: true, keys: [] },
  rebootTriggers: { ...same, known: true, keys: [] },
  nixosVersion: same,
  release: same,
  systemd: same,
  glibc: same,
  dbus: same,
  switchToConfiguration: same,
};
const noSettings: SettingsDiff = {
  mounts: [],
  swaps: [],
  users: [],
  groups: [],
  sudo: [],
  sshd: [],
  portsOpened: [],
  portsClosed: [],
  sysctl: [],
  tmpfiles: [],
  pam: [],
  nixConf: [],
  certificates: [],
  activation: [],
};

type FactsOver = { readonly [K in keyof SystemFacts]?: Partial<SystemFacts[K]> };
export type DiffOver = {
  readonly units?: readonly UnitChange[];
  readonly files?: readonly FileChange[];
  readonly packages?: readonly PackageChange[];
  readonly added?: readonly string[];
  readonly sizeDelta?: number;
  readonly system?: FactsOver;
  readonly settings?: Partial<SettingsDiff>;
  readonly unknown?: readonly string[];
  readonly revisionOnly?: boolean;
};

export function diff(over: DiffOver = {}): SystemDiff {
  const facts = Object.fromEntries(
    Object.entries(noFacts).map(([key, fact]) => [key, { ...fact, ...over.system?.[key as keyof SystemFacts] }]),
  ) as unknown as SystemFacts;
  return {
    from: store("nixos-system-host-a"),
    to: store("nixos-system-host-b"),
    packages: {
      added: (over.added ?? []).map((name) => ({ name, versions: ["1.0"], size: 1, selectedBy: [] })),
      removed: [],
      changed: over.packages ?? [],
      rebuilt: [],
      sizeDelta: over.sizeDelta ?? 0,
      sizeFrom: 0,
      sizeTo: 0,
      pathsFrom: 0,
      pathsTo: 0,
    },
    system: facts,
    units: over.units ?? [],
    userUnits: [],
    files: over.files ?? [],
    settings: { ...noSettings, ...over.settings },
    revisionOnly: over.revisionOnly ?? false,
    unknown: over.unknown ?? [],
  };
}

export const unitChange = (name: string, effect: UnitEffect, over: Partial<UnitChange> = {}): UnitChange => ({
  name,
  change: "changed",
  effect,
  reason: "test",
  hashOnly: false,
  keys: [],
  diff: " unchanged\n",
  ...over,
});

/** A changed text: lines with their sign, as in a unified diff. */
export const file = (path: string, lines: readonly string[], over: Partial<FileChange> = {}): FileChange => ({
  path,
  change: "changed",
  kind: "text",
  hashOnly: false,
  sizeFrom: 1,
  sizeTo: 1,
  diff: `@@ -1 +1 @@\n${lines.join("\n")}\n`,
  redacted: false,
  ...over,
});

export const bump = (name: string, from: string, to: string, direction: PackageChange["direction"] = "up"): PackageChange => ({
  name,
  from: [from],
  to: [to],
  direction,
  sizeDelta: 0,
  selectedBy: ["unit"],
});

export type ContextOver = DiffOver & {
  readonly before?: Partial<System>;
  readonly after?: Partial<System>;
  readonly facts?: HostFacts;
  readonly phase?: Phase;
  readonly loosened?: RuleContext["loosened"];
};

/** A host with ssh, dhcpcd and a firewall, reached by root over public ssh, and what is said to differ on it. */
export function context(over: ContextOver = {}): RuleContext {
  return {
    before: system(over.before),
    after: system(over.after),
    diff: diff(over),
    facts: over.facts ?? {
      deployUser: "root",
      deployVia: "public ssh",
      deployAddress: "203.0.113.5",
      tags: [],
      uplinkInterface: "enp1s0",
      mountedNfs: [],
      mountedCifs: [],
      hostUsesSwap: false,
      needsPassphraseAtBoot: false,
      peersInSameDeploy: [],
      bootFreeBytes: 400_000_000,
    },
    phase: over.phase ?? "pull-request",
    ...(over.loosened === undefined ? {} : { loosened: over.loosened }),
  };
}
