import { bump, file, unit, unitChange, units, user, users } from "../literals.ts";
import type { Examples } from "./example.ts";

const key = (name: string): string => `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA${name.padEnd(32, "x")}`;
const root = (...keys: readonly string[]) => ({ users: users([user("root", { uid: 0, keys })]) });
const sshd = (directive: string, from: readonly string[], to: readonly string[], match?: string) => ({
  settings: { sshd: [{ directive, match, from, to }] },
});
const deploy = { deployUser: "deploy", deployUserGroups: ["wheel"] };
const shell = (name: string, to: string) => ({
  settings: {
    users: [{ name, change: "changed" as const, fields: [{ key: "shell", from: "/bin/bash", to }], keysAdded: [], keysRemoved: [] }],
  },
});
const lines = (name: "sudo" | "pam", list: readonly string[], path = "/etc/pam.d/sshd") => ({
  settings: {
    [name]: list.map((line) => ({
      file: path,
      change: line.startsWith("+") ? ("added" as const) : ("removed" as const),
      line: line.slice(1),
    })),
  },
});

export const accessExamples: Examples = {
  "sshd-settings": {
    fires: [
      sshd("PermitRootLogin", ["prohibit-password"], ["no"]),
      sshd("Port", ["22"], ["2222"]),
      sshd("PasswordAuthentication", [], ["no"], "Match User root"),
      sshd("AllowUsers", [], ["admin"], "Match all"),
    ],
    misses: [
      sshd("LogLevel", ["INFO"], ["VERBOSE"]),
      sshd("PasswordAuthentication", [], ["no"], "Match User phone"),
      { ...sshd("ForceCommand", [], ["internal-sftp"], "Match Group sftponly"), facts: { deployUser: "root" } },
    ],
  },
  "sshd-match-unclosed": {
    fires: [sshd("Port", [], ["22"], "Match User bob")],
    misses: [sshd("PermitTTY", [], ["no"], "Match User bob"), sshd("Port", ["22"], ["2222"])],
  },
  "sshd-gone": {
    fires: [
      { after: { units: units("dhcpcd.service") }, units: [unitChange("sshd.service", "stop", { change: "removed" })] },
      { after: { units: units(unit("sshd.service", "[Service]\nKillMode=process\n")) } },
    ],
    misses: [{ after: { units: units("sshd.socket", "sshd@.service") } }, {}],
  },
  "sshd-not-wanted": {
    fires: [{ after: { units: units(unit("sshd.service", undefined, [])) } }],
    misses: [{}, { after: { units: units(unit("sshd.service", undefined, []), "sshd.socket") } }],
  },
  "ssh-dsa-refused": {
    fires: [
      { packages: [bump("openssh", "9.9p2", "10.0p2")], after: root("ssh-dss AAAAB3NzaC1kc3MAAACB") },
      { packages: [bump("openssh", "9.9p2", "10.0p2")], facts: { authorizedKeyTypes: ["ssh-dss"] } },
    ],
    misses: [
      {
        packages: [bump("openssh", "9.9p2", "10.0p2")],
        after: root(key("a")),
        facts: { authorizedKeyTypes: ["ssh-ed25519", "ecdsa-sha2-nistp256"] },
      },
      { packages: [bump("openssh", "10.0p2", "10.2p1")], after: root("ssh-dss AAAAB3NzaC1kc3MAAACB") },
    ],
  },
  "deploy-key-lost": {
    fires: [
      { before: root(key("old")), after: root(key("new")) },
      { before: root(key("old")), after: root() },
    ],
    misses: [
      { before: root(key("old"), key("older")), after: root(key("old"), key("new")) },
      { before: root(), after: root(key("new")) },
    ],
  },
  "last-admin-key": {
    fires: [
      {
        before: { users: users([user("root"), user("admin", { keys: [key("a")] })], { wheel: ["admin"] }) },
        after: { users: users([user("root"), user("admin")], { wheel: ["admin"] }) },
      },
    ],
    misses: [
      {
        before: { users: users([user("root", { keys: [key("r")] }), user("hydra", { keys: [key("a")] })]) },
        after: { users: users([user("root", { keys: [key("r")] }), user("hydra")]) },
      },
    ],
  },
  "deploy-user-gone": {
    fires: [
      { facts: deploy, before: { users: users([user("deploy")]) }, after: { users: users([]) } },
      {
        facts: deploy,
        before: { users: users([user("deploy")], { wheel: ["deploy"] }) },
        after: { users: users([user("deploy")], { wheel: [] }) },
      },
    ],
    misses: [
      {
        facts: deploy,
        before: { users: users([user("deploy"), user("bob")], { wheel: ["deploy", "bob"] }) },
        after: { users: users([user("deploy")], { wheel: ["deploy"] }) },
      },
    ],
  },
  "login-shell": {
    fires: [{ ...shell("deploy", "/run/current-system/sw/bin/fish"), facts: deploy }, shell("root", "/run/current-system/sw/bin/nologin")],
    misses: [shell("mia", "/run/current-system/sw/bin/zsh")],
  },
  "admin-password": {
    fires: [
      {
        settings: { users: [{ name: "root", change: "changed", fields: [], keysAdded: [], keysRemoved: [] }] },
        before: { users: users([user("root", { password: { kind: "hash", digest: "x" } })], {}, false) },
        after: { users: users([user("root")], {}, false) },
      },
    ],
    misses: [
      {
        settings: { users: [{ name: "bob", change: "changed", fields: [], keysAdded: [], keysRemoved: [] }] },
        before: { users: users([user("bob", { password: { kind: "hash", digest: "x" } })], {}, false) },
        after: { users: users([user("bob")], {}, false) },
      },
    ],
  },
  "mutable-users-off": {
    fires: [{ after: { users: users([user("root")], {}, false) } }],
    misses: [{ before: { users: users([user("root")], {}, false) } }],
  },
  "id-changed": {
    fires: [
      { before: { users: users([user("admin", { uid: 1000 })]) }, after: { users: users([user("admin", { uid: 1001 })]) } },
      {
        before: { users: users([user("app", { uid: undefined })]) },
        after: { users: users([user("app", { uid: 985 })]) },
        facts: { uidMapHas: { app: 991 } },
      },
    ],
    misses: [
      { before: { users: users([]) }, after: { users: users([user("new", { uid: 1002 })]) } },
      {
        before: { users: users([user("app", { uid: undefined })]) },
        after: { users: users([user("app", { uid: 985 })]) },
        facts: { uidMapHas: { app: 985 } },
      },
    ],
    unknown: {
      fact: "uidMapHas",
      plain: "clean",
      careful: "risky",
      before: { users: users([user("app", { uid: undefined })]) },
      after: { users: users([user("app", { uid: 985 })]) },
      facts: {},
    },
  },
  "deploy-key-restricted": {
    fires: [{ files: [file("/etc/ssh/authorized_keys.d/root", [`-${key("a")} ci`, `+from="10.0.0.0/8" ${key("a")} ci`])] }],
    misses: [
      { files: [file("/etc/ssh/authorized_keys.d/git", [`-${key("a")} ci`, `+command="git-shell" ${key("a")} ci`])] },
      { files: [file("/etc/ssh/authorized_keys.d/root", [`-${key("a")} ci`, `+${key("a")} renamed`])] },
    ],
  },
  "sudo-changed": {
    fires: [
      lines("sudo", ["-%wheel  ALL=(ALL:ALL)    NOPASSWD:SETENV: ALL", "+%wheel  ALL=(ALL:ALL)    SETENV: ALL"], "/etc/sudoers"),
      lines("sudo", ["+backup ALL=(ALL) NOPASSWD: ALL"], "/etc/sudoers"),
    ],
    misses: [
      lines("sudo", ["+Defaults:root,%wheel env_keep+=TERMINFO_DIRS"], "/etc/sudoers"),
      lines("sudo", ["+# comment", "-root ALL=(ALL:ALL)  SETENV: ALL", "+root   ALL=(ALL:ALL) SETENV: ALL"], "/etc/sudoers"),
    ],
  },
  "setuid-wrappers": {
    fires: [
      {
        files: [
          file("suid-sgid-wrappers.service → suid-sgid-wrappers-start", [
            '-mk sudo "/nix/store/x-sudo-1.9/bin/sudo" u+s,g-s,u+rx,g+x,o+x root:root',
          ]),
        ],
      },
      { files: [file("suid-sgid-wrappers.service → suid-sgid-wrappers-start", ['+chmod "u+s,g-s,u+rx,g+x,o+x" "$wrapperDir/dumpcap"'])] },
    ],
    misses: [
      {
        files: [
          file("suid-sgid-wrappers.service → suid-sgid-wrappers-start", [
            `-mk sudo "/nix/store/${"0".repeat(32)}-sudo-1.9.16/bin/sudo" u+s root:root`,
            `+mk sudo "/nix/store/${"1".repeat(32)}-sudo-1.9.17/bin/sudo" u+s root:root`,
          ]),
        ],
      },
      { files: [file("suid-sgid-wrappers.service → suid-sgid-wrappers-start", ['+setcap "cap_net_raw+ep" "$wrapperDir/ping"'])] },
    ],
  },
  "pam-login": {
    fires: [
      lines("pam", ["-auth sufficient /nix/store/x/lib/security/pam_unix.so likeauth # unix (order 11700)"]),
      lines("pam", ["+auth required /nix/store/x/lib/security/pam_google_authenticator.so # ga (order 10)"]),
      lines("pam", ["+account requisite /nix/store/x/lib/security/pam_access.so"]),
    ],
    misses: [
      lines("pam", ["+auth sufficient /nix/store/x/lib/security/pam_u2f.so cue"]),
      lines("pam", [
        "-auth sufficient /nix/store/x/pam_unix.so likeauth",
        "+auth sufficient /nix/store/y/pam_unix.so likeauth try_first_pass",
      ]),
      lines("pam", ["+session optional /nix/store/x/pam_systemd.so"]),
    ],
  },
  "polkit-grant": {
    fires: [{ files: [file("/etc/polkit-1/rules.d/10-nixos.rules", ["+  return polkit.Result.YES;"])] }],
    misses: [
      { files: [file("/etc/polkit-1/rules.d/10-nixos.rules", ["+  // nothing returns polkit.Result.YES", "+  polkit.log(action);"])] },
    ],
  },
};
