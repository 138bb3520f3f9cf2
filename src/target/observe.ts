import { failure, type Failure } from "../failure.ts";
import type { Targets, TargetTrouble } from "../io/ports.ts";
import type { Address } from "./address.ts";
import type { BriefObservation, Observation } from "./observation.ts";
import { observeProgram } from "./observe-program.ts";
import { pathOfKey, readObservation } from "./read-observation.ts";
import { targetFailure } from "./target-failure.ts";

/**
 * How much is asked. A look costs its host: `brief` a tenth of `full`.
 *
 * - `brief`: who it is, what it runs, boots and has written down, its room, and what has failed or is at work.
 * - `health`: that, and how often each service was restarted.
 * - `full`: everything, for a proof before and after.
 */
export type Much = "brief" | "health" | "full";

export type Observed<Seen extends BriefObservation = Observation> =
  | { readonly ok: true; readonly observation: Seen }
  | { readonly ok: false; readonly trouble: TargetTrouble; readonly failure: Failure };

export type ObserveOptions = {
  /** Keys whose values are wanted, with dots: `net.ipv4.ip_forward`. At most 500 are asked; one that cannot be a key is left out. */
  readonly sysctl?: readonly string[];
  /** `shared` unless a fresh login is to be shown to work. */
  readonly connection?: "shared" | "new";
  /** 120 unless told: a host under load may take its time, and each command on it has its own limit of 20 seconds. */
  readonly timeoutSeconds?: number;
  /** `full` unless told. */
  readonly much?: Much;
};

const maxKeys = 500;
const maxBytes = 16 << 20;

/** Asks a host what it is and runs, in one round trip. A host that cannot be reached or understood is a failure as a value, never an exception. */
export async function observe(
  targets: Targets,
  address: Address,
  options: ObserveOptions & { readonly much: "brief" | "health" },
): Promise<Observed<BriefObservation>>;
export async function observe(targets: Targets, address: Address, options?: ObserveOptions & { readonly much?: "full" }): Promise<Observed>;
export async function observe(targets: Targets, address: Address, options: ObserveOptions = {}): Promise<Observed> {
  const paths = (options.sysctl ?? []).flatMap((key) => pathOfKey(key) ?? []).slice(0, maxKeys);
  const result = await targets.run({
    address,
    program: observeProgram,
    verb: "observe",
    arguments: [options.much ?? "full", paths.join("\n")],
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
