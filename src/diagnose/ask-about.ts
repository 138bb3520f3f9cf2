import type { HostName } from "../discover/host.ts";
import type { Clock, Log, Nix, StoreDatabase, Targets, Trust } from "../io/ports.ts";
import type { Address } from "../target/address.ts";
import type { Evidence } from "./evidence.ts";
import { askBuild, askHosts, type OpenToolbox } from "./session/diagnosis-tools.ts";

/** By what hosts can be asked, in a run that has contacted them. */
export type Reach = { readonly targets: Pick<Targets, "run">; readonly addresses: ReadonlyMap<HostName, Address> };

type Ports = { readonly nix: Nix; readonly database?: StoreDatabase | undefined; readonly clock: Clock; readonly log: Pick<Log, "debug"> };

/** What a session may ask about the failure of one host: of that host alone, and only where it answers. */
export function askAboutHost(
  host: HostName,
  evidence: Evidence,
  systems: { readonly from: string | undefined; readonly to: string | undefined },
  reach: Reach | undefined,
  { nix, database, clock, log }: Ports,
): OpenToolbox | undefined {
  const address = reach?.addresses.get(host);
  if (reach === undefined || address === undefined || evidence.stage === "connection") return undefined;
  const hosts = new Map([[host as string, { address, since: evidence.since, ...systems }]]);
  return askHosts({ hosts, targets: reach.targets, nix, database }, { clock, log });
}

/** What a session may ask about a build that failed; nothing about an evaluation, of which there is nothing but its message. */
export function askAboutBuild(
  { derivation }: Evidence,
  toplevelDrv: string | undefined,
  trust: Trust,
  { nix, clock, log }: Ports,
): OpenToolbox | undefined {
  if (derivation === undefined) return undefined;
  return askBuild({ derivations: [derivation], toplevelDrv, nix, trust }, { clock, log });
}
