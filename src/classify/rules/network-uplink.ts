import type { System } from "../../diff/system.ts";
import type { FileChange } from "../../diff/system-diff.ts";
import { changedLines, signed } from "../changed-lines.ts";
import { textsOf } from "../changed-texts.ts";
import { ask, type Rule, type RuleContext, type Sighting } from "../rule.ts";
import { evidenceOf, gone, usable } from "../unit-view.ts";
import { aboutUplink } from "./uplink-of.ts";

const networkFile = /systemd\/network\/[^/]+\.(network|netdev|link)$/;

/** Both sides in full where they were read, else the diff. */
const sidesText = (context: RuleContext, file: FileChange): string => {
  const key = file.path.replace(/^\/etc\//, "");
  const sides = [context.before?.etc.get(key)?.text, context.after.etc.get(key)?.text].filter((text) => text !== undefined);
  return sides.length > 0 ? sides.join("\n") : file.diff;
};

/** Lines that say how the machine is reached; a Description or a comment does not. */
const telling = (line: string): boolean => line.trim() !== "" && !/^\s*(#|;|Description=|Documentation=)/.test(line);

export const uplinkFile: Rule = {
  id: "uplink-network-file",
  family: "network",
  verdict: "risky",
  title: "The network settings of the uplink change",
  hazard: "The host may lose its address or its route in the middle of the switch and not be reachable afterwards.",
  check: "Compare address, gateway and match of the interface that the deploy comes in by; keep a console at hand.",
  see: (context) =>
    context.diff.files
      .filter((file) => networkFile.test(file.path) && !file.hashOnly)
      .flatMap((file): Sighting[] => {
        const lines = changedLines(file.diff);
        const evidence = signed(lines, telling);
        if (file.kind === "text" && evidence.length === 0) return [];
        const uplink = context.facts.uplinkInterface;
        const known = uplink === undefined ? undefined : aboutUplink(sidesText(context, file), file.path, uplink);
        // A file that names no interface (by MAC, type or driver) may well be the uplink's: it counts as that unless its name says otherwise.
        const answer = uplink === undefined ? undefined : (known ?? true);
        // A netdev adds a virtual device. It touches the uplink only where the uplink is that device, or where it is gone.
        if (file.path.endsWith(".netdev") && file.change === "added" && known !== true) return [];
        const asked = ask(context, {
          fact: "uplinkInterface",
          when: `${file.path.split("/").at(-1) ?? ""} is about the interface that the host is reached by`,
          answer,
          plain: "clean",
          careful: "risky",
        });
        if (asked.verdict === "clean" && asked.settledBy === undefined) return [];
        return [{ subject: file.path, evidence: [...evidence, ...asked.note], verdict: asked.verdict, settledBy: asked.settledBy }];
      }),
};

const managers = [
  "dhcpcd.service",
  "systemd-networkd.service",
  "NetworkManager.service",
  "connman.service",
  "ifupdown.service",
  "wicked.service",
] as const;

export const networkManager: Rule = {
  id: "network-manager-swap",
  family: "network",
  verdict: "risky",
  title: "Another program configures the network",
  hazard: "The old program takes its addresses away before the new one has any; with DHCP the client id and so the address may change.",
  check: "Which program configures the uplink afterwards, does it match its name, and does the DHCP server know it by MAC?",
  see: (context): Sighting[] => {
    const had = managers.filter((name) => usable(context.before, name));
    const has = managers.filter((name) => usable(context.after, name));
    const lost = had.filter((name) => !has.includes(name));
    if (context.before === undefined || lost.length === 0) return [];
    const changes = context.diff.units.filter((change) => managers.some((name) => name === change.name));
    return [{ subject: lost.join(", "), from: had.join(", "), to: has.join(", ") || "none", evidence: changes.map(evidenceOf) }];
  },
};

const scripted = /^(network-addresses-.+|network-link-.+|.+-netdev|network-setup|network-local-commands|network-interfaces)\.service$/;
const ownsLinks =
  /^(systemd-networkd|dhcpcd|NetworkManager|wpa_supplicant.*|iwd|openvswitch|ovs-vswitchd|frr|hostapd|pppd-.+|network-addresses-.+|network-link-.+|.+-netdev|network-setup)\.service$/;

export const networkStopped: Rule = {
  id: "network-unit-stopped",
  family: "network",
  verdict: "risky",
  title: "A unit that holds the network up is stopped",
  hazard: "Between stop and start the host has no network: the deploy's connection ends and network file systems hang.",
  check: "Does the switch run detached from the connection, and does the unit come back without it?",
  see: (context) =>
    context.diff.units
      .filter(
        (change) =>
          ownsLinks.test(change.name) &&
          (change.effect === "stop" || change.effect === "stop-start") &&
          !managers.some((name) => name === change.name && change.change === "removed"),
      )
      .filter(
        (change) =>
          !(
            change.change === "removed" &&
            /^network-(setup|local-commands)\.service$/.test(change.name) &&
            (usable(context.after, "systemd-networkd.service") || usable(context.after, "NetworkManager.service"))
          ),
      )
      .filter((change) => {
        // Scripted units are one for each interface: another interface than the uplink may come and go.
        const uplink = context.facts.uplinkInterface;
        const one = /^(?:network-addresses-|network-link-)(.+)\.service$|^(.+)-netdev\.service$/.exec(change.name);
        return (
          !scripted.test(change.name) ||
          one === null ||
          uplink === undefined ||
          (one[1] ?? one[2]) === uplink ||
          /^(br|bond|vlan|team)/.test(one[1] ?? one[2] ?? "")
        );
      })
      .map((change) => ({ subject: change.name, from: change.change, to: change.effect, evidence: [evidenceOf(change)] })),
};

export const networkMounts: Rule = {
  id: "network-mounts-hang",
  family: "network",
  verdict: "risky",
  title: "The network restarts under mounted network file systems",
  hazard: "NFS and CIFS mounts hang when their network goes away under them, and every process that touches them with it.",
  check: "Unmount them first, or stage the change for a reboot.",
  see: (context): Sighting[] => {
    const changes = context.diff.units.filter(
      (change) =>
        ownsLinks.test(change.name) &&
        !change.hashOnly &&
        (change.effect === "stop" || change.effect === "stop-start" || change.effect === "restart"),
    );
    if (changes.length === 0) return [];
    const declared = context.after.mounts
      .filter((mount) => /^(nfs4?|cifs|smb3?|ceph|glusterfs|fuse\.sshfs)$/.test(mount.fsType))
      .map((mount) => mount.mountPoint);
    const { mountedNfs, mountedCifs } = context.facts;
    const mounted = [...(mountedNfs ?? []), ...(mountedCifs ?? [])];
    const answer = mountedNfs === undefined && mountedCifs === undefined ? (declared.length === 0 ? false : undefined) : mounted.length > 0;
    const asked = ask(context, {
      fact: "mountedNfs",
      when: `${declared.join(", ") || "a network file system"} is mounted`,
      answer,
      plain: "clean",
      careful: "risky",
    });
    if (asked.verdict === "clean" && asked.settledBy === undefined) return [];
    return [
      {
        subject: changes.map((change) => change.name).join(", "),
        evidence: [...changes.map(evidenceOf), ...mounted, ...asked.note],
        verdict: asked.verdict,
        settledBy: asked.settledBy,
      },
    ];
  },
};

const waits = /^(systemd-networkd-wait-online(@.+)?|NetworkManager-wait-online|ifupdown-wait-online)\.service$/;
const active = (system: System | undefined, name: string): boolean => usable(system, name);

export const waitOnline: Rule = {
  id: "wait-online-new",
  family: "network",
  verdict: "risky",
  title: "The switch now waits for the network to be online",
  hazard:
    "Where the waiting program does not manage the uplink it times out, the switch ends with a failed unit, and a deploy with rollback goes back.",
  check: "Is every link that it waits for managed by the same program, or marked as not required?",
  see: (context) =>
    context.diff.units
      .filter((change) => waits.test(change.name) && !active(context.before, change.name) && active(context.after, change.name))
      .map((change) => ({ subject: change.name, evidence: [evidenceOf(change)] })),
};

export const interfaceNames: Rule = {
  id: "interface-names",
  family: "network",
  verdict: "risky",
  title: "Network interfaces may get other names",
  hazard: "After the next boot the uplink has another name, no settings match it, and the host is not reachable.",
  check: "Do the network settings match the interface by its new name, or by MAC?",
  see: (context): Sighting[] => {
    const params = context.diff.system.kernelParams;
    const words = [...params.added, ...params.removed, ...params.changedKeys.map((change) => change.key)].filter((word) =>
      /^(net\.ifnames|biosdevname|net\.naming-scheme)\b/.test(word),
    );
    const udev = textsOf(context.diff, /udev\/rules\.d|udev-rules|\.rules$/).flatMap((text) =>
      signed(text.lines, (line) => /SUBSYSTEM=="net"/.test(line) && /NAME=/.test(line)),
    );
    return [
      ...(words.length === 0 ? [] : [{ subject: "kernel parameters", evidence: words, mode: "switch-then-reboot" as const }]),
      ...(udev.length === 0 ? [] : [{ subject: "udev rules", evidence: udev, mode: "switch-then-reboot" as const }]),
    ];
  },
};

export const uplinkUnitGone: Rule = {
  id: "uplink-unit-gone",
  family: "network",
  verdict: "risky",
  title: "What configured an interface goes",
  hazard: "The switch takes the addresses of that interface away.",
  check: "Who configures this interface from now on?",
  see: (context) =>
    gone(context, /^(network-addresses-.+|network-link-.+|.+-netdev|wpa_supplicant(-.+)?|iwd|pppd-.+)\.service$/).map((change) => ({
      subject: change.name,
      evidence: [evidenceOf(change)],
    })),
};

export const uplinkRules: readonly Rule[] = [
  uplinkFile,
  networkManager,
  networkStopped,
  networkMounts,
  waitOnline,
  interfaceNames,
  uplinkUnitGone,
];
