import type { BriefObservation } from "../target/observation.ts";
import { atGate, failed, inconclusive, onHost, passed, type Answer, type Next } from "./answer.ts";

export type SpaceNeed = {
  /** NAR sizes of the paths that the host lacks; undefined where that is not known. */
  readonly copyBytes: number | undefined;
  readonly copyPaths: number | undefined;
  /** Kernel and initrd that the boot loader has to put down anew; 0 for a system without a kernel of its own. */
  readonly bootBytes: number | undefined;
};

const askAgain: Next = atGate("nixos-deploy-gate plan --hosts HOST");

/** A NAR has no blocks: many small files need more on a disk than they have bytes, and the database grows with them. */
const storeFactor = 1.15;
/** Left free for what else the host writes, since a full /nix is often a full /: half a GiB, and on a small disk a twentieth of it. */
const storeReserve = (sizeBytes: number): number => Math.min(512 * 1024 ** 2, sizeBytes / 20);
/** FAT rounds up to clusters, and boot loaders write the new file beside the old one of the same name. */
const bootFactor = 1.05;
const bootReserve = 4 * 1024 ** 2;
/** Files and directories of one store path, generously: most have a dozen, a few tens of thousands. */
const inodesOfPath = 150;
const inodeReserve = 5_000;

export function storeSpace(observation: BriefObservation, need: SpaceNeed): Answer {
  const { store } = observation.space;
  if (need.copyBytes === undefined) return inconclusive("How much has to be copied is not known.", askAgain);
  if (store === undefined) return inconclusive("The host did not say how much room there is on /nix.", onHost("df -B1 /nix/store"));
  const wanted = need.copyBytes === 0 ? 0 : Math.ceil(need.copyBytes * storeFactor + storeReserve(store.sizeBytes));
  const told = `${megabytes(store.freeBytes)} are free on /nix and ${megabytes(wanted)} are wanted for ${megabytes(need.copyBytes)} that come`;
  return store.freeBytes >= wanted
    ? passed(`${told}.`)
    : failed(
        `${told}: a store that fills up during a copy takes services down with it.`,
        onHost("nix-collect-garbage --delete-older-than 14d"),
      );
}

/** File systems without a fixed number of inodes (btrfs, zfs) count none. */
export function inodes(observation: BriefObservation, need: SpaceNeed): Answer {
  const { store } = observation.space;
  if (store === undefined || need.copyPaths === undefined)
    return inconclusive("Whether there are inodes enough on /nix is not known.", onHost("df -i /nix/store"));
  if (store.freeInodes === undefined) return passed("The file system of /nix has no fixed number of inodes.");
  const wanted = need.copyPaths === 0 ? 0 : need.copyPaths * inodesOfPath + inodeReserve;
  const told = `${store.freeInodes} inodes are free on /nix and up to ${wanted} are wanted for ${need.copyPaths} store paths`;
  return store.freeInodes >= wanted ? passed(`${told}.`) : failed(`${told}.`, onHost("nix-collect-garbage --delete-older-than 14d"));
}

const bootMounts = new Set(["/boot", "/efi", "/boot/efi", "/boot/EFI"]);

export function bootSpace(observation: BriefObservation, need: SpaceNeed): Answer {
  if (need.bootBytes === undefined) return inconclusive("How large the new kernel and initrd are is not known.", askAgain);
  if (need.bootBytes === 0) return passed("No kernel or initrd has to be written for the boot loader.");
  const { boot } = observation.space;
  const wanted = Math.ceil(need.bootBytes * bootFactor) + bootReserve;
  if (boot === undefined) {
    // No mount of its own: it shares the disk with the root file system, which is not the one that runs out.
    const apart = observation.mounts.length === 0 || observation.mounts.some((mount) => bootMounts.has(mount.target));
    if (apart) return inconclusive("The host did not say how much room there is on its boot partition.", onHost("df -B1 /boot"));
    return passed("There is no boot partition; kernel and initrd stay on the disk of the system.");
  }
  const told = `${megabytes(boot.freeBytes)} are free on ${boot.mountPoint} and ${megabytes(wanted)} are wanted for the new kernel and initrd`;
  return boot.freeBytes >= wanted
    ? passed(`${told}.`)
    : failed(
        `${told}: a boot loader that is half written may not boot at all.`,
        onHost("nix-env -p /nix/var/nix/profiles/system --delete-generations +3 && /run/current-system/bin/switch-to-configuration boot"),
      );
}

function megabytes(bytes: number): string {
  return bytes >= 1024 ** 3 ? `${(bytes / 1024 ** 3).toFixed(1)} GiB` : `${Math.ceil(bytes / 1024 ** 2)} MiB`;
}
