import type { System } from "../../diff/system.ts";
import { isStorageDriver, needed } from "../drivers.ts";
import { contents, has, networkFiles } from "../initrd-view.ts";
import { type Rule, type RuleContext, type Sighting } from "../rule.ts";

export const initrdChanged: Rule = {
  id: "initrd",
  family: "kernel-and-boot",
  verdict: "reboot",
  title: "Another initrd",
  hazard: "What the initrd brings takes part in the next boot, and only there.",
  check: "Is there a window for the boot?",
  see: ({ diff }): Sighting[] => {
    const { initrd } = diff.system;
    if (!initrd.changed) return [];
    const { modulesAdded, modulesRemoved, filesChanged } = initrd;
    return [
      {
        subject: "initrd",
        from: initrd.from,
        to: initrd.to,
        evidence: [
          ...modulesRemoved.map((name) => `- module ${name}`),
          ...modulesAdded.map((name) => `+ module ${name}`),
          ...filesChanged.map((path) => `~ ${path}`),
        ],
      },
    ];
  },
};

export const initrdDriver: Rule = {
  id: "initrd-driver-lost",
  family: "kernel-and-boot",
  verdict: "risky",
  mode: "switch-then-reboot",
  title: "The initrd loses a driver that the root disk may need",
  hazard: "Without the driver of its disk, of its encryption or of its file system stage 1 finds no root and stops.",
  check: "Compare with `lsmod` and `lsblk` of the host: which of these does its root use?",
  see: (context): Sighting[] => {
    const { diff, facts, after, before } = context;
    const { modulesRemoved } = diff.system.initrd;
    const root = before?.mounts.find((mount) => mount.mountPoint === "/");
    const lost = modulesRemoved.filter(
      (name) =>
        isStorageDriver(name) &&
        mayUse(
          name,
          `${facts.virtualisation ?? ""}`,
          `${facts.rootDevice?.toString() ?? ""} ${root?.device ?? ""}`,
          `${facts.rootFs ?? ""} ${root?.fsType ?? ""}`,
        ),
    );
    // The network driver matters here only where something in stage 1 talks over the network.
    const remote = has(contents(after), networkFiles)
      ? modulesRemoved.filter((name) => !isStorageDriver(name) && needed(name, facts.uplinkDriver))
      : [];
    const all = [...lost, ...remote];
    return all.length === 0 ? [] : [{ subject: "initrd", evidence: all.map((name) => `- module ${name}`) }];
  },
};

/** A driver is cleared only by what is known of the host: an unknown machine may use any of them. */
function mayUse(driver: string, virtualisation: string, device: string, fileSystem: string): boolean {
  const guest = /virtio|kvm|qemu/i.test(virtualisation);
  if (
    guest &&
    /^(nvme|nvme_core|ahci|ata_piix|sata_.+|megaraid_sas|mpt3sas|hpsa|aacraid|smartpqi|mmc_block|sdhci.*|usb_storage|uas|xen_blkfront|hv_.+|vmw_pvscsi|mptspi)$/.test(
      driver,
    )
  )
    return new RegExp(driver.replace(/_core$/, "")).test(device);
  if (/^(ext4|xfs|btrfs|f2fs|zfs|spl|vfat|nfsv?\d?)$/.test(driver) && fileSystem.trim() !== "" && !/luks|lvm/i.test(fileSystem))
    return fileSystem.includes(driver === "spl" ? "zfs" : driver);
  if (/^(uas|usb_storage)$/.test(driver)) return /usb/i.test(device) || device.trim() === "";
  return true;
}

export const initrdKind: Rule = {
  id: "initrd-kind",
  family: "kernel-and-boot",
  verdict: "risky",
  mode: "switch-then-reboot",
  title: "Stage 1 changes between script and systemd",
  hazard: "LVM, LUKS, ZFS, network and ssh in stage 1 are set up in other ways; what is not carried over is missing at the next boot.",
  check: "Does boot.initrd.systemd know every disk, pool and key of this host? Boot it once with a console at hand.",
  see: (context): Sighting[] => {
    const [from, to] = [contents(context.before)?.kind, contents(context.after)?.kind];
    return from === undefined || to === undefined || from === to || from === "unknown" || to === "unknown"
      ? []
      : [{ subject: "initrd", from, to, evidence: [`${from} → ${to}`] }];
  },
};

