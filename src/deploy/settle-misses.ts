import type { Look } from "../apply/host-look.ts";
import type { Miss } from "../apply/outcome.ts";
import { restartUnits } from "../apply/restart-units.ts";
import { collectHostEvidence } from "../diagnose/collect-host-evidence.ts";
import { isUntouchable } from "../diagnose/recovery.ts";
import { mostUnits } from "../diagnose/remedy.ts";
import type { BriefObservation, Observation } from "../target/observation.ts";
import { isUnitName } from "../target/unit-name.ts";
import { keepsRestarting } from "../verify/failed-units.ts";
import type { Change } from "./change.ts";
import type { DeployWorld } from "./deploy-world.ts";
import { nextRemedy } from "./recover-host.ts";
import { type Course, note } from "./try-again.ts";

export type Unsettled = {
  readonly misses: readonly Miss[];
  /** The look that showed them. */
  readonly after: Observation;
  /** From before the deploy. */
  readonly before: BriefObservation;
  /** What the host shows now, and what of it is missing then. */
  readonly proveAgain: () => Promise<{ readonly look: Look; readonly misses: readonly Miss[] }>;
};

/**
 * Units that a start would settle: down, failed or still the old program. Not what systemd keeps starting by itself: a start by hand sets its counter back, so that
 * the proof after it would take the loop for a unit that stays up. Not what no remedy touches.
 */
export function unitsToRestart(misses: readonly Miss[]): readonly string[] {
  const units = misses.filter(
    ({ family, needs, expected }) => (family === "unit" || family === "process") && needs === "restart" && expected !== keepsRestarting,
  );
  return [...new Set(units.map(({ subject }) => subject))].filter((unit) => isUnitName(unit) && !isUntouchable(unit)).slice(0, mostUnits);
}

/**
 * A host that was brought to the new system and confirmed, and whose proof names units that only want a start: they are started anew once, as far as the recovery policy
 * allows, and everything is proven again. Undefined where nothing was done. The host is never taken back for it: it has been confirmed.
 */
export async function settleMisses(
  change: Change,
  { misses, after, before, proveAgain }: Unsettled,
  { recovering, tried, group }: Course,
  world: DeployWorld,
): Promise<Awaited<ReturnType<Unsettled["proveAgain"]>> | undefined> {
  const units = unitsToRestart(misses);
  if (units.length === 0 || world.recovery === undefined || world.signal.aborted) return undefined;
  const { targets, clock, apply, pause } = world;
  const { host, address } = change;
  // Before the start: it takes the traces along.
  const { evidence } = await collectHostEvidence(targets, address, {
    stage: "verification",
    failure: undefined,
    exit: undefined,
    since: before.at.getTime() / 1000 - 1,
    units,
    log: misses.map(({ sentence }) => sentence).join("\n"),
    atBase: "unknown",
    unitDiffs: change.diff?.units ?? [],
  });
  const known = [{ remedy: { kind: "restart-units", units }, confidence: "certain", by: "table" }] as const;
  const look: Look<BriefObservation> = { kind: "observed", observation: after };
  const told = (attempt: (typeof tried)[number]): void => void tried.push(attempt);
  const chosen = await nextRemedy({ change, stage: "verification", evidence, look, before, group, known, told }, recovering, world);
  if (chosen.kind === "none" || chosen.remedy.kind !== "restart-units") return undefined;
  const begun = clock.now().getTime();
  await restartUnits(targets, address, chosen.remedy.units);
  // As long as a new system is watched before it is confirmed: what starts and falls is not up.
  await pause(apply.soakSeconds);
  const proof = await proveAgain();
  const left = unitsToRestart(proof.misses).filter((unit) => units.includes(unit));
  const how =
    proof.look.kind === "silent"
      ? "Then it did not answer any more."
      : left.length === 0
        ? `${units.join(", ")} took effect.`
        : `${left.join(", ")} did not take effect.`;
  note(chosen, how, (clock.now().getTime() - begun) / 1000, { recovering, tried });
  // What stays is what a person has to hear of; what a strategy brought to a good end comes behind a failure of the activation itself.
  const settled = left.length === 0 && proof.look.kind === "observed";
  if (!settled || !world.evidence.has(host)) world.evidence.set(host, evidence);
  return proof;
}
