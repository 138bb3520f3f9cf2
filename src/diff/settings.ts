import type { StoreFiles } from "../io/ports.ts";
import { diffActivation } from "./activation.ts";
import { diffCertificates } from "./certificates.ts";
import { diffMounts, diffSwaps, isSwap } from "./fstab.ts";
import { diffNixConf } from "./nix-conf.ts";
import { diffPam } from "./pam.ts";
import { diffSshd } from "./sshd.ts";
import { diffSudo } from "./sudo.ts";
import { diffSysctl } from "./sysctl.ts";
import type { Firewall, Mount, System } from "./system.ts";
import type { SettingsDiff } from "./system-diff.ts";
import { diffTmpfiles } from "./tmpfiles.ts";
import { diffGroups, diffUsers } from "./user-diff.ts";

/** The structured views of what differs. Each is empty where nothing of its kind does; texts are redacted, hashes taken out. */
export function diffSettings(store: StoreFiles, before: System, after: System): SettingsDiff {
  return {
    mounts: diffMounts(fileSystems(before), fileSystems(after)),
    swaps: diffSwaps(swaps(before), swaps(after)),
    users: diffUsers(store, before, after),
    groups: diffGroups(before, after),
    sudo: diffSudo(store, before, after),
    sshd: diffSshd(store, before, after),
    ...diffPorts(before.firewall, after.firewall),
    sysctl: diffSysctl(store, before, after),
    tmpfiles: diffTmpfiles(store, before, after),
    pam: diffPam(store, before, after),
    nixConf: diffNixConf(store, before, after),
    certificates: diffCertificates(store, before, after),
    activation: diffActivation(before.activation, after.activation),
  };
}

const fileSystems = (system: System): readonly Mount[] => system.mounts.filter((mount) => !isSwap(mount));
const swaps = (system: System): readonly Mount[] => [...system.mounts.filter(isSwap), ...system.swaps];

/**
 * Without a firewall every port is reachable: `all` stands for those that no rule names. Where one side cannot be read nothing is said
 * about ports.
 */
function diffPorts(from: Firewall, to: Firewall): Pick<SettingsDiff, "portsOpened" | "portsClosed"> {
  if (from.backend === "unknown" || to.backend === "unknown") return { portsOpened: [], portsClosed: [] };
  if (from.backend === "none" && to.backend === "none") return { portsOpened: [], portsClosed: [] };
  if (to.backend === "none") return { portsOpened: ["all"], portsClosed: [] };
  if (from.backend === "none") return { portsOpened: [], portsClosed: ["all"] };
  return {
    portsOpened: [...to.open].filter((port) => !from.open.has(port)).sort(),
    portsClosed: [...from.open].filter((port) => !to.open.has(port)).sort(),
  };
}
