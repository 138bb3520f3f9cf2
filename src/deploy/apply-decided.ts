import type { Outcome } from "../apply/outcome.ts";
import type { SpaceNeed } from "../apply/space-check.ts";
import { readClosures } from "../diff/read-closures.ts";
import type { HostSides } from "../build/sides.ts";
import type { HostName } from "../discover/host.ts";
import type { Evidence } from "../diagnose/evidence.ts";
import type { HostReport } from "../host-report.ts";
import type { Clock, Log, Nix, StoreDatabase, StoreFiles, Targets } from "../io/ports.ts";
import { rebootSentence } from "../reboot/reboot-sentence.ts";
import type { BriefObservation } from "../target/observation.ts";
import type { Change } from "./change.ts";
import { checksOf } from "./checks-of.ts";
import type { Contact, DeployRequest } from "./contact.ts";
import { deployFleet } from "./deploy-fleet.ts";
import type { RecoveryWorld } from "./deploy-world.ts";

export type ApplyPorts = {
  readonly targets: Targets;
  readonly nix: Nix;
  readonly store: StoreFiles;
  readonly database: StoreDatabase | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Filled with what hosts say of their failures. */
  readonly evidence: Map<HostName, Evidence>;
  readonly recovery: RecoveryWorld | undefined;
};

/** Does what was decided, and says of every managed host what became of it. */
export async function applyDecided(
  reports: readonly HostReport[],
  sides: readonly HostSides[],
  revision: string | undefined,
  approvals: ReadonlyMap<HostName, { readonly by: string; readonly digest: string }>,
  contact: Contact,
  request: DeployRequest,
  ports: ApplyPorts,
): Promise<Map<HostName, Outcome>> {
  const { fleet, policy } = contact;
  const moving = reports.filter(isToBeChanged).filter(({ host }) => request.only?.includes(host) !== false);
  const needs = await spaceNeeds(moving, fleet.observations, ports);
  const changes = moving.flatMap((report): Change[] => {
    const address = fleet.addresses.get(report.host);
    const observation = fleet.observations.get(report.host);
    if (address === undefined || observation === undefined) return [];
    const after = sides.find((one) => one.host === report.host)?.after;
    const { current, profile, specialisation } = observation;
    const settings = policy.hosts[report.host];
    const reboots = rebootSentence(policy, report.host, ports.clock.now());
    return [
      {
        host: report.host,
        address,
        planned: {
          from: { current, profile, specialisation },
          to: report.to,
          activate: after?.kind === "known" ? (after.activates ?? report.to) : undefined,
          mode: report.judgement.mode,
          need: needs.get(report.host) ?? { copyBytes: undefined, copyPaths: undefined, bootBytes: undefined },
          revision,
          approval: approvals.get(report.host),
        },
        reversible: report.judgement.reversible,
        attended: report.judgement.attended,
        rebootsByItself: !reboots.byHand && reboots.next !== undefined,
        repository: request.repository.slice(0, 200),
        checks: checksOf(approvals.has(report.host) ? contact.pushed : policy, report.host),
        carries: (settings?.carries.length ?? 0) > 0,
        diff: report.state === "changed" ? report.diff : undefined,
      },
    ];
  });
  const { runnerBootId, signal, finishing, random, dryRun, despite, probe, pause } = request;
  return await deployFleet(
    { changes, policy, addresses: fleet.addresses, observations: fleet.observations, runnerBootId },
    {
      ...ports,
      apply: policy.apply,
      isAncestor: (a, b) => (a === b ? true : (contact.ancestry.get(`${a} ${b}`) ?? "unknown")),
      probe,
      pause,
      signal,
      finishing,
      random,
      dryRun,
      despite,
    },
  );
}

type Moving = Extract<HostReport, { state: "added" | "changed" }>;

export function isToBeChanged(report: HostReport): report is Moving {
  const { action } = report.decision;
  return (
    (report.state === "added" || report.state === "changed") &&
    (action === "deploy" || action === "deploy-then-reboot" || action === "stage")
  );
}

/** What each host has to make room for: the paths that it lacks, and kernel and initrd where they are others than those that boot. */
async function spaceNeeds(
  moving: readonly Moving[],
  observations: ReadonlyMap<HostName, BriefObservation>,
  ports: ApplyPorts,
): Promise<Map<HostName, SpaceNeed>> {
  const needs = new Map<HostName, SpaceNeed>();
  if (moving.length === 0) return needs;
  const { nix, store, database } = ports;
  const has = (host: HostName): string[] => {
    const seen = observations.get(host);
    return [seen?.current, seen?.profile, seen?.booted].flatMap((path) => path ?? []);
  };
  const graph = await readClosures(nix, [...new Set(moving.flatMap(({ host, to }) => [to, ...has(host)]))], { database });
  for (const { host, to } of moving) {
    const there = new Set(has(host).flatMap((path) => (graph.isMissing(path) ? [] : [...graph.closure(path)])));
    const coming = [...graph.closure(to)].filter((path) => !there.has(path));
    const parts = ["kernel", "initrd"].map((name) => ({
      is: store.resolve(`${to}/${name}`),
      was: has(host).map((old) => store.resolve(`${old}/${name}`)),
    }));
    const bootBytes = parts
      .filter(({ is, was }) => is !== undefined && !was.includes(is))
      .reduce((sum, { is }) => sum + sizeOf(store, is), 0);
    needs.set(host, { copyBytes: coming.reduce((sum, path) => sum + graph.narSize(path), 0), copyPaths: coming.length, bootBytes });
  }
  return needs;
}

function sizeOf(store: StoreFiles, path: string | undefined): number {
  const entry = path === undefined ? undefined : store.entry(path);
  return entry?.kind === "file" ? entry.size : 0;
}
