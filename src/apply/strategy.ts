import type { Mode } from "../classify/finding.ts";
import type { Strategy } from "./outcome.ts";
import type { Trouble } from "./trouble.ts";

/** What an attempt left behind, as a new look at the host shows it. */
export type Ended = {
  readonly strategy: Strategy;
  /** Undefined where it came to a good end: active and confirmed, staged, or back. */
  readonly trouble: Trouble | undefined;
  /** What is active now. `other`: what a person or another tool switched to. */
  readonly standing: "old" | "new" | "other" | "unknown";
  readonly evidence: Evidence;
};

export type Evidence = {
  /** Units that failed and had not before. */
  readonly failedUnits: readonly string[];
  /** Those of them that want a module which only the new kernel has. */
  readonly needNewKernel: readonly string[];
  /** Services that keep a file system busy which could not be unmounted. */
  readonly holders: readonly string[];
};

export const noEvidence: Evidence = { failedUnits: [], needNewKernel: [], holders: [] };

/** What each strategy is. Going back asks no calendar and no order: a broken host does not wait for Sunday. */
export const strategyFacts: Readonly<
  Record<
    Strategy,
    { readonly tests: boolean; readonly reboots: boolean; readonly bypassesWindows: boolean; readonly bypassesOrder: boolean }
  >
> = {
  switch: { tests: true, reboots: false, bypassesWindows: false, bypassesOrder: false },
  boot: { tests: false, reboots: true, bypassesWindows: false, bypassesOrder: false },
  "restart-units": { tests: false, reboots: false, bypassesWindows: false, bypassesOrder: false },
  "stop-then-switch": { tests: true, reboots: false, bypassesWindows: false, bypassesOrder: false },
  rollback: { tests: false, reboots: false, bypassesWindows: true, bypassesOrder: true },
  escalate: { tests: false, reboots: false, bypassesWindows: true, bypassesOrder: true },
};

export type StrategyCase = { readonly attempts: readonly Ended[]; readonly mode: Mode; readonly reversible: boolean };

export type Tryable = Exclude<Strategy, "escalate">;

export type Next =
  | {
      readonly kind: "try";
      readonly strategy: Tryable;
      /** To be restarted, or to be stopped first. */
      readonly units: readonly string[];
      /** The host is told to go back before this begins; that is the end of the attempt before, not a strategy of its own. */
      readonly returnFirst: boolean;
      readonly reasons: readonly [string, ...string[]];
    }
  /** `done`: brought in. `back`: on the old system again, and nothing else would help. `later`: nothing was changed and the next run sees to it. */
  | { readonly kind: "end"; readonly how: "done" | "back" | "later"; readonly reasons: readonly [string, ...string[]] }
  | { readonly kind: "escalate"; readonly strategy: "escalate"; readonly reasons: readonly [string, ...string[]] };

type Circumstances = StrategyCase & {
  readonly last: Ended;
  /** Nothing may be activated on the running system any more. */ readonly onlyBoot: boolean;
};

type Rule = {
  readonly strategy: Tryable;
  /** Why it is the one to try; undefined where it is not. */
  readonly reason: (given: Circumstances) => string | undefined;
  readonly units: (given: Circumstances) => readonly string[];
};

const none = (): readonly string[] => [];

/** In this order; each at most once for a change. */
const rules: readonly Rule[] = [
  {
    strategy: "boot",
    reason: ({ last, mode, reversible }) => {
      if (last.standing === "old" && last.trouble === "inhibitor")
        return "A component that cannot be exchanged while the system runs would change, so the new system becomes the boot default and a reboot brings it in.";
      if (last.standing === "old" && last.trouble === "init-interface")
        return "The new system speaks to another init than the one that runs, so it becomes the boot default and a reboot brings it in.";
      const { failedUnits, needNewKernel } = last.evidence;
      const kernel = last.trouble === "units-failed" && failedUnits.length > 0 && failedUnits.every((unit) => needNewKernel.includes(unit));
      if (kernel && mode !== "boot-only" && (last.standing === "old" || (last.standing === "new" && reversible)))
        return `${listed(failedUnits)} ${failedUnits.length === 1 ? "wants" : "want"} a module that only the new kernel has, so a reboot has to bring the new system in.`;
      return undefined;
    },
    units: none,
  },
  {
    strategy: "stop-then-switch",
    reason: ({ last, onlyBoot, reversible }) =>
      !onlyBoot &&
      last.trouble !== undefined &&
      last.evidence.holders.length > 0 &&
      (last.standing === "old" || (last.standing === "new" && reversible))
        ? `A file system could not be unmounted because ${listed(last.evidence.holders)} ${last.evidence.holders.length === 1 ? "uses" : "use"} it, so that is stopped first.`
        : undefined,
    units: ({ last }) => last.evidence.holders,
  },
  {
    strategy: "restart-units",
    reason: ({ last, onlyBoot }) =>
      !onlyBoot && last.trouble === "units-failed" && last.standing === "new" && last.evidence.failedUnits.length > 0
        ? `The new system runs and ${listed(last.evidence.failedUnits)} failed on it; a start may fail for reasons that pass.`
        : undefined,
    units: ({ last }) => last.evidence.failedUnits,
  },
  {
    strategy: "rollback",
    reason: ({ last, mode, reversible }) =>
      reversible && mode !== "boot-only" && last.trouble !== undefined && last.trouble !== "loader-failed" && last.standing === "new"
        ? `The new system is active and not well: ${troubleSaid[last.trouble]}`
        : undefined,
    units: none,
  },
];

