import type { Verdict } from "../../src/classify/finding.ts";
import type { Answer } from "../corpus/build.ts";

export type Outcome = { readonly answer: Answer; readonly verdict: Verdict; readonly rules: readonly string[] };
/** A share with its 95 % confidence interval. */
export type Rate = { readonly count: number; readonly of: number; readonly rate: number; readonly low: number; readonly high: number };

/** Wilson's score interval: it holds for small numbers and for shares near nought and one, where the usual one does not. */
export function wilson(count: number, of: number, z = 1.959_963_985): Rate {
  if (of === 0) return { count, of, rate: 0, low: 0, high: 1 };
  const share = count / of;
  const middle = (share + (z * z) / (2 * of)) / (1 + (z * z) / of);
  const half = (z / (1 + (z * z) / of)) * Math.sqrt((share * (1 - share)) / of + (z * z) / (4 * of * of));
  return { count, of, rate: share, low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}

const verdicts = ["clean", "reboot", "risky"] as const;
const rank = (verdict: Verdict): number => verdicts.indexOf(verdict);

export type Score = {
  readonly cases: number;
  /** Rows are what is true, columns what was said. */
  readonly confusion: Readonly<Record<Verdict, Readonly<Record<Verdict, number>>>>;
  readonly exact: Rate;
  /** Said clean where it is not, among the cases that a rule could see. */
  readonly falseClean: Rate;
  /** Said less than risky where it is risky, among the cases that a rule could see. */
  readonly missedRisk: Rate;
  /** Said risky where it is clean. */
  readonly overHold: Rate;
  /** Said more than clean where it is clean. */
  readonly raised: Rate;
  readonly riskyReboots: Rate;
  /** Pairs of cases with the same change and other facts, where every member is right. */
  readonly pairs: Rate;
  readonly hazards: readonly {
    readonly hazard: string;
    readonly cases: number;
    readonly exact: number;
    readonly tooLow: number;
    readonly tooHigh: number;
  }[];
  readonly wrong: readonly Outcome[];
};

/** Whether a rule could know: the signal is in the closure or in the facts. */
export const visible = (answer: Answer): boolean => !answer.llm_only && !answer.outside;

export function score(outcomes: readonly Outcome[]): Score {
  const count = (keep: (outcome: Outcome) => boolean, among: readonly Outcome[] = outcomes): number => among.filter(keep).length;
  const row = (label: Verdict): Record<Verdict, number> => {
    const cells = (said: Verdict): number => count((outcome) => outcome.answer.label === label && outcome.verdict === said);
    return { clean: cells("clean"), reboot: cells("reboot"), risky: cells("risky") };
  };
  const seen = outcomes.filter((outcome) => visible(outcome.answer));
  const truly = (label: Verdict, among = outcomes): Outcome[] => among.filter((outcome) => outcome.answer.label === label);
  const notClean = seen.filter((outcome) => outcome.answer.label !== "clean");
  const pairs = [
    ...Map.groupBy(
      outcomes.filter((outcome) => (outcome.answer.pair ?? "") !== ""),
      (outcome) => outcome.answer.pair,
    ).values(),
  ];
  return {
    cases: outcomes.length,
    confusion: { clean: row("clean"), reboot: row("reboot"), risky: row("risky") },
    exact: wilson(count(right), outcomes.length),
    falseClean: wilson(
      count((outcome) => outcome.verdict === "clean", notClean),
      notClean.length,
    ),
    missedRisk: wilson(
      count((outcome) => outcome.verdict !== "risky", truly("risky", seen)),
      truly("risky", seen).length,
    ),
    overHold: wilson(
      count((outcome) => outcome.verdict === "risky", truly("clean")),
      truly("clean").length,
    ),
    raised: wilson(
      count((outcome) => outcome.verdict !== "clean", truly("clean")),
      truly("clean").length,
    ),
    riskyReboots: wilson(
      count((outcome) => outcome.verdict === "risky", truly("reboot")),
      truly("reboot").length,
    ),
    pairs: wilson(pairs.filter((members) => members.every(right)).length, pairs.length),
    hazards: [...Map.groupBy(outcomes, (outcome) => outcome.answer.hazard)]
      .map(([hazard, members]) => ({
        hazard,
        cases: members.length,
        exact: count(right, members),
        tooLow: count((outcome) => rank(outcome.verdict) < rank(outcome.answer.label), members),
        tooHigh: count((outcome) => rank(outcome.verdict) > rank(outcome.answer.label), members),
      }))
      .toSorted((a, b) => (a.hazard < b.hazard ? -1 : 1)),
    wrong: outcomes.filter((outcome) => !right(outcome)),
  };
}

const right = (outcome: Outcome): boolean => outcome.verdict === outcome.answer.label;

/** What must never get worse: counts that may only fall, and counts that may only rise. */
export type Floor = {
  readonly cases: number;
  readonly falseClean: number;
  readonly missedRisk: number;
  readonly overHold: number;
  readonly raised: number;
  readonly riskyReboots: number;
  readonly exact: number;
  readonly pairs: number;
};

export const floorOf = (result: Score): Floor => ({
  cases: result.cases,
  falseClean: result.falseClean.count,
  missedRisk: result.missedRisk.count,
  overHold: result.overHold.count,
  raised: result.raised.count,
  riskyReboots: result.riskyReboots.count,
  exact: result.exact.count,
  pairs: result.pairs.count,
});

/** Where a result is worse than the floor, as sentences. A smaller corpus is worse too: taking cases away is no improvement. */
export function below(result: Floor, floor: Floor): string[] {
  const atMost = ["falseClean", "missedRisk", "overHold", "raised", "riskyReboots"] as const;
  const atLeast = ["cases", "exact", "pairs"] as const;
  return [
    ...atMost.filter((key) => result[key] > floor[key]).map((key) => `${key} is ${result[key]} and was ${floor[key]}`),
    ...atLeast.filter((key) => result[key] < floor[key]).map((key) => `${key} is ${result[key]} and was ${floor[key]}`),
  ];
}

/** Whether a result may become the floor: nothing is worse, something is better. */
export const better = (result: Floor, floor: Floor): boolean =>
  below(result, floor).length === 0 && (Object.keys(floor) as (keyof Floor)[]).some((key) => result[key] !== floor[key]);
