import { type EvaluatedFleet, type HostSides, type Side, withoutBefore } from "../build/sides.ts";
import { inPool } from "../build/pool.ts";
import type { HostName } from "../discover/host.ts";
import { failure } from "../failure.ts";
import type { Log, Nix, StoreFiles } from "../io/ports.ts";
import type { Policy } from "../policy.ts";
import type { Address } from "../target/address.ts";
import type { Observed } from "../target/observe.ts";
import type { BriefObservation } from "../target/observation.ts";
import { knownTarget } from "../target/known-target.ts";
import { addressOf } from "../target/resolve-address.ts";
import { rightHost } from "../target/right-host.ts";

/** What the managed hosts said that they run. */
export type RunningFleet<Seen extends BriefObservation = BriefObservation> = {
  readonly addresses: ReadonlyMap<HostName, Address>;
  /** Every managed host; one that is another machine than it should be has that as its failure. */
  readonly asked: ReadonlyMap<HostName, Observed<Seen>>;
  readonly observations: ReadonlyMap<HostName, Seen>;
};

/** Asks every managed host what it runs, many at once, by the `look` that is given. A host that does not answer is a failure of its own. */
export async function askFleet<Seen extends BriefObservation>(
  evaluated: EvaluatedFleet,
  policy: Policy,
  log: Log,
  look: (address: Address) => Promise<Observed<Seen>>,
): Promise<RunningFleet<Seen>> {
  const managed = evaluated.hosts.filter((host) => Object.hasOwn(policy.hosts, host) && policy.hosts[host]?.deploy === true);
  const addresses = new Map<HostName, Address>();
  const asked = new Map<HostName, Observed<Seen>>();
  for (const host of managed) {
    const after = evaluated.after.get(host);
    const before = evaluated.before.get(host);
    // Where the new side does not evaluate, the old one tells where the host is; it is then a member of its group, and no more.
    const facts = after?.ok === true ? after.value.facts : before?.ok === true ? before.value.facts : undefined;
    const resolved = addressOf(host, policy, facts === undefined ? {} : knownTarget(facts));
    if (resolved.ok) {
      addresses.set(host, resolved.value.address);
      for (const text of resolved.value.notes) log.progress({ kind: "warning", host, text });
    } else asked.set(host, { ok: false, trouble: "not-understood", failure: resolved.failure });
  }
  await inPool([...addresses], policy.apply.parallel, async ([host, address]) => {
    const observed = await look(address);
    const wrong = observed.ok ? rightHost(address, observed.observation) : undefined;
    asked.set(host, wrong === undefined ? observed : { ok: false, trouble: "not-understood", failure: wrong });
  });
  const observations = new Map([...asked].flatMap(([host, observed]) => (observed.ok ? [[host, observed.observation] as const] : [])));
  return { addresses, asked, observations };
}

/** What has to be built: an old side only where it is what the host runs, or where nobody asks the host. */
export function toBuild(evaluated: EvaluatedFleet, fleet: RunningFleet): EvaluatedFleet {
  const elsewhere = [...fleet.asked.keys()].filter((host) => {
    const before = evaluated.before.get(host);
    return before?.ok !== true || fleet.observations.get(host)?.current !== before.value.outPath;
  });
  return withoutBefore(evaluated, new Set(elsewhere));
}

/** The same hosts, each managed one against what it runs (and not against what the base says that it should). */
export async function againstRunning(
  sides: readonly HostSides[],
  evaluated: EvaluatedFleet,
  fleet: RunningFleet,
  { nix, store }: { readonly nix: Nix; readonly store: StoreFiles },
): Promise<HostSides[]> {
  const here = await validHere(
    [...fleet.observations.values()].flatMap(({ current }) => current ?? []),
    nix,
  );
  return sides.map((one): HostSides => {
    const observed = fleet.asked.get(one.host);
    if (observed === undefined) return one;
    if (!observed.ok) return { ...one, before: { kind: "failed", stage: "observe", failure: observed.failure } };
    const base = evaluated.before.get(one.host);
    const evaluation = base?.ok === true ? { evaluation: base.value } : {};
    return {
      ...one,
      ...specialised(one, observed.observation, store),
      before: { ...running(one.host, observed.observation, here), ...evaluation },
    };
  });
}

/**
 * A closure that only the host has is not fetched: it would come without a signature that says who built it, and what it brings would count as this machine's own for the
 * next host. The change is then judged as if everything in it were new, which a person has to approve.
 */
function running(host: HostName, observation: BriefObservation, here: ReadonlySet<string>): Side {
  const { current, profile } = observation;
  if (current === undefined || !here.has(current))
    return {
      kind: "failed",
      stage: "build",
      failure: failure("running-unknown", { host, toplevel: current ?? "a system that it does not name" }),
    };
  return { kind: "running", toplevel: current, profile: profile ?? "" };
}

/** A host in a specialisation is compared with the same specialisation, and stays in it. */
function specialised({ host, after }: HostSides, { specialisation }: BriefObservation, store: StoreFiles): { after?: Side } {
  if (specialisation === undefined || after.kind !== "known") return {};
  const activates = store.resolve(`${after.toplevel}/specialisation/${specialisation}`);
  if (activates !== undefined) return { after: { ...after, activates } };
  return {
    after: {
      kind: "failed",
      stage: "build",
      failure: failure("specialisation-gone", { host, specialisation }),
      evaluation: after.evaluation,
    },
  };
}

async function validHere(paths: readonly string[], nix: Nix): Promise<ReadonlySet<string>> {
  if (paths.length === 0) return new Set();
  const check = await nix.run({
    program: "nix-store",
    arguments: ["--check-validity", "--print-invalid", ...new Set(paths)],
    trust: "deploy-branch",
    timeoutSeconds: 120,
  });
  if (check.exitCode !== 0) return new Set();
  const invalid = new Set(check.stdout.split("\n").map((line) => line.trim()));
  return new Set(paths.filter((path) => !invalid.has(path)));
}
