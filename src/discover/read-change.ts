import { policyOf } from "../flake-policy.ts";
import type { GatePorts, GateRequest } from "../gate-request.ts";
import { observeOnly, type Policy } from "../policy.ts";
import { beginReading, type DiscoverOptions, type FlakeOutputs, readFlake, selectHosts, withHosts } from "./discover.ts";
import { mayBegin, refuseInputs } from "./guard.ts";
import type { HostName } from "./host.ts";
import type { Source } from "./source.ts";

/** Both sides of a change as far as their flakes tell without evaluating a host. */
export type Change = {
  readonly head: FlakeOutputs;
  readonly base: FlakeOutputs | undefined;
  /** All hosts of both sides, sorted, and those of them that were asked for. */
  readonly fleet: readonly HostName[];
  readonly hosts: readonly HostName[];
  /** The policy that was merged, and what it was read from; that of head where there is no base, and where hosts are asked for theirs. */
  readonly policy: Policy;
  readonly ruling: { readonly outputs: FlakeOutputs; readonly rev: string | undefined };
  /** The policy that is in force once the change is merged. */
  readonly brought: Policy;
  /** A sentence for the report where code is evaluated without isolation. */
  readonly exposure: string | undefined;
  /** Rejects with the GateError of a lock file that does not fit flake.nix; waited for before anything evaluated is believed. */
  readonly checkLock: () => Promise<void>;
};

/** Listing hosts forces none of them, so that it is short whatever the fleet is; the policy's own limit is not known before it. */
export const listingSeconds = 300;

/**
 * Reads both flakes, in the order that keeps unreviewed code from doing harm (invariant 4): inputs are refused before any Nix starts, and nothing of a stranger's is
 * looked at before the canary is back. Throws the GateErrors of a flake that cannot be read, of a policy that is none, and of what may not be evaluated here.
 */
export async function readChange(request: GateRequest, ports: Pick<GatePorts, "nix" | "isolation" | "noJail">): Promise<Change> {
  const { nix } = ports;
  const { sources } = request;
  refuseInputs(sources);
  const listing = (source: Source): DiscoverOptions => ({ trust: source.trust, timeoutSeconds: listingSeconds });
  // The canary flies while a base that was merged is read; nothing that is unreviewed is looked at before it is back.
  const merged = sources.base?.trust === "deploy-branch" ? readFlake(nix, sources.base, listing(sources.base)) : undefined;
  merged?.catch(() => {});
  const isolation = await ports.isolation;
  // Where it is not proven, the policy that was merged has a say, and is waited for.
  const exposure = mayBegin(
    isolation,
    request.holdings,
    isolation?.kind === "exposed" ? policyOf(await merged) : observeOnly,
    ports.noJail,
  );
  const [base, { outputs, checkLock }] = await Promise.all([
    merged ?? (sources.base && readFlake(nix, sources.base, listing(sources.base))),
    beginReading(nix, sources.head, listing(sources.head)),
  ]);
  const head = withHosts(outputs, sources.head);
  // A change is not judged by what it brings along (invariant 3); where hosts are asked, their ledgers say which policy is in force.
  const ruling =
    request.deploy === undefined && base !== undefined
      ? { outputs: base, rev: sources.base?.rev }
      : { outputs: head, rev: sources.head.rev };
  const policy = policyOf(ruling.outputs);
  // What a change brings is in force once it is merged, and would stop the run then.
  const brought = ruling.outputs === head ? policy : policyOf(head);
  const fleet = [...new Set([...head.hosts, ...(base?.hosts ?? [])])].toSorted();
  return { head, base, fleet, hosts: selectHosts(fleet, request.hosts), policy, ruling, brought, exposure, checkLock };
}
