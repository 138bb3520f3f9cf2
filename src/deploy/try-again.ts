import type { Attempt } from "../apply/outcome.ts";
import type { Next, Tryable } from "../apply/strategy.ts";
import type { Mode } from "../classify/finding.ts";
import { lockSeconds } from "../diagnose/recognisers/activation.ts";
import type { Tried } from "../diagnose/recovery.ts";
import type { BriefObservation } from "../target/observation.ts";
import type { Attempted } from "./attempt.ts";
import type { Change } from "./change.ts";
import type { DeployWorld } from "./deploy-world.ts";
import { keepEvidence, silentEvidence, toldBy } from "./failure-evidence.ts";
import { glanceAt } from "./look-at.ts";
import type { GroupStanding, Prepared } from "./prepare-host.ts";
import { type Chosen, nextRemedy, type Recovering, remedyOf } from "./recover-host.ts";

/** One host's way through its attempts. */
export type Course = { readonly recovering: Recovering; readonly tried: Attempt[]; readonly group: () => Promise<GroupStanding> };

/** Of a host that could not be reached or copied to; nothing on it was changed. What else ends a host before that is a decision, and no failure. */
export async function prepareAgain(
  change: Change,
  { outcome, reasons, failure: why, observation }: Extract<Prepared, { kind: "ended" }>,
  { recovering, tried, group }: Course,
  world: DeployWorld,
): Promise<Chosen> {
  // Nothing else in there fails with a failure of its own; where the connection broke it is ssh's.
  const copying = why !== undefined;
  if (!copying && outcome !== "unreachable") return { kind: "none", reasons: [] };
  const { host } = change;
  world.evidence.delete(host);
  const look = await glanceAt(change, world);
  const answers = look.kind === "observed";
  if (copying) await keepEvidence({ change, stage: "copy", failure: why, since: observation?.at, attempt: undefined, answers }, world);
  const evidence = world.evidence.get(host) ?? silentEvidence(host, look, reasons);
  world.evidence.set(host, evidence);
  const told = (attempt: Attempt): void => void tried.push(attempt);
  return await nextRemedy(
    { change, stage: copying ? "copy" : "connection", evidence, look, before: observation, group, told },
    recovering,
    world,
  );
}

/** A wait has been written down when it ended; what followed it is told behind it. */
export function note(
  { remedy, strategy, reason }: Extract<Chosen, { kind: "try" }>,
  how: string,
  seconds: number,
  { recovering, tried }: Pick<Course, "recovering" | "tried">,
): void {
  const again = remedy.kind === "retry" || remedy.kind === "wait-until";
  tried.push({
    strategy: again ? "retry" : (strategy ?? "retry"),
    ended: `${remedy.kind === "wait-until" ? "" : `${reason} `}${how}`.slice(0, 1_000),
  });
  if (remedy.kind !== "wait-until") recovering.tried.push({ remedy: remedy.kind, seconds, ended: how.slice(0, 300) });
}

/**
 * What the diagnosis chooses where the strategies of the change have come to their end without good. Not where somebody else has switched the host, and not where it came to
 * a good end.
 */
export async function attemptAgain(
  change: Change,
  { next, attempts, observation }: { readonly next: Next; readonly attempts: readonly Attempted[]; readonly observation: BriefObservation },
  { recovering, tried, group }: Course,
  world: DeployWorld,
): Promise<Chosen> {
  const last = attempts.at(-1);
  const none: Chosen = { kind: "none", reasons: [] };
  if (last === undefined || next.kind === "try" || last.ended.standing === "other") return none;
  const locked = last.ended.trouble === "lock-held" && last.ended.standing === "old";
  if (next.kind === "end" && (next.how === "done" || (next.how === "later" && !locked))) return none;
  // What is active was confirmed, and neither way can be gone without the boot loader that failed.
  if (last.ended.trouble === "loader-failed") return none;
  if (world.recovery === undefined || world.signal.aborted) return none;
  const look = await glanceAt(change, world, "brief", "new");
  const about = { change, stage: "activation", failure: undefined, since: observation.at, attempt: toldBy(attempts) } as const;
  await keepEvidence({ ...about, answers: look.kind === "observed" }, world);
  const evidence = world.evidence.get(change.host);
  if (evidence === undefined) return none;
  const known = locked
    ? [{ remedy: { kind: "wait-until", condition: "lock-free", seconds: lockSeconds }, confidence: "certain", by: "table" } as const]
    : undefined;
  const told = (attempt: Attempt): void => void tried.push(attempt);
  return await nextRemedy(
    { change, stage: "activation", evidence, look, before: observation, group, told, ...(known === undefined ? {} : { known }) },
    recovering,
    world,
  );
}

/** Units of a system that is not active any more are started by a switch to it, which starts anew what fails; where only a boot may bring it in, by nothing. */
export function strategyToTry(
  { strategy }: Extract<Chosen, { kind: "try" }>,
  mode: Mode,
  last: Attempted | undefined,
): Tryable | undefined {
  if (strategy === undefined || strategy === "escalate") return undefined;
  if (strategy !== "restart-units" || last?.ended.standing === "new") return strategy;
  return mode === "boot-only" ? undefined : "switch";
}

/** What an attempt of the change itself has used up of the remedies: units that failed were started anew before anything was said of them. */
export function triedBy({ ended: { strategy, trouble } }: Attempted, seconds: number, how: string): Tried[] {
  if (trouble === undefined) return [];
  const remedies = [remedyOf[strategy], trouble === "units-failed" ? ("restart-units" as const) : undefined];
  return [...new Set(remedies)].flatMap((remedy) => (remedy === undefined ? [] : [{ remedy, seconds, ended: how.slice(0, 300) }]));
}
