import { GateError, gateError } from "../failure.ts";
import type { Bait, Nix } from "../io/ports.ts";
import { type Isolation, mayEvaluate, releaseCanary } from "./canary.ts";
import type { Sources } from "./source.ts";

type PolicyIsolation = Parameters<typeof mayEvaluate>[0]["policyIsolation"];

/** What this run holds that a stranger must not read. */
export type Holdings = { readonly secrets: boolean; readonly writeToken: boolean };

/** Inputs of head that may not be fetched end the run before any Nix starts (invariant 4). */
export function refuseInputs(sources: Pick<Sources, "lockFindings">): void {
  if (sources.lockFindings.length === 0) return;
  throw gateError("lock-refused", {
    inputs: sources.lockFindings.map(({ input, reference, why }) => `${input.join(".")} (${reference}: ${why})`),
  });
}

/** Proves whether unreviewed code can read what this run holds, before any of it is evaluated. Undefined where all of the code has been merged. */
export async function proveIsolation(
  { head, base }: Pick<Sources, "head" | "base">,
  ports: { readonly nix: Nix; /** Plants the canary's bait; called only where it is needed. */ readonly plantBait: () => Bait },
): Promise<Isolation | undefined> {
  if (head.trust === "deploy-branch" && (base === undefined || base.trust === "deploy-branch")) return undefined;
  const bait = ports.plantBait();
  try {
    return await releaseCanary(ports.nix, bait, 60);
  } finally {
    bait.remove();
  }
}

/**
 * Whether unreviewed code may be evaluated here. Throws the GateError `evaluation-exposed` where it could read something that this run holds; answers with a sentence
 * for the report where it goes on without isolation. `policy` is one that was merged: what the change itself says of its isolation does not count.
 */
export function mayBegin(
  isolation: Isolation | undefined,
  holdings: Holdings,
  policy: { readonly evaluation: { readonly isolation: PolicyIsolation } },
  /** Why there is no jail, where there is none. */
  noJail: string | undefined,
): string | undefined {
  if (isolation === undefined) return undefined;
  const answer = mayEvaluate({
    trust: "unreviewed",
    isolation,
    holdsSecrets: holdings.secrets,
    holdsWriteToken: holdings.writeToken,
    policyIsolation: policy.evaluation.isolation,
  });
  if (!answer.ok)
    throw new GateError(
      noJail === undefined ? answer.failure : { ...answer.failure, detail: `There is no isolation on this machine: ${noJail}` },
      4,
    );
  return isolation.kind === "isolated"
    ? undefined
    : `Unreviewed code was evaluated without isolation, because ${answer.because}: ${isolation.ways.join("; ")}.`;
}
