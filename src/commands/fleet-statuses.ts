import { join } from "node:path";
import { appliedRevision, type HostStatus, hostStatus } from "../deploy/host-status.ts";
import type { AskedFleet } from "./fleet-setup.ts";
import type { Prepared } from "./prepare.ts";

/** What every host that was asked is now, by name. */
export async function fleetStatuses({ prepared, policy, fleet, evaluated }: AskedFleet): Promise<readonly HostStatus[]> {
  const revisions = new Set([...fleet.observations.values()].flatMap((observation) => appliedRevision(observation) ?? []));
  const behind = new Map<string, number>();
  for (const revision of revisions) {
    const count = await commitsSince(prepared, revision);
    if (count !== undefined) behind.set(revision, count);
  }
  const { store, clock } = prepared.ports;
  const now = clock.now();
  return [...fleet.asked]
    .map(([host, asked]) => {
      const after = evaluated.after.get(host);
      return hostStatus({ host, asked, policy, store, now, wanted: after?.ok === true ? after.value.outPath : undefined, behind });
    })
    .toSorted((a, b) => (a.host < b.host ? -1 : 1));
}

async function commitsSince({ git, scratch, sources }: Prepared, revision: string): Promise<number | undefined> {
  const head = sources.head.rev;
  if (head === undefined) return undefined;
  const counted = await git.run({ directory: join(scratch, "repo"), arguments: ["rev-list", "--count", `${revision}..${head}`, "--"] });
  const count = Number(counted.stdout.trim());
  return counted.exitCode === 0 && Number.isInteger(count) ? count : undefined;
}
