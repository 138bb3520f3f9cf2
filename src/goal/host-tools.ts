import type { FleetContext } from "../context/fleet-context.ts";
import type { HostName } from "../discover/host.ts";
import type { Address } from "../target/address.ts";
import { hostClusterStatus } from "../tools/host-cluster-status.ts";
import { hostDiskUsage } from "../tools/host-disk-usage.ts";
import { hostJournal } from "../tools/host-journal.ts";
import type { AskableHost, HostPorts } from "../tools/host-ports.ts";
import { hostUnitStatus } from "../tools/host-unit-status.ts";
import type { Tool } from "../tools/tool.ts";
import type { ToolLimits } from "../tools/toolbox.ts";

/** The group `hosts`. Rows of this table are all that a goal's session may ask a host. */
export const goalHostTools: readonly Tool<HostPorts>[] = [hostJournal, hostUnitStatus, hostDiskUsage, hostClusterStatus];

/** Hosts of the snapshot that answered; their journals are read from their boot on. */
export const askableHosts = ({ hosts }: FleetContext, addresses: ReadonlyMap<HostName, Address>): ReadonlyMap<string, AskableHost> =>
  new Map(
    hosts.flatMap(({ host, status }) => {
      const address = addresses.get(host);
      return status.reachable && address !== undefined
        ? [[host as string, { address, since: undefined, from: undefined, to: undefined }] as const]
        : [];
    }),
  );

/** A goal looks further than a diagnosis does. About 100,000 tokens of answers at most. */
export const goalToolLimits = (minutes: number): ToolLimits => ({
  calls: 60,
  answerBytes: 16 * 1024,
  totalBytes: 400 * 1024,
  seconds: minutes * 60,
});
