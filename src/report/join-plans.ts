import { compareHosts, hasOutcomes } from "./order.ts";
import type { PlanEscalation } from "./plan-diagnosis.ts";
import type { PlanDiff } from "./plan-diff.ts";
import type { PlanSession } from "./plan-session.ts";
import type { Plan } from "./plan.ts";

/** One job's plan; `name` is the file that it was read from, for people. */
export type Part = { readonly name: string; readonly plan: Plan };

/** `problem` is a clause without a full stop. */
export type Joined = { readonly ok: true; readonly plan: Plan } | { readonly ok: false; readonly problem: string };

/**
 * The plans of several jobs, each of which looked at some hosts, as the plan of one run that looked at all. Pure. Refused is whatever would make a report that no single run
 * could have made: another repository, revision, policy or program, a host twice, a host missing, a run that changed hosts.
 *
 * A plan came through an artifact, which whoever wrote the workflow of a branch may have written as well. What is joined is shown and never acted upon.
 */
export function joinPlans(parts: readonly Part[]): Joined {
  const [first, ...others] = parts;
  if (first === undefined) return refused("there is none");
  for (const { name, plan } of parts) {
    if (hasOutcomes(plan)) return refused(`${name} is of a run that could change hosts; only plans are joined`);
    if (plan.preview) return refused(`${name} was made before anything was built`);
    if (plan.revision.head === undefined) return refused(`${name} is of a working tree with changes, which no other job can have seen`);
  }
  for (const { name, plan } of others) {
    const differing = same.find(([, of]) => of(plan) !== of(first.plan));
    if (differing !== undefined) {
      const [what, of] = differing;
      return refused(`${name} has another ${what} than ${first.name} (${of(plan) ?? "none"} and ${of(first.plan) ?? "none"})`);
    }
  }
  const problem = hostsProblem(parts) ?? diffsProblem(parts);
  if (problem !== undefined) return refused(problem);
  return {
    ok: true,
    plan: merged(
      parts.map(({ plan }) => plan),
      first.plan,
    ),
  };
}

const refused = (problem: string): Joined => ({ ok: false, problem });

/** What all jobs of one run have in common. */
const same: readonly (readonly [what: string, of: (plan: Plan) => string | undefined])[] = [
  ["repository", (plan) => plan.repository],
  ["flake", (plan) => plan.flake],
  ["event", (plan) => plan.event],
  ["revision", (plan) => plan.revision.head],
  ["base", (plan) => plan.revision.base],
  ["policy", (plan) => [plan.policy.source, plan.policy.revision, plan.policy.digest].filter((part) => part !== undefined).join(" ")],
  ["detail", (plan) => plan.detail],
  ["version of the gate", (plan) => plan.tool.version],
  ["list of hosts", (plan) => fleetOf(plan).join(" ")],
];

/** A run that was asked for all hosts says so by not listing them. */
const fleetOf = (plan: Plan): readonly string[] => (plan.fleet ?? plan.hosts.map(({ host }) => host)).toSorted();

function hostsProblem(parts: readonly Part[]): string | undefined {
  const seen = new Map<string, string>();
  for (const { name, plan } of parts)
    for (const { host } of plan.hosts) {
      const before = seen.get(host);
      if (before !== undefined) return `${host} is in ${before} and in ${name}`;
      seen.set(host, name);
    }
  const fleet = parts[0] === undefined ? [] : fleetOf(parts[0].plan);
  const missing = fleet.filter((host) => !seen.has(host));
  if (missing.length > 0)
    return `none of them looked at ${missing.slice(0, 12).join(", ")}${missing.length > 12 ? ` and ${missing.length - 12} more` : ""}`;
  const strange = [...seen.keys()].find((host) => !fleet.includes(host));
  return strange === undefined ? undefined : `${seen.get(strange)} has ${strange}, which the flake does not have`;
}

/** What in a diff is that of the host on which it was measured. */
const measured = new Set(["measuredOn", "closure", "size", "sizeDelta", "sizeFrom", "sizeTo", "pathsFrom", "pathsTo"]);

/** The key of a diff is made of what it holds, but for what is measured. */
function diffsProblem(parts: readonly Part[]): string | undefined {
  const seen = new Map<string, string>();
  for (const { name, plan } of parts)
    for (const [key, diff] of Object.entries(plan.diffs)) {
      const text = JSON.stringify(diff, (name, value: unknown) => (measured.has(name) ? undefined : value));
      if ((seen.get(key) ?? text) !== text) return `${name} has another diff under the key ${key} than a plan before it`;
      seen.set(key, text);
    }
  return undefined;
}

function merged(plans: readonly Plan[], first: Plan): Plan {
  // Each job has a clock of its own.
  const { fleet: _, escalations: __, timeline: ___, ...rest } = first;
  const escalations = joinedEscalations(plans);
  return {
    ...rest,
    startedAt: plans.map((one) => one.startedAt).toSorted()[0] ?? first.startedAt,
    finishedAt:
      plans
        .map((one) => one.finishedAt)
        .toSorted()
        .at(-1) ?? first.finishedAt,
    session: joinedSession(
      plans.map(({ session }) => session),
      first.session,
    ),
    notes: [...new Set(plans.flatMap(({ notes }) => notes))],
    hosts: plans.flatMap(({ hosts }) => hosts).toSorted(compareHosts),
    diffs: joinedDiffs(plans),
    ...(escalations.length === 0 ? {} : { escalations }),
  };
}

/** Measured on the first host by name, as in the plan of one job. */
function joinedDiffs(plans: readonly Plan[]): Plan["diffs"] {
  const by = ([, diff]: readonly [string, PlanDiff]): string => diff.measuredOn ?? "";
  return Object.fromEntries(plans.flatMap(({ diffs }) => Object.entries(diffs)).toSorted((a, b) => (by(a) < by(b) ? 1 : -1)));
}

/** It ran where it ran in every job: a report that is silent about one that it missed would claim too much. */
function joinedSession(sessions: readonly PlanSession[], first: PlanSession): PlanSession {
  const silent = sessions.find(({ ran }) => !ran);
  const costs = sessions.flatMap(({ costUsd }) => costUsd ?? []);
  const changes = sessions.flatMap(({ changes: these }) => these ?? []);
  return {
    ...(silent ?? first),
    ...(costs.length === 0 ? {} : { costUsd: costs.reduce((a, b) => a + b, 0) }),
    ...(changes.length === 0 ? {} : { changes }),
  };
}

/** The same failure on hosts of several jobs is one. */
function joinedEscalations(plans: readonly Plan[]): PlanEscalation[] {
  const found = new Map<string, PlanEscalation>();
  for (const one of plans.flatMap(({ escalations }) => escalations ?? [])) {
    const before = found.get(one.key);
    found.set(
      one.key,
      before === undefined ? one : { ...before, hosts: [...before.hosts, ...one.hosts], states: [...before.states, ...one.states] },
    );
  }
  return [...found.values()];
}
