/**
 * What a NixOS toplevel declares, read from its files in the store. Both sides of a diff are one of these; rules read them, the diff compares them.
 *
 * Everything here is data from a store path that a pull request may have built: sizes are bounded by the reader, texts are untrusted.
 */

/** A path like `/nix/store/<hash>-<name>`, without anything behind it. */
export type StorePath = string;

export type System = {
  readonly toplevel: StorePath;
  /** Text of `nixos-version`, e.g. `26.05.20260423.01fbdee`. */
  readonly nixosVersion: string | undefined;
  /** `x86_64-linux` */
  readonly platform: string | undefined;
  readonly kernel: Kernel | undefined;
  /** Words of `kernel-params`, in order. */
  readonly kernelParams: readonly string[];
  readonly initrd: Initrd | undefined;
  /** Target of `kernel-modules`. */
  readonly kernelModules: KernelModules | undefined;
  readonly firmware: StorePath | undefined;
  readonly systemd: Component | undefined;
  readonly glibc: Component | undefined;
  readonly dbus: "dbus" | "broker" | undefined;
  readonly initInterfaceVersion: string | undefined;
  /** undefined: the file is missing, so nothing is known (older than 26.05). */
  readonly switchInhibitors: ReadonlyMap<string, string> | undefined;
  readonly rebootTriggers: ReadonlyMap<string, string> | undefined;
  readonly bootLoader: BootLoader;
  readonly switchToConfiguration: "ng" | "perl" | "missing" | "unknown";
  readonly specialisations: ReadonlyMap<string, StorePath>;
  /** Snippets of `activate` by name, in order. */
  readonly activation: ReadonlyMap<string, string>;
  readonly units: ReadonlyMap<string, Unit>;
  readonly userUnits: ReadonlyMap<string, Unit>;
  /** Entries of /etc by path below it (`ssh/sshd_config`), units left out. */
  readonly etc: ReadonlyMap<string, EtcFile>;
  readonly mounts: readonly Mount[];
  readonly swaps: readonly Mount[];
  readonly users: Users | undefined;
  readonly firewall: Firewall;
  /** What could not be read, as sentences with the path: a missing piece is never mistaken for an absent one. */
  readonly unread: readonly string[];
};

export type Component = { readonly path: StorePath; readonly version: string | undefined };
export type Kernel = Component & {
  readonly image: string;
  /** Bytes that the image takes on /boot; absent where it could not be read. */ readonly bytes?: number;
};
/** `contents` is read when it is first asked for: unpacking costs a tenth of a second, and most hosts of a fleet keep their initrd. */
export type Initrd = {
  readonly path: StorePath;
  readonly contents: InitrdContents | undefined;
  /** Bytes that the image takes on /boot. */ readonly bytes?: number;
};
/** Read from the archive itself, since what is in it is not in the closure. undefined fields: the archive could not be read that far. */
export type InitrdContents = {
  readonly kind: "systemd" | "scripted" | "unknown";
  /** Paths in the archive. */
  readonly files: ReadonlySet<string>;
  /** Small text files by path in the archive. */
  readonly texts: ReadonlyMap<string, string>;
  /** Module file names without directory and suffix, `virtio_blk`; `-` is written `_`, as the kernel does. */
  readonly modules: ReadonlySet<string>;
  /** What tells each file's contents apart from another's, by path in the archive: a digest, or a link's target. */
  readonly digests: ReadonlyMap<string, string>;
};
export type KernelModules = {
  readonly path: StorePath;
  /** Directories under lib/modules: more than one means that a module was built for another kernel. */ readonly directories: readonly string[];
};
export type BootLoader = {
  readonly kind: "systemd-boot" | "grub" | "extlinux" | "lanzaboote" | "none" | "unknown";
  /** The installer script that switch-to-configuration names. */
  readonly installer: string | undefined;
  /** Its text and that of what it names (grub's install config), hashes normalised, for comparison line by line. */
  readonly settings: ReadonlyMap<string, string>;
};

/** A unit as systemd would see it: its own file and its drop-ins, in order. */
export type Unit = {
  readonly name: string;
  /** Where the file stands after links; undefined where only drop-ins exist or where it is masked. */
  readonly path: string | undefined;
  readonly masked: boolean;
  /** Values by section and key, in order of appearance, lists not yet reset: `Service` → `ExecStart` → ["", "/nix/store/…"]. */
  readonly sections: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;
  /** Targets and units that want or require it by link: `multi-user.target.wants`. */
  readonly wantedBy: readonly string[];
  readonly text: string;
  /** Set where this name is only a link to another unit: `default.target` for `multi-user.target`. */
  readonly aliasOf?: string;
};

export type EtcFile = {
  readonly path: string;
  /** Where it ends after links: in the store, or a path of the running machine (`/run/…`) that cannot be read here. */
  readonly target: string | undefined;
  /** `symlink` unless environment.etc.<name>.mode asks for a copy (`0440`) or `direct-symlink`. */
  readonly mode: string;
  /** The whole text where it is a small text file (64 KiB at most). Not redacted: rules decide by it and quote the diff instead. */
  readonly text?: string | undefined;
};

export type Mount = { readonly mountPoint: string; readonly device: string; readonly fsType: string; readonly options: readonly string[] };

export type Users = {
  readonly mutable: boolean | undefined;
  readonly users: ReadonlyMap<string, User>;
  readonly groups: ReadonlyMap<string, Group>;
};
export type User = {
  readonly name: string;
  readonly uid: number | undefined;
  readonly group: string;
  readonly shell: string | undefined;
  readonly home: string | undefined;
  readonly isSystemUser: boolean;
  /** Never the hash itself: only that there is one and a digest of it, so that a change is seen and the value is not. */
  readonly password: { readonly kind: "none" | "hash" | "file" | "initial"; readonly digest: string } | undefined;
  /** Lines of /etc/ssh/authorized_keys.d/<user>: type and key without options and comment. */
  readonly keys: readonly string[];
};
export type Group = { readonly name: string; readonly gid: number | undefined; readonly members: readonly string[] };

export type Firewall = {
  readonly backend: "iptables" | "nftables" | "none" | "unknown";
  /** Ports that are accepted, as far as the ruleset could be read: `tcp/22`, `udp/51820`, `tcp/8000-8010`, `tcp/22@enp1s0`. */
  readonly open: ReadonlySet<string>;
  readonly text: string;
};
