import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { diffSettings } from "../../src/diff/settings.ts";
import type { SettingsDiff } from "../../src/diff/system-diff.ts";
import { ThrowawayStore } from "./throwaway-store.ts";

const store = new ThrowawayStore();
afterAll(() => store.remove());
type Parts = Parameters<ThrowawayStore["system"]>[0];
const diff = (before: Parts, after: Parts): SettingsDiff => diffSettings(store.files, store.system(before), store.system(after));
const etc = (name: string, before: string, after: string): SettingsDiff => diff({ etc: { [name]: before } }, { etc: { [name]: after } });
const empty: SettingsDiff = {
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

describe("mounts", () => {
  const fstab = (before: string, after: string) => etc("fstab", before, after);
  const change = (
    mountPoint: string,
    kind: string,
    from: string | undefined,
    to: string | undefined,
    optionsAdded: string[] = [],
    optionsRemoved: string[] = [],
  ) => ({
    mountPoint,
    change: kind,
    from,
    to,
    optionsAdded,
    optionsRemoved,
  });
  test.each([
    ["device", "/dev/a / ext4 defaults 0 1\n", "/dev/b / ext4 defaults 0 1\n", [change("/", "device", "/dev/a", "/dev/b")]],
    ["type", "/dev/a /d ext4 x\n", "/dev/a /d xfs x\n", [change("/d", "type", "ext4", "xfs")]],
    [
      "options",
      "/dev/a /d ext4 ro,x\n",
      "/dev/a /d ext4 x,rw,nofail\n",
      [change("/d", "options", "ro,x", "x,rw,nofail", ["rw", "nofail"], ["ro"])],
    ],
    ["order of options", "/dev/a /d ext4 a,b\n", "/dev/a /d ext4 b,a\n", [change("/d", "options", "a,b", "b,a")]],
    ["added", "", "/dev/a /d ext4 nofail 0 0\n", [change("/d", "added", undefined, "/dev/a ext4 nofail", ["nofail"])]],
    ["removed", "tmpfs /tmp tmpfs size=1G\n", "", [change("/tmp", "removed", "tmpfs tmpfs size=1G", undefined, [], ["size=1G"])]],
    ["comments, blanks, no options", "# /dev/a /d ext4\n\n/dev/a\t/d  ext4\n", "/dev/a /d ext4 defaults\n", []],
    [
      "spaces in names",
      "/dev/a /my\\040disk ext4 a\n",
      "/dev/a /my\\040disk ext4 b\n",
      [change("/my disk", "options", "a", "b", ["b"], ["a"])],
    ],
    [
      "a password among the options",
      "//h/s /s cifs password=hunter22\n",
      "//h/s /s cifs password=swordfish\n",
      [change("/s", "options", "password=<redacted 1>", "password=<redacted 2>", ["password=<redacted 2>"], ["password=<redacted 1>"])],
    ],
  ])("%s", (_name, before, after, mounts) => {
    expect(fstab(before, after)).toEqual({ ...empty, mounts });
  });
  test("swap by device", () => {
    expect(fstab("/dev/s none swap defaults\n", "/dev/t none swap pri=1\n").swaps).toEqual([
      change("/dev/s", "removed", "/dev/s swap defaults", undefined, [], ["defaults"]),
      change("/dev/t", "added", undefined, "/dev/t swap pri=1", ["pri=1"]),
    ]);
  });
});

describe("sshd", () => {
  const sshd = (before: string, after: string) =>
    etc("ssh/sshd_config", before, after).sshd.map(({ directive, match, from, to }) => [match, directive, from, to]);
  test.each([
    [
      "the first value wins",
      "Port 22\nPermitRootLogin no\nPermitRootLogin yes\n",
      "Port 22\nPermitRootLogin no\nPermitRootLogin prohibit-password\n",
      [],
    ],
    [
      "a value that is put before another",
      "PermitRootLogin no\n",
      "PermitRootLogin yes\nPermitRootLogin no\n",
      [[undefined, "PermitRootLogin", ["no"], ["yes"]]],
    ],
    ["names without case, values with", "passwordauthentication no\n", "PasswordAuthentication no\n", []],
    ["equals signs, blanks and comments", "# x\nPort=22\n", "  Port   22\n", []],
    ["directives that collect", "Port 22\n", "Port 22\nPort 2222\n", [[undefined, "Port", ["22"], ["22", "2222"]]]],
    [
      "a subsystem by its name",
      "Subsystem sftp /a\n",
      "Subsystem sftp /a\nSubsystem netconf /b\n",
      [[undefined, "Subsystem", [], ["netconf /b"]]],
    ],
    [
      "a Match block ends at the next",
      "PasswordAuthentication no\n",
      "PasswordAuthentication no\nMatch User a\nPasswordAuthentication yes\nMatch Group b\nX11Forwarding no\n",
      [
        ["User a", "PasswordAuthentication", [], ["yes"]],
        ["Group b", "X11Forwarding", [], ["no"]],
      ],
    ],
    [
      "what stands behind a Match is not top level",
      "PermitRootLogin no\n",
      "Match User a\nPermitRootLogin no\n",
      [
        [undefined, "PermitRootLogin", ["no"], []],
        ["User a", "PermitRootLogin", [], ["no"]],
      ],
    ],
    [
      "one Match line twice: the first value wins",
      "Match User a\nX11Forwarding no\nMatch all\nMatch User a\nX11Forwarding yes\n",
      "Match User a\nX11Forwarding no\n",
      [],
    ],
  ])("%s", (_name, before, after, changes) => {
    expect(sshd(before, after)).toEqual(changes);
  });
  test("the file that the unit names is the one that counts", () => {
    const unit = (port: number): Parts => ({
      units: { "sshd.service": `[Service]\nExecStart=/bin/sshd -D -f ${store.file("sshd.conf", `Port ${port}\n`)}\n` },
      etc: { "ssh/sshd_config": "Port 1\n" },
    });
    expect(diff(unit(22), unit(2222)).sshd).toEqual([{ directive: "Port", match: undefined, from: ["22"], to: ["2222"] }]);
  });
});

describe("users and groups", () => {
  type Entry = Record<string, unknown>;
  const users = (list: Entry[], groups: Entry[] = [], mutableUsers = true, keys: Record<string, string> = {}): Parts => ({
    activate: `#### Activation script snippet users:\nperl ${store.file("update-users-groups.pl", "x")} ${store.file("users-groups.json", JSON.stringify({ users: list, groups, mutableUsers }))}\n`,
    etc: Object.fromEntries(Object.entries(keys).map(([name, text]) => [`ssh/authorized_keys.d/${name}`, text])),
  });
  const admin = { name: "admin", uid: 1000, group: "users", home: "/home/admin", shell: "/bin/bash", isSystemUser: false };
  const only = (before: Parts, after: Parts) => {
    const { users: changed, groups } = diff(before, after);
    return { users: changed, groups };
  };
  test.each([
    ["uid", { uid: 1001 }, { key: "uid", from: "1000", to: "1001" }],
    [
      "shell, hash taken out",
      { shell: `/nix/store/${"a".repeat(32)}-zsh-5.9/bin/zsh` },
      { key: "shell", from: "/bin/bash", to: "/nix/store/…-zsh-5.9/bin/zsh" },
    ],
    ["home", { home: "/root" }, { key: "home", from: "/home/admin", to: "/root" }],
    ["group", { group: "wheel" }, { key: "group", from: "users", to: "wheel" }],
    ["password by kind", { hashedPassword: "$y$j9T$salt$0123456789" }, { key: "password", from: "none", to: "hash" }],
    ["password from a file", { hashedPasswordFile: "/run/secrets/x" }, { key: "password", from: "none", to: "file" }],
    ["an account that is locked", { hashedPassword: "!" }, { key: "password", from: "none", to: "none, another value" }],
  ])("%s", (_name, change, field) => {
    expect(only(users([admin]), users([{ ...admin, ...change }]))).toEqual({
      users: [{ name: "admin", change: "changed", fields: [field], keysAdded: [], keysRemoved: [] }],
      groups: [],
    });
  });
  test("another password is told, its value never", () => {
    const with_ = (password: string): Parts => users([{ ...admin, hashedPassword: password }]);
    const result = diff(with_("$y$j9T$salt$0123456789"), with_("$y$j9T$pepper$abcdefghij"));
    expect(result.users).toMatchObject([{ fields: [{ key: "password", from: "hash", to: "hash, another value" }] }]);
    expect(JSON.stringify(result)).not.toMatch(/salt|pepper/);
  });
  test("groups, wheel among them", () => {
    const wheel = (members: string[]): Parts => users([admin], [{ name: "wheel", gid: 1, members }]);
    expect(only(wheel([]), wheel(["admin"]))).toEqual({
      users: [{ name: "admin", change: "changed", fields: [{ key: "groups", from: "", to: "wheel" }], keysAdded: [], keysRemoved: [] }],
      groups: [{ key: "wheel", from: "gid 1", to: "gid 1: admin" }],
    });
  });
  test("who comes and goes, and mutableUsers", () => {
    const result = only(users([admin]), users([{ ...admin, name: "deploy" }], [], false));
    expect(result.users.map(({ name, change }) => [name, change])).toEqual([
      ["admin", "removed"],
      ["deploy", "added"],
    ]);
    expect(result.groups).toEqual([{ key: "users.mutableUsers", from: "true", to: "false" }]);
  });
  test("keys as ssh-keygen shows them, with options and comment", () => {
    const directory = mkdtempSync(join(tmpdir(), "gate-key."));
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "me@laptop", "-f", join(directory, "key")]);
    const key = readFileSync(join(directory, "key.pub"), "utf8").trim();
    const shown = execFileSync("ssh-keygen", ["-lf", join(directory, "key.pub")], { encoding: "utf8" }).split(" ")[1];
    rmSync(directory, { recursive: true });
    const keys = (text: string): Parts => users([admin], [], true, { admin: text });
    expect(diff(keys("# nobody\n"), keys(`${key}\n`)).users).toEqual([
      { name: "admin", change: "changed", fields: [], keysAdded: [`ssh-ed25519 ${shown} me@laptop`], keysRemoved: [] },
    ]);
    const restricted = `restrict,command="/bin/x y" ${key}`;
    expect(diff(keys(key), keys(restricted)).users).toMatchObject([
      { keysAdded: [`restrict,command="/bin/x y" ssh-ed25519 ${shown} me@laptop`], keysRemoved: [`ssh-ed25519 ${shown} me@laptop`] },
    ]);
    expect(diff(keys(key), keys(key.replace("me@laptop", "me@desk"))).users).toEqual([]);
  });
  test("userborn and sysusers", () => {
    const userborn = (uid: number): Parts => ({
      units: {
        "userborn.service": `[Service]\nExecStart=/bin/userborn ${store.file("userborn.json", JSON.stringify({ users: [{ ...admin, isNormal: true, uid }], groups: [] }))} /etc\n`,
      },
    });
    expect(diff(userborn(1), userborn(2)).users).toMatchObject([{ name: "admin", fields: [{ key: "uid", from: "1", to: "2" }] }]);
    const sysusers = (uid: number): Parts => ({
      etc: { "sysusers.d/00-nixos.conf": `g a 5\nu a ${uid}:a "An account" /var/a /bin/sh\nm a wheel\n` },
    });
    expect(diff(sysusers(1), sysusers(2)).users).toMatchObject([{ name: "a", fields: [{ key: "uid", from: "1", to: "2" }] }]);
  });
  test("a list that cannot be read is not a list of nobody", () => {
    expect(diff(users([admin]), { activate: `perl ${store.file("users-groups.json", "{broken")}\n` }).users).toEqual([]);
  });
});

