import type { CheckResult } from "../target/check-result.ts";
import type { BriefObservation } from "../target/observation.ts";
import type { Look } from "./host-look.ts";
import { restartingUnits, type Baseline } from "./baseline.ts";

export type ConfirmationCase = {
  /** Exit code of `test`; undefined where our limit ended it. */
  readonly exit: number | undefined;
  /** "Failed to run activate script" was said: a later exit 4 hides the exit 2 of that. */
  readonly scriptFailed: boolean;
  /** Over a new connection: one that was there before survives what locks everybody else out. */
  readonly look: Look<BriefObservation>;
  readonly from: string;
  readonly activate: string;
  readonly baseline: Baseline;
  /** The same checks as before the change, asked again now. */
  readonly checks: readonly CheckResult[];
  /** Units that are known to be well only after the reboot that follows. */
  readonly waitForReboot: readonly string[];
  /** The restart of failed units was tried. */
  readonly restarted: boolean;
  readonly reversible: boolean;
  readonly soakSeconds: number;
  /** The look before the soak; undefined at the first. */
  readonly earlier: Pick<BriefObservation, "units"> | undefined;
};

export type Confirmation = {
  readonly kind:
    | "confirm"
    /** Well so far: asked once more after the soak. */
    | "look-again"
    /** These units first, then look again. */
    | "restart"
    /** The host is told to go back, and does so by itself where it cannot be told. */
    | "return"
    /** Not confirmed and not taken back: data may have been migrated. A person is needed. */
    | "stay"
    /** Not ours any more. */
    | "leave";
  readonly units: readonly string[];
  readonly afterSeconds: number;
  readonly reasons: readonly [string, ...string[]];
};

/**
 * Whether what runs now is to stay. Pure. Only what the change broke counts against it: what had failed before is named and not blamed. Anything that cannot be told
 * is no confirmation.
 */
export function confirmation(given: ConfirmationCase): Confirmation {
  const answer = (
    kind: Confirmation["kind"],
    reasons: readonly [string, ...string[]],
    units: readonly string[] = [],
    afterSeconds = 0,
  ): Confirmation => ({
    kind,
    units,
    afterSeconds,
    reasons,
  });
  const { look } = given;
  if (look.kind === "silent")
    return answer("return", [`No new connection came about (${look.trouble}), so nobody could mend what is not well.`]);
  const { observation } = look;
  if (observation.current !== undefined && observation.current !== given.activate && observation.current !== given.from)
    return answer("leave", [`Somebody else has switched the host to ${observation.current} meanwhile.`]);

  const against: string[] = [...operationSaid(given), ...systemSaid(given, observation)];
  const units = newlyFailed(given, observation);
  const checks = blamed(given);
  if (against.length === 0 && units.length === 0 && checks.length === 0) {
    const notes = notBlamed(given, observation);
    if (given.earlier === undefined && given.soakSeconds > 0)
      return answer(
        "look-again",
        [`All is well so far; it is looked at again after ${given.soakSeconds} s.`, ...notes],
        [],
        given.soakSeconds,
      );
    return answer("confirm", [
      "The new system is active, answers a new connection and nothing failed that had not failed before.",
      ...notes,
    ]);
  }
  if (against.length === 0 && units.length > 0 && !given.restarted && given.earlier === undefined)
    return answer("restart", [`${listed(units)} failed and had not before; a restart may settle it.`], units);

  const all = [...against, ...(units.length === 0 ? [] : [`${listed(units)} failed and had not before.`]), ...checks];
  const [head, ...rest] = all;
  const reasons: [string, ...string[]] = [head ?? "It is not well.", ...rest];
  return given.reversible
    ? answer("return", reasons)
    : answer("stay", [...reasons, "The change cannot be undone, so it stays and needs a person."]);
}

function operationSaid({ exit, scriptFailed }: ConfirmationCase): string[] {
  if (exit === undefined) return ["The activation did not end by itself."];
  if (exit === 2 || scriptFailed) return ["The activation script failed, so the system is half activated."];
  return exit === 0 || exit === 4 ? [] : [`The activation ended with ${exit}, which says that it is not whole.`];
}

function systemSaid({ from, activate }: ConfirmationCase, observation: BriefObservation): string[] {
  const { current, systemState } = observation;
  const said: string[] = [];
  if (current === undefined) said.push("What is active cannot be told.");
  else if (current !== activate) said.push(current === from ? "The old system is still active." : "Another system is active.");
  if (systemState === "maintenance" || systemState === "stopping") said.push(`The system is in the state "${systemState}".`);
  return said;
}

/** Failed now and not before; starting over and over now and not before; or started over again during the soak. */
function newlyFailed({ baseline, waitForReboot, earlier }: ConfirmationCase, observation: BriefObservation): string[] {
  const before = new Set([...baseline.failedUnits, ...baseline.restarting]);
  const restarts = new Map((earlier?.units ?? []).map((unit) => [unit.unit, unit.restarts]));
  const again = observation.units
    .filter((unit) => unit.restarts > (restarts.get(unit.unit) ?? Number.POSITIVE_INFINITY))
    .map((unit) => unit.unit);
  const bad = new Set([...observation.failedUnits, ...restartingUnits(observation), ...again]);
  return [...bad].filter((unit) => !before.has(unit) && !waitForReboot.includes(unit));
}

/** Checks that were green before, or were not asked before, and are not green now; and those that nobody asked again. */
function blamed({ baseline, checks }: ConfirmationCase): string[] {
  const before = new Map(baseline.checks.map((check) => [check.key, check.outcome]));
  const now = new Set(checks.map((check) => check.key));
  return [
    ...checks
      .filter((check) => check.outcome !== "passed" && (before.get(check.key) ?? "passed") === "passed")
      .map((check) => `The check "${check.name}" is ${check.outcome}: ${check.sentence}`),
    ...baseline.checks
      .filter((check) => check.outcome === "passed" && !now.has(check.key))
      .map((check) => `The check "${check.name}" was not asked again.`),
  ];
}

function notBlamed(given: ConfirmationCase, observation: BriefObservation): string[] {
  const { baseline, checks, exit, waitForReboot } = given;
  const notes: string[] = [];
  const still = observation.failedUnits.filter((unit) => baseline.failedUnits.includes(unit));
  if (still.length > 0) notes.push(`${listed(still)} had failed before and still ${still.length === 1 ? "does" : "do"}.`);
  const waiting = observation.failedUnits.filter((unit) => waitForReboot.includes(unit));
  if (waiting.length > 0) notes.push(`${listed(waiting)} ${waiting.length === 1 ? "waits" : "wait"} for the reboot.`);
  if (exit === 4 && still.length + waiting.length === 0)
    notes.push("The activation ended with 4, but no unit is failed now: something could not be reloaded or was late.");
  const red = checks.filter((check) => check.outcome !== "passed");
  if (red.length > 0) notes.push(`Not green before either: ${listed(red.map((check) => check.name))}.`);
  return notes;
}

function listed(names: readonly string[]): string {
  return names.length <= 5 ? names.join(", ") : `${names.slice(0, 5).join(", ")} and ${names.length - 5} more`;
}
