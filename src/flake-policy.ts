import type { FlakeOutputs } from "./discover/discover.ts";
import { observeOnly, parsePolicy, type Policy } from "./policy.ts";

/** The policy that a flake has as its output `deployGate`; without one everything is only observed. Throws the GateError `policy-invalid`. */
export function policyOf(outputs: FlakeOutputs | undefined): Policy {
  return outputs?.deployGate === undefined ? observeOnly : parsePolicy(outputs.deployGate.value, outputs.flake.shown);
}