describe("sudo and PAM: order counts", () => {
  test("sudoers", () => {
    const result = etc(
      "sudoers",
      "# c\nroot ALL=(ALL) ALL\n%wheel  ALL=(ALL)   ALL\n",
      "root ALL=(ALL) ALL\n%wheel ALL=(ALL) \\\n  NOPASSWD: ALL\n",
    );
    expect(result.sudo).toEqual([
      { file: "/etc/sudoers", change: "removed", line: "%wheel ALL=(ALL) ALL" },
      { file: "/etc/sudoers", change: "added", line: "%wheel ALL=(ALL) NOPASSWD: ALL" },
    ]);
  });
  test("included files and doas", () => {
    expect(etc("sudoers.d/a", "", "a ALL=ALL\n").sudo).toEqual([{ file: "/etc/sudoers.d/a", change: "added", line: "a ALL=ALL" }]);
    expect(etc("doas.conf", "permit a\n", "permit nopass a\n").sudo).toHaveLength(2);
  });
  test("a PAM line that moves is removed and added; comments and hashes are nothing", () => {
    const pam = (hash: string): string => `auth required ${store.prefix}/${hash.repeat(32)}-linux-pam-1/lib/pam_deny.so # deny (order 1)\n`;
    expect(etc("pam.d/sshd", pam("a"), pam("b").replace("order 1", "order 2")).pam).toEqual([]);
    expect(etc("pam.d/sshd", "auth a\nauth b\nauth c\n", "auth b\nauth c\nauth a\n").pam).toEqual([
      { file: "/etc/pam.d/sshd", change: "removed", line: "auth a" },
      { file: "/etc/pam.d/sshd", change: "added", line: "auth a" },
    ]);
  });
});

