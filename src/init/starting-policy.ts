import type { HostName } from "../discover/host.ts";
import { nixString } from "../nix-string.ts";

export type StartingPolicy = {
  readonly forge: "github" | "forgejo";
  readonly hosts: readonly HostName[];
  /** Those that were asked for by name; all others say deploy = false. */
  readonly deploy: readonly HostName[];
  /** Where another tool says how a host is reached. */
  readonly deployNodes: readonly string[];
  readonly hive: readonly string[];
  /** Who logs in, where no other tool says. */
  readonly user: string;
  readonly approvers: readonly string[];
};

/** Names of attributes that Nix would read as something else. */
const keywords = new Set(["assert", "else", "if", "in", "inherit", "let", "or", "rec", "then", "with"]);
const nixAttribute = (name: string): string => (/^[A-Za-z_][A-Za-z0-9_'-]*$/.test(name) && !keywords.has(name) ? name : nixString(name));

/** The file deploy-gate.nix: a policy under which nothing is deployed that nobody asked for, with the lines to change. */
export function startingPolicy(start: StartingPolicy): string {
  const { forge, approvers, user, hosts } = start;
  const lines = [
    "# What nixos-deploy-gate may do with the machines of this flake. It is in force as an output of flake.nix:",
    "#",
    "#   deployGate = import ./deploy-gate.nix;",
    "#",
    "# A host without deploy = true is built, compared and reported, and never contacted. Every key: docs/policy.md of nixos-deploy-gate.",
    "{",
    "  # true hands a host to the gate. It is reached by its own name, or where this says:",
    `  #   ${nixAttribute(hosts[0] ?? "web1")}.target.hostname = "192.0.2.1";`,
    "  hosts = {",
    ...hosts.map((host) => hostLine(host, start)),
    "  };",
    "",
    "  # Who logs in on the hosts: root, or somebody with sudo without a password.",
    `  apply.user = ${nixString(user)};`,
    "",
    ...(forge === "forgejo"
      ? [
          "  # Who may let held changes pass. Forgejo does not tell a job who may write to the repository, so that without names nobody can.",
        ]
      : ["  # Who may let held changes pass. Without it, whoever may write to the repository."]),
    approvers.length > 0 ? `  approval.by = [ ${approvers.map(nixString).join(" ")} ];` : `  # approval.by = [ "ada" ];`,
    "",
    '  # Machines that go one after the other, and when they may be rebooted; a host joins with group = "web".',
    "  # groups.web = {",
    "  #   maxUnavailable = 1;",
    '  #   reboot.windows = [ { days = [ "sun" ]; from = "02:00"; to = "05:00"; zone = "Europe/Berlin"; } ];',
    "  # };",
    "}",
    "",
  ];
  return lines.join("\n");
}

function hostLine(host: HostName, { deploy, deployNodes, hive }: StartingPolicy): string {
  const said = deployNodes.includes(host)
    ? " # reached as deploy.nodes of deploy-rs says"
    : hive.includes(host)
      ? " # reached as the colmena hive says"
      : "";
  return `    ${nixAttribute(host)}.deploy = ${deploy.includes(host)};${said}`;
}