/** Every way that an attempt can end badly, in words. */
const troubleSaid: Readonly<Record<Trouble, string>> = {
  inhibitor: "a switch inhibitor refused the switch.",
  "init-interface": "it needs another init.",
  "pre-switch-check": "a check of the system itself refused the switch.",
  "lock-held": "another activation holds the lock.",
  moved: "the host was switched by somebody else meanwhile.",
  "not-begun": "the activation could not begin.",
  "units-failed": "units failed that had not failed before.",
  "script-failed": "its activation script failed, so that it is half activated.",
  "timed-out": "the activation did not end within its time limit.",
  "not-confirmed": "it was not confirmed: a check fails, or no new connection came about.",
  killed: "the activation or its supervisor was killed.",
  "loader-failed": "profile or boot loader could not be set.",
  "return-failed": "going back failed.",
  unreachable: "the host does not answer.",
  unknown: "what became of the activation is not known.",
};

/**
 * What to do next for one host. Pure, total and bounded: every strategy at most once, so at most five attempts and an end. A change that only a boot may bring in is
 * never activated on the running system, and one that cannot be undone is never taken back by us while the host answers (invariant 6).
 */
export function nextStrategy(given: StrategyCase): Next {
  const { attempts, mode } = given;
  const last = attempts.at(-1);
  if (last === undefined) {
    return mode === "boot-only"
      ? { kind: "try", strategy: "boot", units: [], returnFirst: false, reasons: ["Only a boot brings this change in."] }
      : {
          kind: "try",
          strategy: "switch",
          units: [],
          returnFirst: false,
          reasons: ["The change can be brought in while the system runs."],
        };
  }
  if (last.strategy === "escalate") return escalate("It is with a person already.");
  if (last.standing === "other")
    return { kind: "end", how: "later", reasons: ["Somebody else has switched the host meanwhile, and what they did is left alone."] };
  if (last.strategy === "rollback")
    return last.trouble === undefined && last.standing === "old"
      ? { kind: "end", how: "back", reasons: ["The host runs its old system again."] }
      : escalate(`The host could not be brought back: ${troubleSaid[last.trouble ?? "unknown"]}`);
  if (last.trouble === undefined) return { kind: "end", how: "done", reasons: ["It was brought in."] };
  if (last.trouble === "unreachable" || last.standing === "unknown")
    return escalate(
      `Nothing can be done from here: ${troubleSaid[last.trouble]}`,
      "Its supervisor goes back by itself where nobody confirms, and the next run reads what became of it.",
    );
  if (last.trouble === "moved" || last.trouble === "lock-held")
    return last.standing === "old"
      ? { kind: "end", how: "later", reasons: [`Nothing was changed: ${troubleSaid[last.trouble]}`] }
      : escalate(`It is in the middle: ${troubleSaid[last.trouble]}`);

  const onlyBoot =
    mode === "boot-only" ||
    attempts.some((attempt) => attempt.strategy === "boot" || attempt.trouble === "inhibitor" || attempt.trouble === "init-interface");
  const circumstances: Circumstances = { ...given, last, onlyBoot };
  for (const rule of rules) {
    if (attempts.some((attempt) => attempt.strategy === rule.strategy)) continue;
    const reason = rule.reason(circumstances);
    if (reason === undefined) continue;
    const again = rule.strategy === "boot" || rule.strategy === "stop-then-switch";
    return {
      kind: "try",
      strategy: rule.strategy,
      units: rule.units(circumstances),
      returnFirst: again && last.standing === "new" && given.reversible,
      reasons: [reason],
    };
  }
  if (last.standing === "new" && last.trouble === "loader-failed")
    return escalate(
      "The new system is active and was confirmed, and the boot loader could not be set: the next boot brings the old one back.",
      "Going back would need the same boot loader, so it is left as it is until a person has looked at it.",
    );
  if (last.standing === "new" && !given.reversible)
    return escalate(
      `The new system is active and not well: ${troubleSaid[last.trouble]}`,
      "It may have migrated data, so it is not taken back while the host answers.",
    );
  if (last.standing === "old" && last.trouble !== "return-failed")
    return { kind: "end", how: "back", reasons: [`The host runs its old system: ${troubleSaid[last.trouble]}`] };
  return escalate(`No other way is left: ${troubleSaid[last.trouble]}`);
}

const escalate = (...reasons: [string, ...string[]]): Next => ({ kind: "escalate", strategy: "escalate", reasons });

function listed(units: readonly string[]): string {
  return units.length <= 4 ? units.join(", ") : `${units.slice(0, 4).join(", ")} and ${units.length - 4} more`;
}
