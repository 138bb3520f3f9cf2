import type { FlakeOutputs } from "./discover/discover.ts";
import type { Policy } from "./policy.ts";
import { policyDigest } from "./policy-in-force.ts";

/** Where the policy of a run came from, for its report; `digest` tells whether two runs went by the same values. */
export type PolicySource = { readonly source: "deployGate" | "none"; readonly revision?: string; readonly digest?: string };

export function policySource(outputs: FlakeOutputs, rev: string | undefined, policy: Policy): PolicySource {
  if (outputs.deployGate === undefined) return { source: "none" };
  return { source: "deployGate", ...(rev === undefined ? {} : { revision: rev }), digest: policyDigest(policy) };
}
