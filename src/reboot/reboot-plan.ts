import { createHash } from "node:crypto";
import type { HostName } from "../discover/host.ts";
import { Attempt } from "../target/ledger.ts";
import type { Observation } from "../target/observation.ts";

/** One reboot of one host from what it booted into what boots next. It is rebooted for it once, ever. */
export type RebootPlan = {
  /** Its id is the plan's and a number: what was begun and given up is not what is begun after it. */
  readonly attempt: Attempt;
  /** What `uname -r` has to say afterwards; undefined where that cannot be told beforehand. */
  readonly release: string | undefined;
};

/** The plan that an attempt is one of. */
export const planOf = (attempt: Attempt["id"]): string => attempt.replace(/-[0-9]+$/, "");

/**
 * The plan that a host's state asks for, or what is missing to have one. Its id hangs on what was booted, what is to boot and the
 * generation: the same in every run until
 * one of them changes, so that the ledger can tell that it was tried, and another one for the same system that is deployed again later on.
 */
export function rebootPlan(
  host: HostName,
  observation: Pick<Observation, "booted" | "profile" | "current" | "generation">,
  release: string | undefined,
  before: readonly { readonly attempt: Attempt }[],
): RebootPlan | { readonly missing: string } {
  const { booted, profile, current, generation } = observation;
  if (booted === undefined) return { missing: "What it booted cannot be told." };
  if (profile === undefined) return { missing: "What it boots next cannot be told." };
  const key = createHash("sha256")
    .update(JSON.stringify([host, booted, profile, generation ?? null]))
    .digest("hex");
  const plan = `reboot-${key.slice(0, 32)}`;
  const attempt = Attempt.safeParse({
    id: `${plan}-${before.filter((other) => planOf(other.attempt.id) === plan).length + 1}`,
    host,
    operation: "reboot",
    from: { profile, ...(current === undefined ? {} : { current }) },
    to: profile,
  });
  return attempt.success ? { attempt: attempt.data, release } : { missing: "What it boots next is not the path of a system." };
}
