import { GateError, gateError } from "../failure.ts";
import type { Bait, Nix } from "../io/ports.ts";
import { type Isolation, mayEvaluate, releaseCanary } from "./canary.ts";
import type { Sources } from "./source.ts";

/** What this run holds that a stranger must not read. */
export type Holdings = { readonly secrets: boolean; readonly writeToken: boolean };

export type GuardOptions = {
  readonly nix: Nix;
  /** Plants the canary's bait; called only where it is needed. */
  readonly plantBait: () => Bait;
  readonly holdings: Holdings;
  readonly policyIsolation: Parameters<typeof mayEvaluate>[0]["policyIsolation"];
};

/** Inputs of head that may not be fetched end the run before any Nix starts (invariant 4). */
export function refuseInputs(sources: Pick<Sources, "lockFindings">): void {
  if (sources.lockFindings.length === 0) return;
  throw gateError("lock-refused", {
    inputs: sources.lockFindings.map(({ input, reference, why }) => `${input.join(".")} (${reference}: ${why})`),
  });
}

/**
 * Proves that unreviewed code cannot read what this run holds, before any of it is evaluated. Throws the GateError `evaluation-exposed` where it can and the run
 * holds something; answers with a sentence for the report where it can and the run goes on all the same.
 */
export async function guardEvaluation(sources: Sources, options: GuardOptions): Promise<string | undefined> {
  if (sources.head.trust === "deploy-branch") return undefined;
  const { nix, holdings, policyIsolation } = options;
  const bait = options.plantBait();
  let isolation: Isolation;
  try {
    isolation = await releaseCanary(nix, bait, 60);
  } finally {
    bait.remove();
  }
  const answer = mayEvaluate({
    trust: sources.head.trust,
    isolation,
    holdsSecrets: holdings.secrets,
    holdsWriteToken: holdings.writeToken,
    policyIsolation,
  });
  if (!answer.ok) throw new GateError(answer.failure, 4);
  return isolation.kind === "isolated"
    ? undefined
    : `Unreviewed code was evaluated without isolation, because ${answer.because}: ${isolation.ways.join("; ")}.`;
}
