import type { StorePath } from "./system.ts";

/**
 * Everything that differs between two toplevels. `from` and `to` are the words of the whole project: from is what is there, to is what would come.
 * Texts in here are untrusted and already redacted (see secrets.ts); escape them for where they are shown.
 */
export type SystemDiff = {
  readonly from: StorePath;
  readonly to: StorePath;
  readonly packages: PackagesDiff;
  readonly system: SystemFacts;
  readonly units: readonly UnitChange[];
  readonly userUnits: readonly UnitChange[];
  readonly files: readonly FileChange[];
  readonly settings: SettingsDiff;
  /** The same comparison for each specialisation that both sides have and that differs, by name. Absent where there is none. */
  readonly specialisations?: ReadonlyMap<string, SystemDiff>;
  /** True where nothing but revision, label or nixos-version differs once store hashes are normalised. */
  readonly revisionOnly: boolean;
  /** What could not be compared, as sentences. */
  readonly unknown: readonly string[];
  /** Both closures by size, and what brings into them what changed. Absent where closures were not read. */
  readonly closure?: ClosureView;
  /** Set where this was read from derivations, before any build: what is here is seen, what is not here may still differ, and sizes are not known. */
  readonly preview?: true;
};

/** A version is `""` where the name has none: mostly files that the configuration itself makes (units, scripts, etc). Lists are sorted by name. */
export type PackagesDiff = {
  readonly added: readonly PackageSide[];
  readonly removed: readonly PackageSide[];
  /** Versions differ. */
  readonly changed: readonly PackageChange[];
  /** Same versions, other store paths. */
  readonly rebuilt: readonly PackageChange[];
  /** Bytes; to minus from over the whole closure. */
  readonly sizeDelta: number;
  readonly sizeFrom: number;
  readonly sizeTo: number;
  readonly pathsFrom: number;
  readonly pathsTo: number;
};
export type PackageSide = {
  readonly name: string;
  readonly versions: readonly string[];
  readonly size: number;
  readonly selectedBy: readonly SelectedBy[];
};
/** `from` and `to` are all versions of that name on each side, in Nix's version order, those that stay included. */
export type PackageChange = {
  readonly name: string;
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly direction: "up" | "down" | "mixed" | "same";
  readonly sizeDelta: number;
  readonly selectedBy: readonly SelectedBy[];
};
/** Two closures for the eye. Names are those of packages; the steps of a chain are names of store paths without their hashes. */
export type ClosureView = {
  /** Bytes of all paths of a name on each side, the larger side deciding the order. */
  readonly largest: readonly { readonly name: string; readonly from: number; readonly to: number }[];
  /** All other packages together. */
  readonly others: { readonly packages: number; readonly from: number; readonly to: number };
  /** Why a package is there: from what the toplevel refers to down to the package itself. */
  readonly chains: readonly { readonly name: string; readonly side: "from" | "to"; readonly path: readonly string[] }[];
};

/** What names the package directly: the system path, a unit, a file of /etc; nothing where it is only a dependency. */
export type SelectedBy = "system-path" | "unit" | "etc";

/** One fact of the system: absent on a side where the toplevel has none. `same` is decided by what matters for that fact (store path, text, set), not by the words shown. */
export type Fact = {
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly changed: boolean;
  readonly note?: string;
};
export type SystemFacts = {
  readonly kernel: Fact & { readonly series: "same" | "changed" | "unknown"; readonly direction: "up" | "down" | "same" | "unknown" };
  readonly initrd: Fact & {
    readonly modulesRemoved: readonly string[];
    readonly modulesAdded: readonly string[];
    readonly filesChanged: readonly string[];
  };
  readonly kernelModules: Fact & {
    /** lib/modules directories of the new tree that do not fit the new kernel. */ readonly misfits: readonly string[];
  };
  readonly firmware: Fact;
  readonly kernelParams: Fact & {
    readonly added: readonly string[];
    readonly removed: readonly string[];
    readonly changedKeys: readonly { readonly key: string; readonly from: string; readonly to: string }[];
  };
  readonly bootLoader: Fact & { readonly settings: readonly KeyChange[] };
  readonly specialisations: Fact & {
    readonly added: readonly string[];
    readonly removed: readonly string[];
    readonly changedNames: readonly string[];
  };
  readonly initInterface: Fact;
  readonly switchInhibitors: Fact & { readonly known: boolean; readonly keys: readonly KeyChange[] };
  readonly rebootTriggers: Fact & { readonly known: boolean; readonly keys: readonly KeyChange[] };
  readonly nixosVersion: Fact;
  readonly release: Fact;
  readonly systemd: Fact;
  readonly glibc: Fact;
  readonly dbus: Fact;
  readonly switchToConfiguration: Fact;
};
export type KeyChange = { readonly key: string; readonly from: string | undefined; readonly to: string | undefined };

