import type { Side } from "../build/sides.ts";
import type { Compared } from "../diff/compare-fleet.ts";
import type { HostName } from "../discover/host.ts";
import type { Policy } from "../policy.ts";
import { classify, newHost } from "./classify.ts";
import type { Judgement } from "./finding.ts";
import { gatherFacts } from "./gather-facts.ts";
import type { HostFacts } from "./host-facts.ts";
import { concerns, type Loosening } from "./loosening.ts";
import type { Phase } from "./rule.ts";

/** A host that had something to judge. */
export type Judged = { readonly judgement: Judgement; readonly facts: HostFacts };

export type JudgeOptions = {
  readonly policy: Policy;
  readonly phase: Phase;
  /** Untrusted text. */
  readonly commitMessage: string | undefined;
  /** What hosts said of themselves, where they were asked. */
  readonly observed?: ReadonlyMap<HostName, HostFacts>;
  /** In what the pushed policy guards less than the one in force. */
  readonly loosened?: readonly Loosening[];
};

/** Judges every host that changed or is new, by the rules. Notes are what the operator's settings did, each said once however many hosts it concerns. */
export function judgeFleet(
  fleet: readonly Compared[],
  options: JudgeOptions,
): { readonly judged: ReadonlyMap<HostName, Judged>; readonly notes: readonly string[] } {
  const { policy, phase } = options;
  const judged = new Map<HostName, Judged>();
  const notes = new Set<string>();
  const moving = fleet.filter((host) => "comparison" in host || "after" in host);
  for (const host of moving) {
    const facts = factsOf(host, moving, options);
    const loosened = (options.loosened ?? []).filter((one) => concerns(one, host.sides.host));
    if ("after" in host) judged.set(host.sides.host, { judgement: newHost(host.after, facts, loosened), facts });
    if (!("comparison" in host)) continue;
    const { from, to, diff } = host.comparison;
    const classified = classify({ before: from, after: to, diff, facts, phase, loosened }, policy.rules);
    for (const note of classified.notes) notes.add(note);
    judged.set(host.sides.host, { judgement: classified.judgement, facts });
  }
  return { judged, notes: [...notes] };
}

function factsOf({ sides }: Compared, moving: readonly Compared[], { policy, commitMessage, observed }: JudgeOptions): HostFacts {
  const { host } = sides;
  const tags = tagsOf(policy, host);
  // Hosts of one role in one deploy can take a quorum down together. Without a role of its own nothing is known of a host's peers.
  const peers =
    tags &&
    moving
      .map((other) => other.sides.host)
      .filter((other) => other !== host && tagsOf(policy, other)?.some((tag) => tags.includes(tag)) === true);
  return {
    ...(commitMessage === undefined ? {} : { commitMessage }),
    ...(peers === undefined ? {} : { peersInSameDeploy: peers }),
    ...gatherFacts(evaluated(sides.before), evaluated(sides.after), { ...observed?.get(host), ...hostPolicy(policy, host)?.facts }),
  };
}

const hostPolicy = (policy: Policy, host: HostName) => (Object.hasOwn(policy.hosts, host) ? policy.hosts[host] : undefined);
const tagsOf = (policy: Policy, host: HostName): readonly string[] | undefined => hostPolicy(policy, host)?.facts?.tags;
const evaluated = (side: Side) => (side.kind === "known" || side.kind === "running" ? side.evaluation?.facts : undefined);
