import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Observation } from "../../src/target/observation.ts";
import { observeProgram } from "../../src/target/observe-program.ts";
import { readObservation } from "../../src/target/read-observation.ts";
import { type ProgramOptions, runProgram } from "./run-program.ts";

const here = mkdtempSync(join(tmpdir(), "gate-observe."));
const root = join(here, "root");
const hash = (letter: string): string => letter.repeat(32);
const [first, second, special] = [
  `/nix/store/${hash("a")}-nixos-system-web-26.05`,
  `/nix/store/${hash("b")}-nixos-system-web-26.05`,
  `/nix/store/${hash("c")}-nixos-system-web-26.05`,
];

/** The program as it is, looking at another root: the paths in it are moved, and nothing else. */
const moved = observeProgram.replaceAll(/(?<=[\s"'=|(<])\/(nix\/var|run|etc|var\/lib|proc|dev)(?=[/\s"])(?!\/null)/g, `${root}/$1`);

const shells = [
  ["sh", ["/bin/sh"]],
  ["dash", ["dash"]],
  ["bash", ["bash", "--posix", "--norc"]],
  ["busybox", ["busybox", "sh"]],
] as const;
const present = shells.filter(([, [command]]) => {
  try {
    execFileSync("/bin/sh", ["-c", 'command -v "$1"', "sh", command], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
});

function place(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}
function link(path: string, target: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  symlinkSync(target, join(root, path));
}

/** Stands for a tool of the host: says what is given, whatever it is asked. */
function tool(name: string, script: string): void {
  mkdirSync(join(here, "bin"), { recursive: true });
  writeFileSync(join(here, "bin", name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

beforeAll(() => {
  place("proc/sys/kernel/hostname", "web\n");
  place("proc/sys/kernel/random/boot_id", "baff9136-f5ac-4acb-9b11-684014e6cf12\n");
  place("proc/sys/kernel/osrelease", "6.12.58\n");
  place("proc/sys/net/ipv4/ip_forward", "1\n");
  place("proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n");
  place("proc/uptime", "13403.30 11709.10\n");
  place("proc/cmdline", `init=${first}/init loglevel=4\n`);
  place("proc/modules", "zfs 1 0 - Live 0x0\nvirtio_blk 2 1 zfs, Live 0x0\n");
  place("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n/dev/dm-1 partition 1 0 -2\n/var/swap\\040file file 1 0 -3\n");
  place(
    "proc/1/mountinfo",
    [
      "22 1 253:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw",
      "23 22 253:2 / /srv/with\\040space rw,nosuid shared:2 master:1 - ext4 /dev/vda2 rw,discard",
      "24 22 0:33 /@home /home rw,noatime - btrfs /dev/vdb rw,compress=zstd:3,subvol=/@home",
      "",
    ].join("\n"),
  );
  place(
    "proc/1/net/tcp",
    "  sl  local_address rem_address   st\n   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 0\n   1: 0100007F:0016 0100007F:A1B2 01 0\n",
  );
  place("proc/1/net/tcp6", "  sl\n   0: 00000000000000000000000001000000:0277 00000000000000000000000000000000:0000 0A 0\n");
  place("proc/1/net/udp", "  sl\n  10: 0100007F:0143 00000000:0000 07 0\n");
  place("proc/self/cgroup", "0::/user.slice/user-0.slice/session-c7.scope\n");
  place(
    "proc/417/cmdline",
    `nginx: master process /nix/store/${hash("d")}-nginx-1.28/bin/nginx -c /nix/store/${hash("f")}-nginx.conf\0--password=hunter2\0`,
  );
  link("proc/417/exe", `/nix/store/${hash("d")}-nginx-1.28/bin/nginx (deleted)`);
  place("etc/machine-id", "3d1219c7c4c5404aaa1f6d2a48adfda4\n");
  place("etc/NIXOS", "");
  for (const system of [first, second, special]) place(`${system.slice(1)}/kernel-params`, "loglevel=4");
  // The store of this test stands elsewhere: links are told as they are, and those below are real directories.
  link("nix/var/nix/profiles/system-9-link", first);
  link("nix/var/nix/profiles/system-10-link", second);
  place("run/systemd/shutdown/scheduled", "USEC=1795539600000000\nMODE=reboot\n");
  mkdirSync(join(root, "run/nixos"), { recursive: true });
  mkdirSync(join(root, "var/lib"), { recursive: true });
  link("dev/disk/by-label/my\\x20disk", "../../vda2");
  place("dev/vda2", "");
  tool(
    "systemctl",
    `case "$*" in
  is-system-running) echo degraded; exit 1 ;;
  list-units*) printf 'weird@a\\\\x2db.service loaded failed failed A  b\\n' ;;
  *--timestamp=unix*show* | show*--timestamp=unix*) cat <<'END'
Id=nginx.service
LoadState=loaded
ActiveState=active
SubState=running
Result=success
NeedDaemonReload=yes
FragmentPath=/etc/systemd/system/nginx.service
MainPID=417
NRestarts=2
ExecMainStatus=0
ActiveEnterTimestamp=@1795500000

Id=weird@a\\x2db.service
LoadState=loaded
ActiveState=failed
SubState=failed
Result=exit-code
NeedDaemonReload=no
FragmentPath=
MainPID=0
NRestarts=0
ExecMainStatus=3
ActiveEnterTimestamp=

Id=nixos-rebuild-switch-to-configuration.service
ActiveState=activating
SubState=start
MainPID=0
END
  ;; esac`,
  );
  tool(
    "loginctl",
    `case "$1" in
  list-sessions) echo " c7 0 root - pts/0"; echo "  5 1000 ann - pts/1"; echo " 6 1000 ann - -" ;;
  show-session) printf 'Id=c7\\nName=root\\nClass=user\\nState=active\\n\\nId=5\\nName=ann\\nClass=user\\nState=active\\n\\nId=6\\nName=bob\\nClass=manager\\nState=active\\n' ;;
esac`,
  );
});
afterAll(() => rmSync(here, { recursive: true, force: true }));

async function observed(program: string, options: ProgramOptions = {}): Promise<Observation> {
  const { records, stderr, exitCode } = await runProgram(program, {
    arguments: ["full", "net/ipv4/ip_forward\nnet/ipv4/tcp_rmem\n../../etc/machine-id\n/etc/machine-id\nno/such"],
    env: { PATH: `${join(here, "bin")}:${process.env["PATH"] ?? ""}` },
    ...options,
  });
  expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
  const read = readObservation(records);
  if (!read.ok) throw new Error(read.problem);
  return read.value;
}

describe.each(present)("%s", (_, shell) => {
  test("tells what a NixOS host is and runs", async () => {
    const seen = await observed(moved, { shell });
    expect(seen.identity).toEqual({ name: "web", machineId: "3d1219c7c4c5404aaa1f6d2a48adfda4" });
    expect(seen).toMatchObject({ isNixos: true, uptimeSeconds: 13403.3, switchLock: "free", systemState: "degraded" });
    expect(seen.generations.map(({ number, toplevel }) => [number, toplevel])).toEqual([
      [10, second],
      [9, first],
    ]);
    expect(seen.generations[0]?.at?.getFullYear()).toBeGreaterThan(2020);
    expect(seen.scheduledShutdown).toEqual(new Date(1_795_539_600_000));
    expect(seen.failedUnits).toEqual(["weird@a\\x2db.service"]);
    expect(seen.activations).toEqual(["nixos-rebuild-switch-to-configuration.service"]);
    expect(seen.kernel).toEqual({ release: "6.12.58", commandLine: `init=${first}/init loglevel=4`, modules: ["zfs", "virtio_blk"] });
    expect(seen.mounts[1]).toEqual({
      target: "/srv/with space",
      source: "/dev/vda2",
      root: "/",
      type: "ext4",
      options: ["rw", "nosuid"],
      superOptions: ["rw", "discard"],
    });
    expect(seen.swaps).toEqual(["/dev/dm-1", "/var/swap file"]);
    expect(seen.listening).toEqual([
      { protocol: "tcp", address: "0.0.0.0", port: 22 },
      { protocol: "tcp", address: "::1", port: 631 },
      { protocol: "udp", address: "127.0.0.1", port: 323 },
    ]);
    expect(seen.units[0]).toEqual({
      unit: "nginx.service",
      loadState: "loaded",
      activeState: "active",
      subState: "running",
      result: "success",
      needDaemonReload: true,
      fragmentPath: "/etc/systemd/system/nginx.service",
      mainPid: 417,
      executable: `/nix/store/${hash("d")}-nginx-1.28/bin/nginx (deleted)`,
      runs: [`/nix/store/${hash("d")}-nginx-1.28/bin/nginx`, `/nix/store/${hash("f")}-nginx.conf`],
      restarts: 2,
      execMainStatus: 0,
      activeSince: new Date(1_795_500_000_000),
    });
    expect(seen.loggedIn).toEqual(["ann"]);
    expect([...seen.sysctl]).toEqual([
      ["net.ipv4.ip_forward", "1"],
      ["net.ipv4.tcp_rmem", "4096 131072 6291456"],
    ]);
    expect([...seen.devices].map(([from, to]) => [from.slice(root.length), to.slice(root.length)])).toEqual([
      ["/dev/disk/by-label/my\\x20disk", "/dev/vda2"],
    ]);
    expect(seen).toMatchObject({ ledger: undefined, ledgerState: "absent" });
  });

  test("lives without tools: a fact that cannot be had is not there", async () => {
    const bare = join(here, `bare-${_}`);
    mkdirSync(bare);
    // What the prelude itself needs, and the clock.
    for (const name of ["head", "base64", "cat", "sleep", "date"])
      symlinkSync(execFileSync("/bin/sh", ["-c", 'command -v "$1"', "sh", name], { encoding: "utf8" }).trim(), join(bare, name));
    const [command, ...words] = shell;
    const absolute = execFileSync("/bin/sh", ["-c", 'command -v "$1"', "sh", command], { encoding: "utf8" }).trim();
    const { records, exitCode } = await runProgram(moved, { shell: [absolute, ...words], env: { PATH: bare } });
    const read = readObservation(records);
    if (!read.ok) throw new Error(read.problem);
    expect(exitCode).toBe(0);
    expect(read.value).toMatchObject({ isNixos: true, systemState: "unknown", units: [], loggedIn: undefined, sshd: [] });
    expect(read.value.mounts).toHaveLength(3);
    expect(read.value.listening).toHaveLength(3);
  });
});

test("no command line leaves the host, only the store paths in it", async () => {
  const { records } = await runProgram(moved, { env: { PATH: `${join(here, "bin")}:${process.env["PATH"] ?? ""}` } });
  const said = records.find((record) => record.name === "command-lines")?.value ?? "";
  expect(said.split("\n").map((line) => line.slice(line.indexOf(":") + 1))).toEqual([
    `/nix/store/${hash("d")}-nginx-1.28/bin/nginx`,
    `/nix/store/${hash("f")}-nginx.conf`,
  ]);
  expect(JSON.stringify(records)).not.toContain("hunter2");
});

test("the switch lock is looked at, not made, and held is held", async () => {
  const lock = join(root, "run/nixos/switch-to-configuration.lock");
  expect((await observed(moved)).switchLock).toBe("free");
  expect(existsSync(lock)).toBe(false);
  writeFileSync(lock, "");
  try {
    expect((await observed(moved)).switchLock).toBe("free");
    const held = `flock -x ${lock} true; exec 8<${lock}; flock -x 8\n${moved}`;
    expect((await observed(held)).switchLock).toBe("held");
    expect((await observed(moved)).switchLock).toBe("free");
  } finally {
    rmSync(lock);
  }
});

test("a ledger is read to its newest 500 lines; one that cannot be read is not an absent one", async () => {
  const ledger = "var/lib/nixos-deploy-gate/ledger.jsonl";
  const lines = Array.from({ length: 600 }, (_, index) => `{"line":${index}}`);
  place(ledger, `${lines.join("\n")}\n`);
  const read = await observed(moved);
  expect(read.ledgerState).toBe("read");
  expect(read.ledger).toEqual(lines.slice(-500));
  place(ledger, "");
  expect(await observed(moved)).toMatchObject({ ledger: [], ledgerState: "read" });
  rmSync(join(root, ledger));
  mkdirSync(join(root, ledger));
  expect(await observed(moved)).toMatchObject({ ledger: undefined, ledgerState: "unreadable" });
  rmSync(dirname(join(root, ledger)), { recursive: true });
});

test("a ledger beyond its bound begins with a whole line", async () => {
  const ledger = "var/lib/nixos-deploy-gate/ledger.jsonl";
  const lines = Array.from({ length: 450 }, (_, index) => JSON.stringify({ index, text: "x".repeat(3000) }));
  place(ledger, `${lines.join("\n")}\n`);
  const { ledger: read } = await observed(moved);
  expect(read?.length).toBeGreaterThan(300);
  expect(read).toEqual(lines.slice(-(read?.length ?? 0)));
  rmSync(dirname(join(root, ledger)), { recursive: true });
});

test("a specialisation is known by the link of its parent", async () => {
  const store = join(here, "links");
  mkdirSync(join(store, "base", "specialisation"), { recursive: true });
  mkdirSync(join(store, "special"));
  symlinkSync(join(store, "special"), join(store, "base", "specialisation", "gaming"));
  link("nix/var/nix/profiles/system", join(store, "base"));
  link("run/current-system", join(store, "special"));
  const { records } = await runProgram(moved);
  const value = (name: string): string | undefined => records.find((record) => record.name === name)?.value;
  rmSync(join(root, "nix/var/nix/profiles/system"));
  rmSync(join(root, "run/current-system"));
  expect(value("current")).toBe(join(store, "special"));
  expect(value("specialisations")).toBe(`${join(root, "nix/var/nix/profiles/system/specialisation/gaming")}\t${join(store, "special")}\n`);
});

test("this machine answers, as root and as somebody else", async () => {
  const env = { PATH: process.env["PATH"] ?? "" };
  const users = process.getuid?.() === 0 ? [undefined, 65_534] : [undefined];
  for (const uid of users) {
    const seen = await observed(observeProgram, { env, arguments: ["full", "kernel/pid_max"], ...(uid === undefined ? {} : { uid }) });
    expect(seen.mounts.some((mount) => mount.target === "/")).toBe(true);
    expect(seen.sysctl.get("kernel.pid_max")).toMatch(/^\d+$/);
    expect(seen.kernel.release).not.toBe("");
  }
  expect(readdirSync("/").length).toBeGreaterThan(0);
});
