import { readHostContext } from "../../src/context/host-context.ts";
import type { FleetContext } from "../../src/context/fleet-context.ts";
import { troubles } from "../../src/context/trouble.ts";
import type { HostStatus } from "../../src/deploy/host-status.ts";
import { HostName } from "../../src/discover/host.ts";

export const now = new Date("2026-11-22T12:00:00Z");

const well = (host: string): Extract<HostStatus, { reachable: true }> => ({
  host: HostName.parse(host),
  reachable: true,
  current: "/nix/store/a",
  profile: "/nix/store/a",
  booted: "/nix/store/a",
  generation: 7,
  specialisation: undefined,
  kernel: "6.18.2",
  uptimeSeconds: 90_000,
  systemState: "running",
  failedUnits: [],
  activations: [],
  reboot: {
    needed: false,
    reasons: [],
    when: "",
    windows: "",
    next: undefined,
    pendingSince: undefined,
    pendingHours: undefined,
    missedWindows: 0,
    overdue: false,
  },
  revision: "4f2c".repeat(10),
  behindBy: 0,
  held: undefined,
  ledger: "read",
  last: undefined,
});

/** A fleet as the context program's records and the hosts' statuses make it. */
export function sampleContext(
  hosts: Readonly<Record<string, { readonly failed?: readonly string[]; readonly records?: Readonly<Record<string, string>> }>>,
): FleetContext {
  return {
    at: now,
    hosts: Object.entries(hosts).map(([name, { failed = [], records = {} }]) => {
      const status = { ...well(name), failedUnits: failed, systemState: failed.length === 0 ? "running" : "degraded" };
      const all = Object.entries({ now: String(now.getTime() / 1000), ...records }).map(([key, value]) => ({ name: key, value }));
      const context = readHostContext(all);
      return { host: status.host, status, context, troubles: troubles(status, context, now) };
    }),
  };
}

export const fullDisk = [
  "Filesystem     Type 1-blocks Used Available Capacity Mounted on",
  "/dev/vda1      ext4 107374182400 105857600000 1516582400  99% /",
].join("\n");
