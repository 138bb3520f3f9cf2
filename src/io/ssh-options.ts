import type { Address } from "../target/address.ts";

/** Where ssh's files of one address lie. Paths hold no space and nothing that a shell or ssh's own expansion would read. */
export type SshPlace = {
  readonly knownHosts: string;
  /** The private key; undefined where the agent has it. */
  readonly key: string | undefined;
};

/**
 * The settings of every connection. They are a file for `ssh -F`, which shuts out both the user's and the machine's own configuration, and which ssh started by Nix and
 * ssh started for a jump host read too: options on the command line would not reach those.
 */
const settings = [
  // Nothing asks, nothing is learned: a key that is not known is a refusal.
  "BatchMode yes",
  "StrictHostKeyChecking yes",
  "GlobalKnownHostsFile none",
  "UpdateHostKeys no",
  "CheckHostIP no",
  "VerifyHostKeyDNS no",
  "CanonicalizeHostname no",
  // One way to log in. A host that is not what it seems gets no password to try and no other key to see.
  "PreferredAuthentications publickey",
  "PasswordAuthentication no",
  "KbdInteractiveAuthentication no",
  "HostbasedAuthentication no",
  "NumberOfPasswordPrompts 0",
  "AddKeysToAgent no",
  // Nothing of this machine is lent to the host.
  "ForwardAgent no",
  "ForwardX11 no",
  "ForwardX11Trusted no",
  "ClearAllForwardings yes",
  "Tunnel no",
  "PermitLocalCommand no",
  "EscapeChar none",
  "RequestTTY no",
  // A dead connection is noticed within a quarter of a minute.
  "ConnectTimeout 15",
  "ConnectionAttempts 1",
  "TCPKeepAlive yes",
  "ServerAliveInterval 5",
  "ServerAliveCountMax 3",
  "ControlMaster no",
  "ControlPath none",
  "ControlPersist no",
  "LogLevel INFO",
] as const;

type Hop = { readonly hostname: string; readonly port: number; readonly user: string };

/** The text of the configuration file of one hop. `through` is the command that connects to it where that is not direct. */
export function sshConfig(hop: Hop, place: SshPlace, through?: string): string {
  const identity =
    place.key === undefined
      ? ["IdentityFile none", "IdentityAgent SSH_AUTH_SOCK"]
      : [`IdentityFile ${place.key}`, "IdentitiesOnly yes", "IdentityAgent none"];
  return [
    "Host *",
    `HostName ${hop.hostname}`,
    `Port ${hop.port}`,
    `User ${hop.user}`,
    `UserKnownHostsFile ${place.knownHosts}`,
    ...identity,
    ...settings,
    ...(through === undefined ? [] : [`ProxyCommand ${through}`]),
    "",
  ].join("\n");
}

/**
 * The command by which ssh reaches `to` through a jump host: another ssh with that jump host's own file, so that it is as strict as the first (`-J` would start one
 * that reads other files), and with a log of its own, so that the two are told apart. Read by /bin/sh.
 */
export function proxyCommand(config: string, log: string, jumpName: string, to: Pick<Hop, "hostname" | "port">): string {
  return `ssh -F ${config} -E ${log} -W '${bracketed(to.hostname)}:${to.port}' -- ${jumpName}`;
}

const bracketed = (hostname: string): string => (hostname.includes(":") ? `[${hostname}]` : hostname);

/** `[user@]host[:port]` of an address. A jump host without a user is entered as the user of the target: the user of this machine means nothing there. */
export function jumpHop(word: string, address: Pick<Address, "user">): Hop {
  const at = word.lastIndexOf("@");
  const [hostname = "", port] = word.slice(at + 1).split(":");
  return { hostname, port: port === undefined ? 22 : Number(port), user: at === -1 ? address.user : word.slice(0, at) };
}

/** The known_hosts of an address: where keys are pinned nothing else counts, not even what the operator's own file says of that name. */
export function knownHostsText(address: Pick<Address, "hostname" | "port" | "hostKeys">, known: string): string {
  if (address.hostKeys.length === 0) return known;
  const name = address.hostname.toLowerCase();
  const pattern = address.port === 22 ? name : `[${name}]:${address.port}`;
  return address.hostKeys.map((key) => `${pattern} ${key}\n`).join("");
}
