import type { Mount } from "../../diff/system.ts";
import type { MountChange } from "../../diff/system-diff.ts";
import { ask, type Rule, type RuleContext, type Sighting } from "../rule.ts";
import { evidenceOf } from "../unit-view.ts";

const remote = /^(nfs4?|cifs|smb3?|ceph|glusterfs|9p|fuse(\..+)?|sshfs|davfs|afs|virtiofs)$/;
const pseudo =
  /^(proc|sysfs|devtmpfs|devpts|securityfs|cgroup2?|debugfs|tracefs|configfs|bpf|hugetlbfs|mqueue|ramfs|efivarfs|binfmt_misc)$/;
const root = (mountPoint: string): boolean =>
  mountPoint === "/" || mountPoint === "/nix" || mountPoint === "/nix/store" || mountPoint === "/usr";
/** Directories that hold data on a running host before anything is mounted there. */
const occupied = /^\/(home|root|var|etc|srv|opt|usr|bin|boot|nix)(\/|$)/;
const optional = (options: readonly string[]): boolean => options.some((option) => /^(nofail|noauto|x-systemd\.automount)$/.test(option));

const shown = (change: MountChange): Pick<Sighting, "subject" | "from" | "to" | "evidence"> => ({
  subject: change.mountPoint,
  from: change.from,
  to: change.to,
  evidence: [
    ...(change.from === undefined ? [] : [`- ${change.from}`]),
    ...(change.to === undefined ? [] : [`+ ${change.to}`]),
    ...change.optionsRemoved.map((option) => `- ${option}`),
    ...change.optionsAdded.map((option) => `+ ${option}`),
  ],
});
const mountAt = (mounts: readonly Mount[] | undefined, mountPoint: string): Mount | undefined =>
  mounts?.find((mount) => mount.mountPoint === mountPoint);

export const rootMount: Rule = {
  id: "root-mount",
  family: "disks",
  verdict: "risky",
  mode: "boot-only",
  title: "The device or type of the root file system changes",
  hazard: "A switch leaves the old root in place and says nothing; the next boot looks for the new one and stops where there is none.",
  check: "Has this machine been repartitioned, and is the new name there: `blkid`?",
  see: ({ diff }) => diff.settings.mounts.filter((change) => root(change.mountPoint) && change.change !== "options").map(shown),
};

export const mountDevice: Rule = {
  id: "mount-device",
  family: "disks",
  verdict: "risky",
  title: "A mount gets another device or type",
  hazard: "The switch unmounts the old one and mounts the new one: busy files fail it, and services find another disk's data.",
  check: "Is the new device there, and does it hold the data?",
  see: ({ diff }) =>
    diff.settings.mounts
      .filter((change) => !root(change.mountPoint) && (change.change === "device" || change.change === "type"))
      .map(shown),
};

