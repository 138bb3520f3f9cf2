import { failure, type Failure } from "../failure.ts";
import type { TargetTrouble } from "../io/ports.ts";
import type { Address } from "./address.ts";

/** The failure of a host that cannot be spoken to. `detail` is what ssh or the host said; the next command is one that can be typed as it stands. */
export function targetFailure(address: Address, trouble: TargetTrouble, detail: string): Failure {
  const { host, user } = address;
  const at = shown(address);
  const login = loginCommand(address);
  const said = detail === "" ? undefined : detail;
  switch (trouble) {
    case "unreachable":
      return failure("target-unreachable", { host, at, next: `${login} true   # and: ${scanCommand(address)}` }, said);
    case "host-key-unknown":
      return failure(
        "target-host-key-unknown",
        {
          host,
          at,
          next: `${scanCommand(address)}   # compare with /etc/ssh/ssh_host_*_key.pub on its console, then put the line into "ssh-known-hosts" or deployGate.hosts."${host}".target.hostKeys`,
        },
        said,
      );
    case "host-key-changed":
      return failure(
        "target-host-key-changed",
        {
          host,
          at,
          next: `${scanCommand(address)} | ssh-keygen -lf -   # compare with ssh-keygen -lf on its console before you correct anything`,
        },
        said,
      );
    case "access-refused":
      return failure(
        "target-access-refused",
        {
          host,
          at,
          next: `${login} true   # with the deploy key; its public half belongs into users.users.${user}.openssh.authorizedKeys.keys of ${host}`,
        },
        said,
      );
    case "sudo-refused":
      return failure(
        "target-sudo-refused",
        {
          host,
          user,
          next: `${login} sudo -n true   # until that is silent; in NixOS: security.sudo.extraRules with NOPASSWD for ${user}`,
        },
        said,
      );
    case "jump-failed": {
      const first = address.jump[0] ?? "";
      const jump = address.jump.join(", ");
      return failure(
        "target-jump-failed",
        { host, jump, next: `${sshTo(first, address, [])} true   # its host key has to be in "ssh-known-hosts" too` },
        said,
      );
    }
    case "not-understood":
      return failure(
        "target-not-understood",
        { host, at, next: `${login} 'echo works'   # prints "works" and nothing else where all is well` },
        said,
      );
    case "lost":
      return failure(
        "target-lost",
        { host, at, next: `${login} 'uptime; journalctl -b -u sshd -n 20'   # then run the gate again: it goes on from what the host is` },
        said,
      );
    case "timed-out":
      return failure("target-timed-out", { host, at, next: `${login} 'uptime; systemctl list-jobs'` }, said);
    case "no-ssh":
      return failure("ssh-unusable", {}, said);
  }
}

/** `deploy@web.example.org:2222`, the port where it is not 22. */
function shown({ user, hostname, port }: Address): string {
  const name = hostname.includes(":") && port !== 22 ? `[${hostname}]` : hostname;
  return `${user}@${name}${port === 22 ? "" : `:${port}`}`;
}

/** What a person types to get in. All words were parsed at the edge; nothing in them is read by a shell. */
export function loginCommand(address: Address): string {
  const jump = address.jump.length === 0 ? [] : ["-J", address.jump.map((word) => withUser(word, address)).join(",")];
  return ["ssh", ...jump, ...(address.port === 22 ? [] : ["-p", String(address.port)]), `${address.user}@${address.hostname}`].join(" ");
}

/** Asks for the public host keys, from the last jump host where there are any: the name and the route may only mean something there. */
function scanCommand(address: Address): string {
  const scan = ["ssh-keyscan", ...(address.port === 22 ? [] : ["-p", String(address.port)]), address.hostname].join(" ");
  const last = address.jump.at(-1);
  return last === undefined ? scan : `${sshTo(last, address, address.jump.slice(0, -1))} ${scan}`;
}

function sshTo(word: string, address: Address, through: readonly string[]): string {
  const [destination = "", port] = withUser(word, address).split(":");
  const jump = through.length === 0 ? [] : ["-J", through.map((each) => withUser(each, address)).join(",")];
  return ["ssh", ...jump, ...(port === undefined ? [] : ["-p", port]), destination].join(" ");
}

const withUser = (word: string, address: Address): string => (word.includes("@") ? word : `${address.user}@${word}`);
