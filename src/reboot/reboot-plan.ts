import { createHash } from "node:crypto";
import type { HostName } from "../discover/host.ts";
import { Attempt } from "../target/ledger.ts";
import type { Observation } from "../target/observation.ts";

/** One reboot of one host from what it booted into what boots next. There is one attempt for it, ever. */
export type RebootPlan = {
  readonly attempt: Attempt;
  /** What `uname -r` has to say afterwards; undefined where that cannot be told beforehand. */
  readonly release: string | undefined;
};

/**
 * The plan that a host's state asks for, or what is missing to have one. Its id hangs on what was booted, what is to boot and the generation: the same in every run until
 * one of them changes, so that the ledger can tell that it was tried, and another one for the same system that is deployed again later on.
 */
export function rebootPlan(
  host: HostName,
  observation: Pick<Observation, "booted" | "profile" | "current" | "generation">,
  release: string | undefined,
): RebootPlan | { readonly missing: string } {
  const { booted, profile, current, generation } = observation;
  if (booted === undefined) return { missing: "What it booted cannot be told." };
  if (profile === undefined) return { missing: "What it boots next cannot be told." };
  const key = createHash("sha256")
    .update(JSON.stringify([host, booted, profile, generation ?? null]))
    .digest("hex");
  const attempt = Attempt.safeParse({
    id: `reboot-${key.slice(0, 32)}`,
    host,
    operation: "reboot",
    from: { profile, ...(current === undefined ? {} : { current }) },
    to: profile,
  });
  return attempt.success ? { attempt: attempt.data, release } : { missing: "What it boots next is not the path of a system." };
}
