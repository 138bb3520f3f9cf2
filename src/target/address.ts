import type { HostName } from "../discover/host.ts";

/** Where a host is reached and as whom. Every word has been parsed at the edge: none begins with "-", none holds a space, a quote or a control character. */
export type Address = {
  readonly host: HostName;
  /** A DNS name or an IP address, as ssh takes it. */
  readonly hostname: string;
  readonly port: number;
  readonly user: string;
  /** Where the user is not root: everything runs through `sudo -n`. */
  readonly sudo: boolean;
  /** The host runs what its own helper has and nothing that it is sent (nix/helper.sh); unset is no. */
  readonly helper?: boolean;
  /** `[user@]host[:port]`, the first nearest to us. */
  readonly jump: readonly string[];
  /** What makes this machine the right one, besides its host key. */
  readonly identity: {
    /** What `/proc/sys/kernel/hostname` must say. */
    readonly name: string;
    /** What `/etc/machine-id` must say, once it is known. */
    readonly machineId: string | undefined;
  };
  /** Public host keys (`ssh-ed25519 AAAA…`) that policy pins; where empty the known_hosts that the run was given decide. */
  readonly hostKeys: readonly string[];
};
