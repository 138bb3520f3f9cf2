import * as z from "zod";

/**
 * Facts as evaluation gives them. A configuration may say anything anywhere, so each key stands alone: one of an unexpected shape is left out and the rest is kept.
 * Texts and lists are bounded.
 */
const known = <T extends z.ZodType>(schema: T) => schema.optional().catch(undefined);
const text = known(z.string().max(500));
const flag = known(z.boolean());
const texts = known(z.array(z.string().max(500)).max(500));
const port = z.int().min(0).max(65535);
const ports = known(z.array(port).max(5000));
const ranges = known(z.array(z.object({ from: port, to: port })).max(5000));
/** NixOS has `null` for an unset port and a number otherwise. */
const target = known(z.object({ address: text, user: text, port: known(port), tags: texts }));

const openPorts = { tcp: ports, udp: ports, tcpRanges: ranges, udpRanges: ranges };

export const EvaluatedFacts = z.object({
  hostName: text,
  stateVersion: text,
  /** `26.05` */
  release: text,
  isContainer: flag,
  /** deploy-rs's node of this name. */
  deployRs: target,
  /** colmena's `deployment.target*` of this host. */
  hive: target,
  fileSystems: known(z.record(z.string().max(500), z.object({ device: text, fsType: text, neededForBoot: flag }))),
  luksDevices: texts,
  /** The initrd runs an SSH server, as it does to be unlocked from afar. */
  initrdSsh: flag,
  network: known(z.object({ networkd: flag, networkManager: flag, dhcp: known(z.unknown()) })),
  firewall: known(
    z.object({
      ...openPorts,
      enable: flag,
      nftables: flag,
      trustedInterfaces: texts,
      interfaces: known(z.record(z.string().max(100), z.object(openPorts))),
    }),
  ),
  sshd: known(z.object({ enable: flag, openFirewall: flag, ports, permitRootLogin: text })),
  /** Count of authorised SSH keys and key files, of root and of each user in wheel. */
  keys: known(z.record(z.string().max(100), z.number())),
  warnings: known(z.array(z.string())),
});
export type EvaluatedFacts = z.infer<typeof EvaluatedFacts>;
