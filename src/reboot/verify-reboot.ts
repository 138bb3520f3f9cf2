import { toplevelFailure } from "../diff/toplevel.ts";
import type { StoreFiles } from "../io/ports.ts";
import type { CheckResult } from "../target/check-result.ts";
import type { Observation } from "../target/observation.ts";
import { failedUnitMisses } from "../verify/failed-units.ts";
import type { Planned } from "../verify/planned.ts";
import { toplevelMisses } from "../verify/toplevel.ts";
import { verifyHost } from "../verify/verify.ts";
import type { RebootJob } from "./state.ts";

/** Something else was deployed since: a run that comes later must not take that for what the reboot did. */
const isDeployedSince = ({ attempt }: Pick<RebootJob, "attempt">, { profile }: Pick<Observation, "profile">): boolean =>
  profile !== undefined && profile !== attempt.to;

/** What is expected of a host that has booted what was planned. */
export function plannedOf(job: Pick<RebootJob, "attempt">, after: Pick<Observation, "current" | "profile" | "specialisation">): Planned {
  const { to } = job.attempt;
  const since = isDeployedSince(job, after);
  // A boot may come up in a specialisation of the system by the loader's own choice; which one that is, the loader was told.
  const current = (since || after.specialisation !== undefined) && after.current !== undefined ? after.current : to;
  return { profile: since ? (after.profile ?? to) : to, current, booted: to };
}

/** What the host was before: as it was seen then, else, for a run that comes later, as the attempt wrote it down. */
export function baselineOf(job: RebootJob, before: Observation | undefined, after: Observation): Observation {
  return before ?? { ...after, failedUnits: job.failedBefore ?? after.failedUnits, bootId: job.bootId };
}

/**
 * Everything that is not as it should be after a reboot, as sentences. Without the system in this machine's store only what the host
 * itself says is held against the plan: that a runner does not have a system is no fault of the host.
 */
export function rebootProblems(
  job: RebootJob,
  before: Observation | undefined,
  after: Observation,
  checks: readonly CheckResult[],
  store: StoreFiles,
): string[] {
  const planned = plannedOf(job, after);
  const baseline = baselineOf(job, before, after);
  const misses =
    toplevelFailure(store, planned.current) === undefined
      ? verifyHost({ planned, before: baseline, after, store })
      : [...toplevelMisses(planned, baseline, after), ...failedUnitMisses(baseline, after)];
  return [
    // Ports come and go with a boot: those that count have a check.
    ...misses
      .filter(({ needs, family }) => needs !== "nothing" && family !== "port" && !(needs === "reboot" && isDeployedSince(job, after)))
      .map(({ sentence }) => sentence),
    ...checks.filter(({ outcome }) => outcome !== "passed").map(({ name, outcome, sentence }) => `Check "${name}" ${outcome}: ${sentence}`),
  ];
}
