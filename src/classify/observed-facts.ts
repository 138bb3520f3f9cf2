import type { Address } from "../target/address.ts";
import type { BriefObservation } from "../target/observation.ts";
import type { HostFacts } from "./host-facts.ts";

const kernelFileSystems =
  /^(?:proc|sysfs|devtmpfs|devpts|tmpfs|ramfs|cgroup2?|mqueue|debugfs|tracefs|securityfs|pstore|efivarfs|bpf|configfs|fusectl|hugetlbfs|autofs|binfmt_misc|nsfs|overlay|rpc_pipefs)$/;

/** Host facts as the host itself tells them, which is more than a flake knows of it. What it does not tell stays unknown. */
export function observedFacts(address: Address, observation: BriefObservation): HostFacts {
  const { mounts, space } = observation;
  const real = mounts.filter((mount) => !kernelFileSystems.test(mount.type));
  const root = real.find((mount) => mount.target === "/");
  const at = (types: RegExp): string[] => mounts.filter((mount) => types.test(mount.type)).map((mount) => mount.target);
  return {
    deployUser: address.user,
    deployAddress: address.hostname,
    ...(address.sudo ? { deployBecomesRootBy: "sudo" } : {}),
    ...(root === undefined ? {} : { rootFs: root.type, rootDevice: root.source }),
    ...(space.boot === undefined ? {} : { bootSizeBytes: space.boot.sizeBytes, bootFreeBytes: space.boot.freeBytes }),
    ...(space.store === undefined ? {} : { storeFreeBytes: space.store.freeBytes }),
    ...(mounts.length === 0 ? {} : { mountedNfs: at(/^nfs4?$/), mountedCifs: at(/^(?:cifs|smb3)$/) }),
    hostUsesSwap: observation.swaps.length > 0,
  };
}
