/**
 * What a host says of itself, read in one round trip and never assumed. Undefined is "could not be told", which no decision may read as good. All of it is
 * data of a machine that may be broken or hostile: texts are bounded, escaped where they are shown.
 */
export type BriefObservation = {
  readonly identity: { readonly name: string; readonly machineId: string | undefined };
  readonly bootId: string;
  /** By the host's own clock. */
  readonly at: Date;
  readonly uptimeSeconds: number;
  /** `/etc/NIXOS` is there. */
  readonly isNixos: boolean;
  /** Store paths, all links resolved. `current` is what is active; `specialisation` is its name where the active system is one of the profile's or the booted one's. */
  readonly current: string | undefined;
  readonly specialisation: string | undefined;
  readonly profile: string | undefined;
  readonly generation: number | undefined;
  readonly booted: string | undefined;
  /** What the three are made of, as the host sees it: the booted system is often no longer in any other store. */
  readonly systems: {
    readonly current: SystemParts | undefined;
    readonly profile: SystemParts | undefined;
    readonly booted: SystemParts | undefined;
  };
  readonly switchLock: "free" | "held" | "unknown";
  /** Our own transient unit, and those of other tools that are running now. */
  readonly activations: readonly string[];
  /** A shutdown or reboot that is scheduled, as systemd tells it. */
  readonly scheduledShutdown: Date | undefined;
  readonly systemState: string;
  readonly failedUnits: readonly string[];
  readonly space: {
    readonly store: Space | undefined;
    readonly boot: (Space & { readonly mountPoint: string }) | undefined;
    readonly state: Space | undefined;
  };
  readonly kernel: { readonly release: string; readonly commandLine: string };
  readonly mounts: readonly Mount[];
  readonly swaps: readonly string[];
  /** Services that are not inactive; of `brief` those that have a process, that failed or that are on their way. */
  readonly units: readonly UnitState[];
  /** The raw lines of the ledger, oldest first, the newest 500. Undefined where there is none or where it cannot be read: then nothing is known (invariant 9). */
  readonly ledger: readonly string[] | undefined;
  /** `unreadable`: there is one and it could not be read, which is no fresh host. */
  readonly ledgerState: "read" | "absent" | "unreadable";
};

/** All of it, as a proof needs it. A type of its own, so that what was not asked for is never taken for what is not there. */
export type Observation = Omit<BriefObservation, "kernel" | "units"> & {
  readonly generations: readonly Generation[];
  readonly kernel: BriefObservation["kernel"] & { readonly modules: readonly string[] };
  /** Where links below /dev end (`/dev/disk/by-uuid/…` at `/dev/vda1`): a mount table knows devices by another name than fstab. */
  readonly devices: ReadonlyMap<string, string>;
  readonly listening: readonly Listening[];
  /** Services, sockets, mounts, swaps, targets, timers and paths that are not inactive. */
  readonly units: readonly RunningUnit[];
  /** Values of the keys that were asked for; a key that does not exist is not in it. */
  readonly sysctl: ReadonlyMap<string, string>;
  /** Lines of `sshd -T`, lower case keys; empty where it cannot be told. */
  readonly sshd: readonly string[];
  /** Names of users with a session, the session of this connection left out; undefined where it cannot be told. */
  readonly loggedIn: readonly string[] | undefined;
};

/** Where the links of a toplevel end, and its small texts as they stand there. Undefined: it has no such file. */
export type SystemParts = {
  readonly kernel: string | undefined;
  readonly initrd: string | undefined;
  readonly kernelModules: string | undefined;
  readonly firmware: string | undefined;
  readonly systemd: string | undefined;
  readonly kernelParams: string | undefined;
  readonly initInterfaceVersion: string | undefined;
  /** JSON maps of texts, unparsed. */
  readonly switchInhibitors: string | undefined;
  readonly rebootTriggers: string | undefined;
};

export type Space = { readonly sizeBytes: number; readonly freeBytes: number; readonly freeInodes: number | undefined };

export type Generation = { readonly number: number; readonly toplevel: string; readonly at: Date | undefined };

/** From `/proc/self/mountinfo` of process 1: `options` are the mount's own and the file system's, `root` is the part of the file system that is mounted. */
export type Mount = {
  readonly target: string;
  readonly source: string;
  readonly root: string;
  readonly type: string;
  readonly options: readonly string[];
  readonly superOptions: readonly string[];
};

export type Listening = { readonly protocol: "tcp" | "udp"; readonly address: string; readonly port: number };

/** What there is to say of any unit. `restarts` counts those that systemd did by itself since the unit was last started. */
export type UnitState = {
  readonly unit: string;
  readonly loadState: string;
  readonly activeState: string;
  readonly subState: string;
  readonly restarts: number;
};

export type RunningUnit = UnitState & {
  readonly result: string;
  readonly needDaemonReload: boolean;
  readonly fragmentPath: string;
  readonly mainPid: number;
  /** Where the main process's binary is, `(deleted)` and all; undefined where there is no process */
  readonly executable: string | undefined;
  /** Store paths named in the main process's command line. */
  readonly runs: readonly string[];
  readonly execMainStatus: number;
  readonly activeSince: Date | undefined;
};