/** What switch-to-configuration would do with a unit. Without the host's list of active units, units wanted by enabled targets are taken as active. */
export type UnitEffect = "start" | "stop" | "restart" | "stop-start" | "reload" | "skip" | "nothing";
export type UnitChange = {
  readonly name: string;
  readonly change: "added" | "removed" | "changed";
  readonly effect: UnitEffect;
  /** Why that effect, naming the rule: `X-RestartIfChanged=false`. */
  readonly reason: string;
  /** Differs only in the hashes of store paths: same names and versions, so the meaning did not change. */
  readonly hashOnly: boolean;
  readonly keys: readonly UnitKeyChange[];
  /** Unified diff of the text, hashes normalised, redacted, bounded; empty where hashOnly. */
  readonly diff: string;
};
export type UnitKeyChange = {
  readonly section: string;
  readonly key: string;
  readonly from: readonly string[];
  readonly to: readonly string[];
};

export type FileChange = {
  /** `/etc/ssh/sshd_config`, or how a file behind it was reached: `firewall.service → firewall-start`. */
  readonly path: string;
  readonly change: "added" | "removed" | "changed";
  readonly kind: "text" | "binary" | "link" | "mode" | "unread";
  readonly hashOnly: boolean;
  readonly sizeFrom: number | undefined;
  readonly sizeTo: number | undefined;
  /** Unified diff, hashes normalised, redacted, bounded. */
  readonly diff: string;
  readonly redacted: boolean;
};

/** Structured views where a text diff says little. Each is empty where nothing of its kind changed. */
export type SettingsDiff = {
  readonly mounts: readonly MountChange[];
  readonly swaps: readonly MountChange[];
  readonly users: readonly UserChange[];
  readonly groups: readonly KeyChange[];
  readonly sudo: readonly LineChange[];
  readonly sshd: readonly SshdChange[];
  readonly portsOpened: readonly string[];
  readonly portsClosed: readonly string[];
  readonly sysctl: readonly KeyChange[];
  readonly tmpfiles: readonly LineChange[];
  readonly pam: readonly LineChange[];
  readonly nixConf: readonly KeyChange[];
  readonly certificates: readonly LineChange[];
  readonly activation: readonly {
    readonly snippet: string;
    readonly change: "added" | "removed" | "changed";
    readonly hashOnly: boolean;
    readonly diff: string;
  }[];
};
export type LineChange = { readonly file: string; readonly change: "added" | "removed"; readonly line: string };
export type MountChange = {
  readonly mountPoint: string;
  readonly change: "added" | "removed" | "device" | "type" | "options";
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly optionsAdded: readonly string[];
  readonly optionsRemoved: readonly string[];
};
export type UserChange = {
  readonly name: string;
  readonly change: "added" | "removed" | "changed";
  readonly fields: readonly KeyChange[];
  readonly keysAdded: readonly string[];
  readonly keysRemoved: readonly string[];
};
export type SshdChange = {
  readonly directive: string;
  /** The `Match` line it stands under; undefined at top level. */ readonly match: string | undefined;
  readonly from: readonly string[];
  readonly to: readonly string[];
};
