import type { Evaluation } from "./build/evaluate.ts";
import type { HostName } from "./discover/host.ts";
import type { Result } from "./io/ports.ts";
import type { Policy } from "./policy.ts";
import { lintPolicy, type PolicyLint, type PolicyWarning } from "./policy-lint.ts";
import { count } from "./report/count.ts";
import { knownTarget } from "./target/known-target.ts";
import { addressOf } from "./target/resolve-address.ts";

type Evaluated = ReadonlyMap<HostName, Result<Evaluation>>;

/** A policy with the hosts that stand beside it in the flake. `evaluated` may be of some of them only. */
export type PolicySide = { readonly policy: Policy; readonly hosts: readonly HostName[]; readonly evaluated: Evaluated };

/** Who logs in to each host that was evaluated, and how many keys its configuration lets in. */
export function accessOf(evaluated: Evaluated, policy: Policy): NonNullable<PolicyLint["access"]> {
  return new Map(
    [...evaluated].flatMap(([host, side]) => {
      if (!side.ok) return [];
      const resolved = addressOf(host, policy, knownTarget(side.value.facts));
      return resolved.ok ? [[host, { user: resolved.value.address.user, keys: side.value.facts.keys }] as const] : [];
    }),
  );
}

/**
 * What a plan says of the policy that it brings, a sentence each, with the line that mends it. `standing` is how what the base says already is told: each time to who
 * types a command, and in one sentence where it would stand under every pull request. Pure.
 */
export function policyNotes(
  after: PolicySide,
  before: PolicySide | undefined,
  now: Date,
  standing: "whole" | "counted",
): readonly string[] {
  const found = warningsOf(after, now);
  const known = new Set(before === undefined ? [] : warningsOf(before, now).map(({ sentence }) => sentence));
  const [old, fresh] = [found.filter(({ sentence }) => known.has(sentence)), found.filter(({ sentence }) => !known.has(sentence))];
  const told = standing === "whole" ? [...fresh, ...old] : fresh;
  return [
    ...told.map(({ sentence, next }) => `Policy: ${sentence} To mend it: ${next.replace(/ {2,}/g, " ")}`),
    ...(standing === "whole" || old.length === 0
      ? []
      : [
          `Policy: ${count(old.length, "warning")} of the base ${old.length === 1 ? "stands" : "stand"} as before; nixos-deploy-gate doctor lists them.`,
        ]),
  ];
}

/** That no host is deployed, the plan says of each. */
function warningsOf({ policy, hosts, evaluated }: PolicySide, now: Date): readonly PolicyWarning[] {
  // Whoever logs in matters where somebody does.
  const managed = new Map([...evaluated].filter(([host]) => policy.hosts[host]?.deploy === true));
  return lintPolicy({ policy, hosts, now, access: accessOf(managed, policy) }).filter(({ code }) => code !== "no-host-deployed");
}
