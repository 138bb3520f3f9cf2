import type { Miss } from "../apply/outcome.ts";
import type { HostName } from "../discover/host.ts";
import type { Failure } from "../failure.ts";
import type { Probe, StoreFiles, Targets } from "../io/ports.ts";
import type { Check } from "../policy-deploy.ts";
import type { Address } from "../target/address.ts";
import type { CheckResult } from "../target/check-result.ts";
import type { Observation } from "../target/observation.ts";
import { runChecks } from "../verify/run-checks.ts";
import { verifyHost } from "../verify/verify.ts";

/** How a host stands against what its flake says, without any deploy. */
export type Verified =
  | { readonly host: HostName; readonly kind: "failed"; readonly failure: Failure }
  | {
      readonly host: HostName;
      readonly kind: "looked";
      readonly toplevel: string;
      readonly misses: readonly Miss[];
      readonly checks: readonly CheckResult[];
    };

export type VerifyQuestion = {
  readonly host: HostName;
  readonly address: Address;
  readonly observation: Observation;
  /** What the flake says, in the store of this machine. */
  readonly toplevel: string;
  readonly checks: readonly Check[];
};

export type VerifyPorts = {
  readonly targets: Targets;
  readonly probe: Probe;
  readonly pause: (seconds: number) => Promise<void>;
  readonly signal: AbortSignal;
  readonly store: StoreFiles;
};

/**
 * Holds what a host shows against its system. Nothing was changed, so there is no baseline: every failed unit counts. A host in a specialisation is held against that of
 * the same name.
 */
export async function verifyRunning(question: VerifyQuestion, { targets, probe, pause, signal, store }: VerifyPorts): Promise<Verified> {
  const { host, address, observation, toplevel } = question;
  const { specialisation } = observation;
  const special = specialisation === undefined ? undefined : store.resolve(`${toplevel}/specialisation/${specialisation}`);
  const planned = { profile: toplevel, current: special ?? toplevel };
  const misses =
    elsewhere(planned, observation) ?? verifyHost({ planned, before: { ...observation, failedUnits: [] }, after: observation, store });
  const checks = await runChecks(question.checks, { targets, address, probe, wait: pause, signal });
  return { host, kind: "looked", toplevel, misses, checks };
}

/** What another system promises says nothing of a host that runs neither. */
function elsewhere(planned: { readonly profile: string; readonly current: string }, observation: Observation): Miss[] | undefined {
  const { current, profile } = observation;
  if (current === planned.current && profile === planned.profile) return undefined;
  const miss = (subject: string, expected: string, found: string | undefined, verb: string): Miss[] =>
    found === expected
      ? []
      : [
          {
            family: "toplevel",
            subject,
            expected,
            found: found ?? "unknown",
            needs: "person",
            sentence: `It ${verb} ${found ?? "a system that it does not name"}, which is not what the flake says.`,
          },
        ];
  return [...miss("current-system", planned.current, current, "runs"), ...miss("profile", planned.profile, profile, "boots")];
}

/** Anything that a person or a reboot has to see to. What cannot be told is shown and is no failure by itself. */
export const isWell = (verified: Verified): boolean =>
  verified.kind === "looked" &&
  verified.misses.every((miss) => miss.needs === "nothing") &&
  verified.checks.every((check) => check.outcome === "passed");
