import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

/**
 * What a toplevel of a test host is made of. Everything but `host` has a default; two specs that are equal give the same store path. Scripts are POSIX sh without
 * a shebang.
 */
export type ToplevelSpec = {
  /** In the name of the store path, and the host's own name unless `hostName` says another. */
  readonly host: string;
  readonly hostName?: string;
  /** Of NixOS, `26.05.20260423.01fbdee` where absent. */
  readonly version?: string;
  /** The kernel's release, `6.12.40` where absent: what `uname -r` and /proc/sys/kernel/osrelease say after a boot. */
  readonly kernel?: string;
  readonly kernelParams?: readonly string[];
  /** Any text: another one is another initrd. */
  readonly initrd?: string;
  /** A directory of this machine with a `bzImage` that boots and its `initrd`, which is used where `initrd` says nothing: for hosts of guest.ts. `kernel` has to be its release. */
  readonly realKernel?: string;
  readonly kernelBytes?: number;
  readonly initrdBytes?: number;
  /** The systemd package's version: another one makes a switch re-execute systemd. */
  readonly systemd?: string;
  /** `systemd 2` where absent; a switch to another one exits 100. */
  readonly initInterfaceVersion?: string;
  /** Keys in both systems with different values refuse a switch. No commas or quotes in values. */
  readonly inhibitors?: Readonly<Record<string, string>>;
  readonly rebootTriggers?: Readonly<Record<string, string>>;
  readonly services?: Readonly<Record<string, ServiceSpec>>;
  /** Unit files as they are, by name. */
  readonly units?: Readonly<Record<string, string>>;
  /** Links such as `timers.target.wants/backup.timer`. */
  readonly wants?: readonly string[];
  readonly masked?: readonly string[];
  /** Files under /etc, by path. */
  readonly etc?: Readonly<Record<string, string>>;
  /** Lines of /etc/fstab. */
  readonly fstab?: readonly string[];
  readonly sysctl?: Readonly<Record<string, string>>;
  /** Lines that end sshd_config. sshd takes the first value of a key, so this adds keys or breaks the file (`Nonsense yes`). */
  readonly sshd?: string;
  /** Runs inside `activate`, at boot too (`$NIXOS_ACTION` is empty then). Failing makes a switch exit 2. */
  readonly activation?: string;
  readonly dryActivation?: string;
  /** `$1` is the toplevel, `$2` the action. Failing makes everything but an unchecked run exit 1. */
  readonly preSwitchCheck?: string;
  /** Runs in `init` before anything else at boot: `exit 1` is a kernel that panics, `exec sleep infinity` one that hangs. */
  readonly early?: string;
  /** Random bytes in the toplevel itself. */
  readonly payloadBytes?: number;
  /** Any text: makes another store path of an equal system. */
  readonly revision?: string;
  readonly specialisations?: Readonly<Record<string, Partial<ToplevelSpec>>>;
};

/** A service. Without `script` its process is a program that lies in the store and sleeps, and another `version` is another store path. */
export type ServiceSpec = {
  readonly version?: string;
  readonly script?: string;
  readonly reload?: string;
  readonly stop?: string;
  readonly description?: string;
  /** Settings of [Unit] and [Service], such as `X-RestartIfChanged: "false"` (of [Service]) or `TimeoutStopSec: "infinity"`. */
  readonly unit?: Readonly<Record<string, string | readonly string[]>>;
  readonly service?: Readonly<Record<string, string | readonly string[]>>;
  /** `multi-user.target` where absent; null is nobody. */
  readonly wantedBy?: string | null;
};

const run = promisify(execFile);

/** Builds toplevels into the store that this process sees. Returns their store paths in the order of the specs. Throws with Nix's own words. */
export async function buildToplevels(specs: readonly ToplevelSpec[]): Promise<string[]> {
  const expression = join(import.meta.dirname, "toplevel.nix");
  const { stdout } = await run("nix-build", [expression, "--no-out-link", "--quiet", "--argstr", "specs", JSON.stringify(specs)], {
    maxBuffer: 16 << 20,
  });
  return stdout.trim().split("\n");
}

export async function buildToplevel(spec: ToplevelSpec): Promise<string> {
  const [toplevel] = await buildToplevels([spec]);
  if (toplevel === undefined) throw new Error("nix-build named no toplevel");
  return toplevel;
}

/** Changes that break a host in a way that a deployer must survive. Spread one into a spec. */
export const broken = {
  /** sshd does not start again: its configuration has a word that it does not know. */
  sshd: { sshd: "Nonsense yes" },
  /** All packets that leave the host are dropped while the unit runs; nothing else changes and everything else succeeds. */
  firewall: {
    services: {
      firewall: {
        script: "ip rule add blackhole pref 10",
        stop: "ip rule del pref 10",
        service: { Type: "oneshot", RemainAfterExit: "yes" },
      },
    },
  },
  /** A firewall that closes port 22: connections that are there live on, new ones get no answer. Needs nftables in the kernel. */
  port22: {
    services: {
      firewall: {
        // By the flags and not by connection tracking, which knows none of the connections that were there before its first rule.
        script:
          "nft 'table inet filter { chain input { type filter hook input priority 0; tcp dport 22 tcp flags & (syn | ack) == syn drop; }; }'",
        stop: "nft delete table inet filter",
        service: { Type: "oneshot", RemainAfterExit: "yes" },
      },
    },
  },
  /** The network goes down in the middle of the activation and does not come back by itself. */
  network: { activation: '[ -z "${NIXOS_ACTION:-}" ] || ip link set host0 down' },
  activation: { activation: "echo the activation fails; false" },
  unit: { services: { broken: { script: "echo cannot start >&2; exit 3" } } },
  kernel: { early: "echo Kernel panic - not syncing; exit 1" },
} as const satisfies Record<string, Partial<ToplevelSpec>>;
