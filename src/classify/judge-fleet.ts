import type { HostSides } from "../build/sides.ts";
import type { Comparison } from "../diff/diff.ts";
import type { System } from "../diff/system.ts";
import type { HostName } from "../discover/host.ts";
import type { Policy } from "../policy.ts";
import { classify, newHost } from "./classify.ts";
import type { Judgement } from "./finding.ts";
import { gatherFacts } from "./gather-facts.ts";
import type { HostFacts } from "./host-facts.ts";
import type { Phase } from "./rule.ts";

export type Judged = { readonly judgement: Judgement; readonly facts: HostFacts };

/** What a host's change is judged by: both systems and their diff, or the new system alone where there is nothing to compare it with. */
export type Evidence = { readonly kind: "comparison"; readonly comparison: Comparison } | { readonly kind: "new"; readonly after: System };

export type JudgeOptions = {
  readonly policy: Policy;
  readonly phase: Phase;
  readonly commitMessage: string | undefined;
};

/**
 * Judges every host by the rules. Notes are what the operator's settings did, each said once however many hosts it concerns.
 */
export function judgeFleet(
  fleet: readonly { readonly sides: HostSides; readonly evidence: Evidence }[],
  options: JudgeOptions,
): { readonly judged: ReadonlyMap<string, Judged>; readonly notes: readonly string[] } {
  const judged = new Map<string, Judged>();
  const notes = new Set<string>();
  const { policy } = options;
  for (const { sides, evidence } of fleet) {
    const host = sides.host;
    const settings = Object.hasOwn(policy.hosts, host) ? policy.hosts[host] : undefined;
    const peers =
      tagsOf(policy, host) === undefined
        ? undefined
        : fleet.map((other) => other.sides.host).filter((other) => other !== host && sharesTag(policy, host, other));
    const facts: HostFacts = {
      ...(options.commitMessage === undefined ? {} : { commitMessage: options.commitMessage }),
      ...(peers === undefined ? {} : { peersInSameDeploy: peers }),
      ...gatherFacts(factsOf(sides.before), factsOf(sides.after), settings?.facts),
    };
    if (evidence.kind === "new") {
      judged.set(host, { judgement: newHost(evidence.after, facts), facts });
      continue;
    }
    const { from, to, diff } = evidence.comparison;
    const classified = classify({ before: from, after: to, diff, facts, phase: options.phase }, policy.rules);
    for (const note of classified.notes) notes.add(note);
    judged.set(host, { judgement: classified.judgement, facts });
  }
  return { judged, notes: [...notes] };
}

const factsOf = (side: HostSides["before"]) => (side.kind === "known" ? side.evaluation.facts : undefined);

/** Hosts of one role in one deploy can take a quorum down together. Without a role of its own nothing is known of a host's peers. */
function sharesTag(policy: Policy, host: HostName, other: HostName): boolean {
  const mine = tagsOf(policy, host) ?? [];
  return (tagsOf(policy, other) ?? []).some((tag) => mine.includes(tag));
}

function tagsOf(policy: Policy, host: HostName): readonly string[] | undefined {
  return Object.hasOwn(policy.hosts, host) ? policy.hosts[host]?.facts?.tags : undefined;
}
