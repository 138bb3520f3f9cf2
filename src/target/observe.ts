import { failure, type Failure } from "../failure.ts";
import type { Targets, TargetTrouble } from "../io/ports.ts";
import type { Address } from "./address.ts";
import type { Observation } from "./observation.ts";
import { observeProgram } from "./observe-program.ts";
import { pathOfKey, readObservation } from "./read-observation.ts";
import { targetFailure } from "./target-failure.ts";

export type Observed =
  | { readonly ok: true; readonly observation: Observation }
  | { readonly ok: false; readonly trouble: TargetTrouble; readonly failure: Failure };

export type ObserveOptions = {
  /** Keys whose values are wanted, with dots: `net.ipv4.ip_forward`. At most 500 are asked; one that cannot be a key is left out. */
  readonly sysctl?: readonly string[];
  /** `shared` unless a fresh login is to be shown to work. */
  readonly connection?: "shared" | "new";
  /** 120 unless told: a host under load may take its time, and each command on it has its own limit of 20 seconds. */
  readonly timeoutSeconds?: number;
};

const maxKeys = 500;
const maxBytes = 16 << 20;

/** Asks a host what it is and runs, in one round trip. A host that cannot be reached or understood is a failure as a value, never an exception. */
export async function observe(targets: Targets, address: Address, options: ObserveOptions = {}): Promise<Observed> {
  const paths = (options.sysctl ?? []).flatMap((key) => pathOfKey(key) ?? []).slice(0, maxKeys);
  const result = await targets.run({
    address,
    program: observeProgram,
    arguments: [paths.join("\n")],
    connection: options.connection ?? "shared",
    timeoutSeconds: options.timeoutSeconds ?? 120,
    maxBytes,
  });
  if (!result.ok) return { ok: false, trouble: result.trouble, failure: targetFailure(address, result.trouble, result.detail) };
  const read = readObservation(result.records);
  if (!read.ok)
    return {
      ok: false,
      trouble: "not-understood",
      failure: failure("observation-unreadable", { host: address.host, problem: read.problem }, result.stderr),
    };
  return { ok: true, observation: read.value };
}
