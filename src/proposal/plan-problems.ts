import type { Plan } from "../report/plan.ts";

/** What speaks against a proposal once it has been planned, as sentences. */
export function planProblems(plan: Plan, policySame: boolean, hosts: readonly string[]): string[] {
  const known = new Set(hosts);
  return [
    ...(policySame ? [] : ["It changes the gate's policy (deployGate), which is for people to change."]),
    ...plan.hosts.flatMap((host) => {
      if (host.state === "failed" && !host.atBase) return [`${host.host} does not build any more: ${host.failure.message}`];
      if (host.state === "removed") return [`It removes the host ${host.host}.`];
      return host.state === "changed" && !known.has(host.host) ? [`It changes ${host.host}, which the goal is not about.`] : [];
    }),
  ];
}

/** How many hosts stand how: by verdict where something changes for them, else by what became of them. */
export function verdictsOf(plan: Plan): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const host of plan.hosts) {
    const verdict = host.state === "changed" || host.state === "added" ? host.judgement.verdict : host.state;
    counts[verdict] = (counts[verdict] ?? 0) + 1;
  }
  return counts;
}
