import type { BeginDeploy } from "./begin-deploy.ts";
import type { EvaluatedFleet } from "../build/sides.ts";
import type { Approver } from "../decide/approval.ts";
import type { IsAuthor } from "../decide/authorship.ts";
import type { Finishing } from "./finishing.ts";
import type { Loosening } from "../classify/loosening.ts";
import { gateError } from "../failure.ts";
import type { HostName } from "../discover/host.ts";
import { lastApplied } from "../apply/history.ts";
import { entriesOf } from "../decide/rejection.ts";
import type { Overridable } from "../apply/preflight.ts";
import type { Log, Probe, Targets } from "../io/ports.ts";
import type { Policy } from "../policy.ts";
import { stricterPolicy } from "../policy-in-force.ts";
import { ledgerOf } from "./ledger-of.ts";
import { observe } from "../target/observe.ts";
import { askFleet, type RunningFleet } from "./running-fleet.ts";

/** What a run that may change hosts is given beside what a plan needs. */
export type DeployRequest = {
  /** Handed in and not imported by the pipeline, so that a run which only plans loads nothing of it. */
  readonly begin: BeginDeploy;
  /** Opened when the policy has said which host keys are known. */
  readonly openTargets: (policy: Policy) => Promise<Targets>;
  readonly probe: Probe;
  readonly pause: (seconds: number) => Promise<void>;
  /** Nothing new is begun once it is aborted. */
  readonly signal: AbortSignal;
  /** Ends connections and waits; later than `signal` where a host is in the middle. */
  readonly finishing: Finishing;
  readonly random: () => string;
  readonly dryRun: boolean;
  readonly despite: readonly Overridable[];
  /** Whether the first commit is in the history of the second. */
  readonly isAncestor: (ancestor: string, of: string) => Promise<boolean | "unknown">;
  /** The policy of a commit that was deployed once; undefined where it cannot be read any more. */
  readonly policyAt: (revision: string) => Promise<Policy | undefined>;
  readonly runnerBootId: string | undefined;
  /** `owner/name`, else the flake's own address. */
  readonly repository: string;
  readonly approve: readonly string[];
  readonly reject: readonly string[];
  readonly approver: () => Promise<Approver>;
  /** Whether the approver had a hand in what lies between two revisions; nobody can tell where this is undefined. Asked only where the policy asks. */
  readonly isAuthor?: ((login: string, base: string, head: string) => Promise<IsAuthor>) | undefined;
  readonly onDeployBranch: boolean | "unknown";
  /** In a shell a person with the key in hand is the authority on the policy; on a forge the one that was applied is. */
  readonly policyGuarded: boolean;
  /** Only these hosts may be changed; the others are asked and compared as ever. */
  readonly only?: readonly string[] | undefined;
  /** The tip of the deploy branch, where this run brings in an older commit of it: its policy counts too. */
  readonly tip?: string | undefined;
  /** Asked right before hosts are changed: why a newer run is to do that instead, as a sentence. */
  readonly overtaken?: () => Promise<string | undefined>;
};

/** The hosts, and the policy that holds for them now that their ledgers have said which one was applied. */
export type Contact = {
  readonly fleet: RunningFleet;
  readonly policy: Policy;
  /** As pushed: what a person who approves a host agrees to. */
  readonly pushed: Policy;
  readonly loosened: readonly Loosening[];
  readonly newlyManaged: ReadonlySet<HostName>;
  /** By host, of what was applied last against this run's revision. */
  readonly ancestry: ReadonlyMap<string, boolean | "unknown">;
};

/**
 * Asks the managed hosts what they run, then puts the policy in force: the stricter of the pushed one and each that the ledgers say was applied last (invariant 3). What
 * was loosened concerns the hosts on which it was not in force yet. A host on which no gate has applied anything is newly managed, which takes a person's word once.
 */
export async function contact(
  evaluated: EvaluatedFleet,
  pushed: Policy,
  revision: string | undefined,
  request: DeployRequest,
  { targets, log }: { readonly targets: Targets; readonly log: Log },
): Promise<Contact> {
  const fleet = await askFleet(evaluated, pushed, log, (address) => observe(targets, address, { much: "brief" }));
  const applied = new Map<string, HostName[]>();
  const fresh: HostName[] = [];
  for (const [host, observation] of fleet.observations) {
    const ledger = ledgerOf(observation);
    const last = ledger === "unreadable" ? undefined : lastApplied(entriesOf(ledger))?.revision;
    if (last === undefined) fresh.push(host);
    else applied.set(last, [...(applied.get(last) ?? []), host]);
  }
  const ancestry = new Map<string, boolean | "unknown">();
  for (const last of revision === undefined ? [] : applied.keys()) {
    ancestry.set(`${last} ${revision}`, await request.isAncestor(last, revision as string));
    ancestry.set(`${revision} ${last}`, await request.isAncestor(revision as string, last));
  }
  if (!request.policyGuarded) return { fleet, policy: pushed, pushed, loosened: [], newlyManaged: new Set(), ancestry };

  let policy = pushed;
  if (request.tip !== undefined) {
    // Who may approve, and what was made stricter since, is what the branch says now.
    const now = await request.policyAt(request.tip);
    if (now === undefined)
      throw gateError("policy-invalid", {
        flake: request.tip.slice(0, 9),
        key: "deployGate",
        problem: "it cannot be read at the tip of the branch",
      });
    policy = { ...stricterPolicy(now, pushed).policy, approval: now.approval };
  }
  const loosened: Loosening[] = [];
  for (const [last, hosts] of applied) {
    const then = await request.policyAt(last);
    if (then === undefined) {
      loosened.push(unreadable(last, hosts));
      continue;
    }
    const stricter = stricterPolicy(then, policy);
    policy = { ...stricter.policy, hosts: onlyFor(policy, stricter.policy, hosts) };
    for (const one of stricter.loosened) {
      const concerned = hosts.filter((host) => one.hosts === "all" || one.hosts.includes(host));
      if (concerned.length > 0) loosened.push({ ...one, hosts: concerned });
    }
  }
  const unspoken = Object.entries(policy.hosts).map(([host, settings]) => [
    host,
    fresh.includes(host as HostName) ? { ...settings, deploy: false } : settings,
  ]);
  return {
    fleet,
    pushed,
    policy: { ...policy, hosts: Object.fromEntries(unspoken) as Policy["hosts"] },
    loosened,
    newlyManaged: new Set(fresh),
    ancestry,
  };
}

/** What another host's past says of this one's settings is not this one's. */
function onlyFor(pushed: Policy, stricter: Policy, hosts: readonly HostName[]): Policy["hosts"] {
  return Object.fromEntries(
    Object.entries(pushed.hosts).map(([host, settings]) => {
      const found = hosts.includes(host as HostName) && Object.hasOwn(stricter.hosts, host) ? stricter.hosts[host as HostName] : undefined;
      return [host, found ?? settings];
    }),
  );
}

const unreadable = (revision: string, hosts: readonly HostName[]): Loosening => ({
  key: "deployGate",
  from: revision.slice(0, 12),
  to: undefined,
  sentence: `The policy of ${revision.slice(0, 12)}, which was applied last, cannot be read any more, so whether this one is looser cannot be told.`,
  hosts,
});