describe("keys and rules", () => {
  test("sysctl: the last file and the last line win", () => {
    const files = (last: string): Parts => ({
      etc: {
        "sysctl.d/10-a.conf": "vm.swappiness=1\nnet/ipv4/conf/eth0.1/forwarding = 0\n",
        "sysctl.d/60-b.conf": `-vm.swappiness = ${last}\n# x=1\n`,
      },
    });
    expect(diff(files("2"), files("3")).sysctl).toEqual([{ key: "vm.swappiness", from: "2", to: "3" }]);
    expect(etc("sysctl.d/a.conf", "net/ipv4/conf/eth0.1/forwarding=0\n", "net.ipv4.conf.eth0/1.forwarding=0\n").sysctl).toEqual([]);
  });
  test("nix.conf: lists are sets", () => {
    expect(
      etc("nix/nix.conf", "trusted-users = root a\nsubstituters = x y\n", "trusted-users = root\nsubstituters = y  x # c\n").nixConf,
    ).toEqual([{ key: "trusted-users", from: "root a", to: "root" }]);
    expect(etc("nix/nix.conf", "", "access-tokens = github.com=abcdefgh\n!include /run/x\n").nixConf).toEqual([
      { key: "!include /run/x", from: undefined, to: "" },
      { key: "access-tokens", from: undefined, to: "github.com=<redacted 1>" },
    ]);
  });
  test("tmpfiles: rules of a directory that is a link as well", () => {
    const linked = (text: string): Parts => ({ etc: { "tmpfiles.d": { link: store.tree("tmpfiles.d", { "a.conf": text }) } } });
    expect(diff(linked("# c\nd /a 0700\n"), linked("R   /a  -\n")).tmpfiles).toEqual([
      { file: "/etc/tmpfiles.d/a.conf", change: "removed", line: "d /a 0700" },
      { file: "/etc/tmpfiles.d/a.conf", change: "added", line: "R /a -" },
    ]);
  });
  test("certificates by subject, the same bundle once", () => {
    const directory = mkdtempSync(join(tmpdir(), "gate-ca."));
    execFileSync(
      "openssl",
      [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-keyout",
        "/dev/null",
        "-out",
        join(directory, "ca.pem"),
        "-subj",
        "/CN=Test CA",
      ],
      { stdio: "ignore" },
    );
    const pem = readFileSync(join(directory, "ca.pem"), "utf8");
    rmSync(directory, { recursive: true });
    const broken = "-----BEGIN CERTIFICATE-----\nMIIF\n-----END CERTIFICATE-----\n";
    const bundle = (text: string): Parts => {
      const file = { link: store.file("bundle", text) };
      return { etc: { "ssl/certs/ca-certificates.crt": file, "ssl/certs/ca-bundle.crt": file } };
    };
    expect(diff(bundle(broken), bundle(pem)).certificates).toEqual([
      { file: "/etc/ssl/certs/ca-certificates.crt", change: "removed", line: expect.stringMatching(/^unreadable certificate \(SHA-256/) },
      {
        file: "/etc/ssl/certs/ca-certificates.crt",
        change: "added",
        line: expect.stringMatching(/^CN=Test CA \(SHA-256 [0-9a-f]{16}…, until /),
      },
    ]);
  });
  test("activation snippets", () => {
    const script = (...snippets: [string, string][]): Parts => ({
      activate: `#!/bin/sh\nhead\n${snippets.map(([name, text]) => `#### Activation script snippet ${name}:\n${text}\n`).join("")}# Make this configuration the current configuration.\nln -sfn x\n`,
    });
    const etcHash = (hash: string): [string, string] => ["etc", `setup ${store.prefix}/${hash.repeat(32)}-etc/etc`];
    const result = diff(
      script(etcHash("a"), ["users", "true"], ["old", "x"]),
      script(etcHash("b"), ["users", "false"], ["new", "TOKEN=abcdefgh"]),
    ).activation;
    expect(result.map(({ snippet, change, hashOnly }) => [snippet, change, hashOnly])).toEqual([
      ["etc", "changed", true],
      ["users", "changed", false],
      ["new", "added", false],
      ["old", "removed", false],
    ]);
    expect(JSON.stringify(result)).not.toMatch(/abcdefgh|ln -sfn/);
  });
});

test("sides mirror each other, and nothing differs from itself", () => {
  const one = store.system({
    etc: {
      fstab: "/dev/a / ext4 a,b\n/dev/s none swap x\n",
      "ssh/sshd_config": "Port 22\nMatch User a\nPermitTTY no\n",
      sudoers: "a ALL\n",
      "nix/nix.conf": "cores = 1\n",
      "tmpfiles.d/a": "d /a\n",
    },
  });
  const other = store.system({
    etc: {
      fstab: "/dev/b / xfs b\n",
      "ssh/sshd_config": "Port 23\n",
      sudoers: "b ALL\n",
      "nix/nix.conf": "max-jobs = 1\n",
      "sysctl.d/a.conf": "a=1\n",
    },
  });
  expect(diffSettings(store.files, one, one)).toEqual(empty);
  const there = diffSettings(store.files, one, other);
  const back = diffSettings(store.files, other, one);
  const mirror = (value: string): string => ({ added: "removed", removed: "added" })[value] ?? value;
  const sides = (list: readonly { from?: unknown; to?: unknown }[]): unknown[] => list.map((entry) => ({ from: entry.to, to: entry.from }));
  for (const key of ["sshd", "sysctl", "nixConf", "mounts", "swaps"] as const)
    expect(sides(back[key]), key).toEqual(there[key].map(({ from, to }) => ({ from, to })));
  for (const key of ["sudo", "tmpfiles", "pam"] as const) {
    expect(new Set(back[key].map(({ change, line }) => `${mirror(change)} ${line}`)), key).toEqual(
      new Set(there[key].map(({ change, line }) => `${change} ${line}`)),
    );
  }
});
