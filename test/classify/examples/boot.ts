import { bump, file, initrd, unitChange, units } from "../literals.ts";
import { known, type Examples } from "./example.ts";

const changed = { from: "a", to: "b", changed: true } as const;
const kernel = { kernel: { ...changed, from: "6.12.58", to: "6.12.59", direction: "up" as const } };
const initrdChanged = { system: { initrd: changed } };
const files = (...paths: readonly string[]) => ({ initrd: initrd({ files: new Set(paths) }) });
const params = (added: readonly string[], removed: readonly string[] = []) => ({
  system: { kernelParams: { changed: true, added, removed } },
});
const loader = (key: string, from: string, to: string) => ({ system: { bootLoader: { ...changed, settings: [{ key, from, to }] } } });
const lostSsh = { before: files("etc/ssh/sshd_config", "nix/store/x-extra-utils/bin/sshd"), after: files("init"), ...initrdChanged };
const stage1 = (line: string) => ({ initrd: initrd({ texts: new Map([["nix/store/x-stage-1-init.sh", `#!/bin/ash\n${line}\n`]]) }) });

export const bootExamples: Examples = {
  kernel: {
    fires: [{ system: kernel }, { system: { kernelModules: changed } }],
    misses: [{ packages: [bump("linux-headers", "6.12", "6.13")] }],
  },
  "kernel-series": {
    fires: [
      { system: { kernel: { ...changed, series: "changed", direction: "up" } } },
      { system: { kernel: { ...changed, direction: "down" } } },
    ],
    misses: [{ system: kernel }],
  },
  "kernel-gone": {
    fires: [{ after: { kernel: undefined } }, { after: { initrd: undefined } }],
    misses: [{ before: { kernel: undefined, initrd: undefined }, after: { kernel: undefined, initrd: undefined } }],
  },
  "module-misfit": {
    fires: [{ system: { kernelModules: { changed: true, misfits: ["6.12.58"] } } }],
    misses: [{ system: { kernelModules: { changed: true, misfits: [] } } }],
  },
  "kernel-params": { fires: [params(["mitigations=off"])], misses: [{}] },
  "boot-stopping-param": {
    fires: [
      params(["init=/bin/sh"]),
      params(["single"]),
      params(["rd.break"]),
      params(["module_blacklist=virtio_net"]),
      params([], ["root=/dev/sda1"]),
    ],
    misses: [params(["zfs.zfs_txg_timeout=2"]), params(["quiet", "splash"]), params(["module_blacklist=pcspkr"]), params([], ["single"])],
  },
  "driver-blacklisted": {
    fires: [
      { files: [file("/etc/modprobe.d/nixos.conf", ["+blacklist virtio_net"])] },
      { files: [file("/etc/modprobe.d/nixos.conf", ["+install nvme /bin/false"])] },
      { files: [file("/etc/modprobe.d/nixos.conf", ["+blacklist igb"])], facts: { uplinkDriver: "igb" } },
    ],
    misses: [
      { files: [file("/etc/modprobe.d/nixos.conf", ["+blacklist nouveau", "+install esp4 /bin/false"])] },
      { files: [file("/etc/modprobe.d/nixos.conf", ["+blacklist iwlwifi"])], facts: { uplinkDriver: "igb" } },
      { files: [file("/etc/modprobe.d/nixos.conf", ["-blacklist igb"])] },
    ],
  },
  "module-settings": {
    fires: [{ files: [file("/etc/modules-load.d/nixos.conf", ["+coyote"])] }],
    misses: [{ files: [file("/etc/modprobe.d/nixos.conf", ["+# nothing"])] }],
  },
  firmware: { fires: [{ system: { firmware: changed } }], misses: [{ packages: [bump("linux-firmware", "1", "2")] }] },
  "userland-module-pair": {
    fires: [{ packages: [bump("nvidia-x11", "440.82-5.4.46", "440.100-5.4.51")] }, { packages: [bump("zfs-user", "2.3.4", "2.4.0")] }],
    misses: [
      { packages: [bump("nvidia-x11", "580.105.08-6.12.58", "580.105.08-6.12.59")] },
      { packages: [bump("zfs-kernel", "2.4.1-6.18.16", "2.4.1-6.18.17")] },
    ],
  },
  "boot-space": {
    fires: [{ system: kernel, facts: { bootFreeBytes: 5_000_000 } }],
    misses: [{ system: kernel }, { facts: { bootFreeBytes: 1 } }],
    unknown: { system: kernel, facts: {}, fact: "bootFreeBytes", plain: "reboot", careful: "risky" },
  },
  "systemd-major": {
    fires: [{ before: { systemd: { path: "x", version: "257.9" } } }, { before: { systemd: { path: "x", version: "258.3" } } }],
    misses: [{ before: { systemd: { path: "x", version: "258.1" } } }],
  },
  initrd: { fires: [initrdChanged], misses: [{ system: kernel }] },
  "initrd-driver-lost": {
    fires: [
      { system: { initrd: { ...changed, modulesRemoved: ["virtio_blk"] } } },
      { system: { initrd: { ...changed, modulesRemoved: ["nvme"] } }, facts: { virtualisation: "none (bare metal)" } },
    ],
    misses: [
      {
        system: { initrd: { ...changed, modulesRemoved: ["nvme", "ahci"] } },
        facts: { virtualisation: "kvm, virtio", rootDevice: "/dev/vda" },
      },
      { system: { initrd: { ...changed, modulesRemoved: ["radeon"] } } },
      { system: { initrd: { ...changed, modulesRemoved: ["xfs"] } }, facts: { rootFs: "ext4" } },
    ],
  },
  "initrd-kind": {
    fires: [{ after: { initrd: initrd({ kind: "systemd" }) } }],
    misses: [{}, { after: { initrd: initrd({ kind: "unknown" }) } }],
  },
  "initrd-remote-unlock-lost": {
    fires: [{ ...lostSsh, facts: { needsPassphraseAtBoot: true, unlockedOver: "ssh in the initrd" } }],
    misses: [{ before: files("etc/ssh/sshd_config"), after: files("etc/ssh/sshd_config"), ...initrdChanged }],
    unknown: { ...lostSsh, facts: {}, fact: "needsPassphraseAtBoot", plain: "reboot", careful: "risky" },
  },
  "initrd-remote-unlock-new": {
    fires: [{ before: files("init"), after: files("init", "etc/systemd/network/10-uplink.network"), ...initrdChanged }],
    misses: [lostSsh],
  },
  "initrd-disks": {
    fires: [
      { before: stage1("zpool import -N zroot"), after: stage1("zpool import -N tank"), ...initrdChanged },
      { before: stage1("mountFS /dev/disk/by-uuid/1 / ext4"), after: stage1("mountFS /dev/mapper/root / ext4"), ...initrdChanged },
      { before: stage1("zpool import -N zroot"), after: stage1("zpool import -f -N zroot"), ...initrdChanged },
    ],
    misses: [{ before: stage1("console=tty1"), after: stage1("console=tty0"), ...initrdChanged }],
  },
  "zpool-force-import": {
    fires: [
      {
        units: [unitChange("zfs-import-tank.service", "nothing", { diff: "@@ @@\n-Environment=ZFS_FORCE=-f\n+Environment=ZFS_FORCE=\n" })],
      },
      { files: [file("/etc/hostid", ["-8425e349", "+deadbeef"])] },
    ],
    misses: [{ units: [unitChange("zfs-scrub.service", "nothing", { diff: "@@ @@\n+-f\n" })] }],
  },
  "initrd-secrets": {
    fires: [{ files: [file("append-initrd-secrets", ['+cp -a /etc/keys/disk.key "$tmp"/etc/keys/disk.key'])] }],
    misses: [{ files: [file("backup.service → backup-start", ["+cp -a /a /b"])] }],
  },
  "boot-loader": {
    fires: [
      { after: { bootLoader: { kind: "grub", installer: undefined, settings: new Map() } } },
      loader("devices", "/dev/sda", "/dev/sdb"),
      loader("CAN_TOUCH_EFI_VARIABLES", "1", "0"),
      loader("EFI_SYS_MOUNT_POINT", "/boot", "/efi"),
    ],
    misses: [loader("TIMEOUT", "10", "15"), loader("CONFIGURATION_LIMIT", "20", "10"), loader("EDITOR", "True", "False")],
  },
  "boot-counting": {
    fires: [
      loader("BOOT_COUNTING", "False", "True"),
      {
        after: { units: units("sshd.service", "systemd-bless-boot.service") },
        units: [unitChange("systemd-bless-boot.service", "start", { change: "added" })],
      },
    ],
    misses: [loader("TIMEOUT", "10", "15")],
  },
  "dbus-implementation": {
    fires: [{ system: { dbus: { from: "dbus", to: "broker", changed: true } } }],
    misses: [{ packages: [bump("dbus", "1.16.0", "1.16.2")] }],
  },
  "switch-inhibitor": {
    fires: [{ system: { switchInhibitors: { changed: true, known: true, keys: [{ key: "raid", from: "a", to: "b" }] } } }],
    misses: [{ system: { switchInhibitors: { changed: true, known: true, keys: [{ key: "raid", from: undefined, to: "b" }] } } }],
  },
  "reboot-trigger": {
    fires: [{ system: { rebootTriggers: { changed: true, known: true, keys: [{ key: "kernel", from: "a", to: "b" }] } } }],
    misses: [
      { system: { rebootTriggers: { changed: true, known: true, keys: [{ key: "kernel", from: undefined, to: "b" }] } } },
      { system: { rebootTriggers: { changed: true, known: false, keys: [{ key: "kernel", from: "a", to: "b" }] } } },
    ],
  },
  "init-interface": { fires: [{ system: { initInterface: changed } }], misses: [{}] },
  "unit-kept-until-boot": {
    fires: [
      { units: [unitChange("display-manager.service", "skip")] },
      {
        units: [unitChange("docker.service", "skip", { hashOnly: true })],
        files: [file("docker.service → daemon.json", ['+"log-driver": "json-file"'])],
      },
    ],
    misses: [
      { units: [unitChange("display-manager.service", "skip", { hashOnly: true })] },
      { units: [unitChange("getty@.service", "skip"), unitChange("user@.service", "skip"), unitChange("systemd-logind.service", "skip")] },
      { units: [unitChange("nginx.service", "restart")] },
    ],
  },
  "logind-settings": {
    fires: [{ files: [file("/etc/systemd/logind.conf", ["-HandleLidSwitch=suspend", "+HandleLidSwitch=ignore"])] }],
    misses: [
      { files: [file("/etc/systemd/journald.conf", ["+SystemMaxUse=2G"])] },
      { files: [file("/etc/systemd/logind.conf", ["+HandleLidSwitch=ignore"])], units: [unitChange("systemd-logind.service", "reload")] },
    ],
  },
  "host-name": { fires: [{ files: [file("/etc/hostname", ["-a", "+b"])] }], misses: [{ files: [file("/etc/hosts", ["+127.0.0.2 b"])] }] },
  "zram-size": {
    fires: [
      {
        files: [file("/etc/systemd/zram-generator.conf", ["-zram-size = ram / 2", "+zram-size = ram / 4"])],
        facts: { hostUsesSwap: true },
      },
    ],
    misses: [
      { files: [file("/etc/systemd/zram-generator.conf", ["+zram-size = ram / 4"], { change: "added" })], facts: { hostUsesSwap: true } },
      {
        files: [file("/etc/systemd/zram-generator.conf", ["-zram-size = ram / 2", "+zram-size = ram / 4"])],
        facts: { ...known, hostUsesSwap: false },
      },
    ],
    unknown: {
      files: [file("/etc/systemd/zram-generator.conf", ["-zram-size = ram / 2", "+zram-size = ram / 4"])],
      facts: {},
      fact: "hostUsesSwap",
      plain: "clean",
      careful: "reboot",
    },
  },
};