/** Lines of stage 1 that find, open and mount disks. The words are those of the scripted stage 1, of crypttab, fstab and of units in a systemd initrd. */
const diskLine =
  /\b(zpool import|cryptsetup|luksOpen|openLuks|open_?(device|normally|passphrase)|mountFS|vgchange|mdadm|bcachefs unlock|zfs load-key|specialMount|resumeDevice|resume=)\b|^\s*\/dev\/|^\S+\s+(UUID=|\/dev\/|PARTUUID=|LABEL=)|ExecStart=.*(zpool|cryptsetup|vgchange)|\/dev\/(disk\/by-|mapper\/|md|vd|sd|nvme|zvol)/i;

export const initrdDisks: Rule = {
  id: "initrd-disks",
  family: "kernel-and-boot",
  verdict: "risky",
  mode: "switch-then-reboot",
  title: "Stage 1 opens or mounts other disks",
  hazard: "If a pool, a LUKS device or the root is not found under its new name the boot stops in stage 1.",
  check: "Do these names exist on the running host: `lsblk`, `zpool status`, `blkid`?",
  see: ({ before, after, diff }): Sighting[] => {
    if (!diff.system.initrd.changed) return [];
    const texts = (system: System | undefined): string[] =>
      [...(contents(system)?.texts ?? [])]
        .filter(
          ([path]) => /stage-1-init|crypttab|fstab|mdadm\.conf|zfs-import|cryptsetup|lvm/.test(path) || /\/systemd\/system\//.test(path),
        )
        .flatMap(([, text]) =>
          text
            .split("\n")
            .map((line) => line.replaceAll(/\/nix\/store\/[0-9a-z]{32}-[^/\s]+/g, "…").trim())
            .filter((line) => diskLine.test(line) && !line.startsWith("#")),
        );
    // A stage 1 of another kind says everything in other words; that is a finding of its own.
    if (contents(before)?.kind !== contents(after)?.kind) return [];
    const [old, now] = [texts(before), texts(after)];
    const lines = [
      ...old.filter((line) => !now.includes(line)).map((line) => `- ${line}`),
      ...now.filter((line) => !old.includes(line)).map((line) => `+ ${line}`),
    ];
    return lines.length === 0 ? [] : [{ subject: "initrd", evidence: lines }];
  },
};

/** The pool's force flag decides whether a pool that another machine had is taken over without asking. */
export const poolForceImport: Rule = {
  id: "zpool-force-import",
  family: "kernel-and-boot",
  verdict: "risky",
  mode: "switch-then-reboot",
  title: "ZFS pools are imported with or without force",
  hazard: "Without force a pool that was not exported cleanly is refused at boot; with force a pool that another host uses is destroyed.",
  check: "Is the hostid of this machine the one in the pool: `zdb -C | grep hostid`?",
  see: ({ diff }: RuleContext): Sighting[] => {
    const changes = diff.units.filter(
      (change) =>
        /^zfs-import-.+\.service$/.test(change.name) &&
        change.change === "changed" &&
        !change.hashOnly &&
        /(ZFS_FORCE|zpool import|-f\b)/.test(change.diff),
    );
    const files = diff.files.filter(
      (file) => !file.hashOnly && /zfs-import/.test(file.path) && /^[+-].*(ZFS_FORCE|zpool import|poolImport)/m.test(file.diff),
    );
    const hostid = diff.files.filter((file) => file.path === "/etc/hostid" && file.change === "changed");
    const subjects = [...changes.map((change) => change.name), ...files.map((file) => file.path), ...hostid.map((file) => file.path)];
    return subjects.length === 0
      ? []
      : [
          {
            subject: subjects.join(", "),
            evidence: [...changes, ...files, ...hostid].flatMap((change) =>
              change.diff.split("\n").filter((line) => /^[+-][^+-]/.test(line)),
            ),
          },
        ];
  },
};

export const initrdRules: readonly Rule[] = [initrdChanged, initrdDriver, initrdKind, initrdDisks, poolForceImport];
