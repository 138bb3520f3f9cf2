import * as z from "zod";
import { Verdict } from "./finding.ts";

/**
 * What is true of a host and cannot be read from its closure. Facts come from policy, from evaluation and, on a push, from the host itself; `--facts FILE` gives
 * them to `gate diff`. Every key is optional: a rule that hangs on an unknown fact says so (`settledBy`) instead of guessing. Unknown keys are kept out and named
 * in a note, because a misspelt fact must not look like a known one. Sizes are bytes. Free text is as an operator would write it.
 */
const stateVersions = z.object({ before: z.string(), after: z.string() });
export const HostFacts = z.object({
  deployUser: z.string().optional(),
  /** Free text: "public ssh", "tailscale", "wireguard wg0". */
  deployVia: z.string().optional(),
  deployAddress: z.string().optional(),
  deployBecomesRootBy: z.string().optional(),
  deployUserGroups: z.array(z.string()).optional(),
  /** Roles: consul-server, nomad-client, k3s-server, builder, nfs-server … */
  tags: z.array(z.string()).optional(),
  virtualisation: z.string().optional(),
  firmware: z.string().optional(),
  rootFs: z.string().optional(),
  rootDevice: z.union([z.string(), z.array(z.string())]).optional(),
  dataFs: z.union([z.string(), z.record(z.string(), z.string())]).optional(),
  bootSizeBytes: z.number().optional(),
  bootFreeBytes: z.number().optional(),
  storeFreeBytes: z.number().optional(),
  uplinkInterface: z.string().optional(),
  uplinkDriver: z.string().optional(),
  uplinkManagedBy: z.string().optional(),
  addressAssignedBy: z.string().optional(),
  mountedNfs: z.array(z.string()).optional(),
  mountedCifs: z.array(z.string()).optional(),
  mountInUse: z.union([z.boolean(), z.string(), z.array(z.string())]).optional(),
  hostUsesSwap: z.boolean().optional(),
  swapUsedBytes: z.number().optional(),
  needsPassphraseAtBoot: z.boolean().optional(),
  unlockedOver: z.string().optional(),
  stateVersion: stateVersions.optional(),
  peersInSameDeploy: z.array(z.string()).optional(),
  deviceRole: z.union([z.string(), z.record(z.string(), z.string())]).optional(),
  uidMapHas: z.unknown().optional(),
  runningContainers: z.union([z.number(), z.array(z.string())]).optional(),
  commitMessage: z.string().optional(),
  /** Mount points that are file systems of their own and are not there yet when activation runs in stage 2. */
  separateMounts: z.array(z.string()).optional(),
  /** Types of the keys that people log in with: `ssh-ed25519`, `ssh-dss` … */
  authorizedKeyTypes: z.array(z.string()).optional(),
  /** Users whose rootless containers own files by subordinate ids. */
  rootlessContainersOf: z.array(z.string()).optional(),
  /** Who has this host's exports mounted. */
  nfsClients: z.array(z.string()).optional(),
});
export type HostFacts = z.infer<typeof HostFacts>;

/** What the operator said of a rule: another verdict, or off; the reason is shown in every report that it changes. */
export const RuleSetting = z.strictObject({ verdict: z.union([Verdict, z.literal("off")]), reason: z.string().min(1).max(300) });
export type RuleSetting = z.infer<typeof RuleSetting>;