const inUse = (context: RuleContext, mountPoint: string): boolean => {
  const said = context.facts.mountInUse;
  if (typeof said === "boolean") return said;
  return (typeof said === "string" ? [said] : (said ?? [])).some((entry) => entry.split(/[\s(,]/)[0] === mountPoint);
};

export const mountRemoved: Rule = {
  id: "mount-removed",
  family: "disks",
  verdict: "risky",
  title: "A mount goes",
  hazard: "The switch unmounts it: where it is busy a unit fails, where it is not services write into the empty directory below.",
  check: "Who uses it: `fuser -vm`? Stop that first.",
  see: (context) =>
    context.diff.settings.mounts
      .filter((change) => change.change === "removed" && !root(change.mountPoint))
      .map((change) => ({
        ...shown(change),
        evidence: [...(shown(change).evidence ?? []), ...(inUse(context, change.mountPoint) ? [`${change.mountPoint} is in use`] : [])],
      })),
};

export const mountAdded: Rule = {
  id: "mount-added",
  family: "disks",
  verdict: "risky",
  title: "A new mount that has to succeed, or that covers what is there",
  hazard:
    "Without nofail a missing device fails the switch and drops the next boot into emergency mode; over a directory with files it hides them.",
  check: "Is the device there, is nofail wanted, and is the directory empty?",
  see: ({ diff, after }) =>
    diff.settings.mounts
      .filter((change) => change.change === "added" && !root(change.mountPoint))
      .flatMap((change): Sighting[] => {
        const mount = mountAt(after.mounts, change.mountPoint);
        const options = mount?.options ?? change.optionsAdded;
        if (pseudo.test(mount?.fsType ?? "")) return [];
        const temporary = change.mountPoint === "/tmp" || change.mountPoint === "/var/tmp";
        // A tmpfs and a bind mount below /run need no device and cover nothing.
        if (/^(tmpfs|overlay)$/.test(mount?.fsType ?? "") && change.mountPoint.startsWith("/run/")) return [];
        return optional(options) && !occupied.test(change.mountPoint) && !temporary ? [] : [shown(change)];
      }),
};

export const temporaryMount: Rule = {
  id: "tmp-becomes-mount",
  family: "disks",
  verdict: "risky",
  title: "/tmp becomes a mount of its own, or none",
  hazard: "Files in it vanish under running programs, and a tmpfs that is too small fails builds and uploads.",
  check: "Stage it for a boot; how much goes through /tmp on this host?",
  see: ({ diff, before, after }): Sighting[] => {
    const units = diff.units.filter((change) => /^(tmp|var-tmp)\.mount$/.test(change.name) && change.change !== "changed");
    const cleared = before !== undefined && units.length > 0 && before.units.has("tmp.mount") !== after.units.has("tmp.mount");
    return cleared
      ? units.map((change) => ({ subject: change.name, evidence: [evidenceOf(change)], mode: "switch-then-reboot" as const }))
      : [];
  },
};

export const mountStrict: Rule = {
  id: "mount-becomes-strict",
  family: "disks",
  verdict: "risky",
  title: "A mount must succeed now, or becomes read-only",
  hazard: "Without nofail a missing device stops the boot; read-only or without exec, programs on it fail at once.",
  check: "Is the device always there, and does nothing write to it?",
  see: ({ diff, after }) =>
    diff.settings.mounts
      .filter((change) => change.change === "options")
      .filter((change) => {
        const options = mountAt(after.mounts, change.mountPoint)?.options ?? [];
        const stricter = change.optionsRemoved.some((option) => option === "nofail" || option === "noauto") && !optional(options);
        const denied = change.optionsAdded.some(
          (option) => option === "ro" || (option === "noexec" && (root(change.mountPoint) || /^\/(home|var)$/.test(change.mountPoint))),
        );
        const moved =
          [...change.optionsAdded, ...change.optionsRemoved].some((option) =>
            /^(subvol(id)?|upperdir|lowerdir|workdir|bind|rbind|zfsutil|uid|gid|credentials)(=|$)/.test(option),
          ) && !remote.test(mountAt(after.mounts, change.mountPoint)?.fsType ?? "");
        const unsafe = change.optionsAdded.some((option) => /^(nobarrier|barrier=0|data=writeback|async)$/.test(option));
        return stricter || denied || moved || unsafe;
      })
      .map(shown),
};

export const networkMountOptions: Rule = {
  id: "network-mount-options",
  family: "disks",
  verdict: "reboot",
  title: "Options of a network mount change",
  hazard: "A remount takes over few options of NFS and CIFS; the rest holds when the share is mounted anew.",
  check: "Unmount and mount it by hand where nothing uses it.",
  see: (context) =>
    context.diff.settings.mounts
      .filter((change) => change.change === "options")
      .flatMap((change): Sighting[] => {
        const mount = mountAt(context.after.mounts, change.mountPoint);
        if (!remote.test(mount?.fsType ?? "")) return [];
        const cifs = /^(cifs|smb3?)$/.test(mount?.fsType ?? "");
        const mounted = cifs ? context.facts.mountedCifs : context.facts.mountedNfs;
        const answer = mounted?.some((entry) => entry.split(/[\s(]/)[0] === change.mountPoint);
        const asked = ask(context, {
          fact: cifs ? "mountedCifs" : "mountedNfs",
          when: `${change.mountPoint} is mounted`,
          answer,
          plain: "clean",
          careful: "reboot",
        });
        return asked.verdict === "clean" && asked.settledBy === undefined
          ? []
          : [
              {
                ...shown(change),
                evidence: [...(shown(change).evidence ?? []), ...asked.note],
                verdict: asked.verdict,
                settledBy: asked.settledBy,
              },
            ];
      }),
};

/** Options that the kernel reads when the file system is mounted and not when it is remounted, and those that only units generated at boot use. */
const atMountOnly =
  /^(x-initrd\.|x-systemd\.|data=|journal|commit=|inode64|logbufs|logbsize|largeio|nr_inodes|huge=|size=|space_cache|degraded|device=|noquota|usrquota|grpquota|prjquota|quota|pquota|uquota|encryption\.|X-)/;

export const mountOptions: Rule = {
  id: "mount-options",
  family: "disks",
  verdict: "reboot",
  title: "Options of a mount that a remount does not take over",
  hazard: "The running mount keeps its old options until the host boots.",
  check: "Is the old option a problem until then?",
  see: ({ diff, after }) =>
    diff.settings.mounts
      .filter((change) => change.change === "options" && !remote.test(mountAt(after.mounts, change.mountPoint)?.fsType ?? ""))
      .filter(
        (change) =>
          [...change.optionsAdded, ...change.optionsRemoved].some((option) => atMountOnly.test(option)) &&
          !/^tmpfs$/.test(mountAt(after.mounts, change.mountPoint)?.fsType ?? ""),
      )
      .map(shown),
};

export const swapRemoved: Rule = {
  id: "swap-removed",
  family: "disks",
  verdict: "risky",
  title: "Swap goes while it is in use",
  hazard: "swapoff brings every swapped page back into memory during the switch: it takes long, or the kernel kills programs.",
  check: "Compare the swap in use with the free memory: `free -h`.",
  see: (context): Sighting[] => {
    const { diff, facts } = context;
    const devices = diff.settings.swaps.filter((change) => change.change === "removed" || change.change === "device");
    const units = diff.units.filter((change) => change.name.endsWith(".swap") && change.change === "removed");
    const zram = diff.units.filter(
      (change) => /^(systemd-zram-setup@.+|zram-.+|dev-zram\d+)\.(service|swap)$/.test(change.name) && change.change === "removed",
    );
    const files = diff.files.filter((file) => file.path.endsWith("zram-generator.conf") && file.change === "removed");
    if (devices.length + units.length + zram.length + files.length === 0) return [];
    const used = facts.swapUsedBytes;
    // Up to a quarter of a GiB comes back in a moment.
    const answer = used === undefined ? (facts.hostUsesSwap === false ? false : undefined) : used > 256 << 20;
    const asked = ask(context, {
      fact: "swapUsedBytes",
      when: "more than 256 MiB of swap are in use",
      answer,
      plain: "clean",
      careful: "risky",
    });
    if (asked.verdict === "clean" && asked.settledBy === undefined) return [];
    const evidence = [
      ...devices.map((change) => `- ${change.from ?? change.mountPoint}`),
      ...[...units, ...zram].map(evidenceOf),
      ...files.map((file) => `- ${file.path}`),
      ...(used === undefined ? [] : [`${Math.round(used / 1_048_576)} MiB in use`]),
      ...asked.note,
    ];
    return [{ subject: "swap", evidence, verdict: asked.verdict, settledBy: asked.settledBy }];
  },
};

export const diskRules: readonly Rule[] = [
  rootMount,
  mountDevice,
  mountRemoved,
  mountAdded,
  temporaryMount,
  mountStrict,
  networkMountOptions,
  mountOptions,
  swapRemoved,
];
