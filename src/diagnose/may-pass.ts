import type { HostName } from "../discover/host.ts";
import type { Failure } from "../failure.ts";
import type { Clock, Nix, Probe, Trust } from "../io/ports.ts";
import { collectBuildEvidence, failedDerivation } from "./collect-build-evidence.ts";
import { knownCauses } from "./known-cause.ts";
import { recover } from "./recovery.ts";
import { cachesAnswer, networkCaches } from "./network-caches.ts";

/** One side of one host that was not evaluated or not built. */
export type FailedSide = { readonly host: HostName; readonly side: "before" | "after"; readonly failure: Failure };

/** What to wait with, where something can be waited for. */
export type Patience = {
  readonly probe: Pick<Probe, "http">;
  readonly pause: (seconds: number) => Promise<void>;
  readonly signal: AbortSignal;
};

/** Failures of one cause that may pass. */
export type Passing = { readonly cause: string; readonly sides: readonly FailedSide[] };

type World = { readonly nix: Nix; readonly clock: Clock; readonly trust: Trust; readonly patience: Patience | undefined };

/** What twenty different failures do not show is no passing trouble. */
const mostAsked = 20;
const betweenLooks = 10;

/**
 * Which of these failures may pass when the same is done once more, by the known causes alone and as the recovery policy lets it through; what has to be waited for has been
 * waited for, `seconds` at most for all. No session is asked here: whoever reads the report of a failure that stays does that. A builder may claim such a cause, which
 * earns it one more run within the same time limit and nothing else.
 */
export async function mayPass(
  failed: readonly FailedSide[],
  stage: "evaluation" | "build",
  seconds: number,
  { nix, clock, trust, patience }: World,
): Promise<readonly Passing[]> {
  const begun = clock.now().getTime();
  const left = (): number => seconds - (clock.now().getTime() - begun) / 1000;
  const passing: Passing[] = [];
  let answering: boolean | undefined;
  for (const sides of alike(failed, stage).slice(0, mostAsked)) {
    const [first] = sides;
    if (first === undefined || left() <= 0 || patience?.signal.aborted === true) break;
    const { host, failure } = first;
    const about = { stage, host, failure, toplevelDrv: undefined, atBase: "unknown", change: undefined } as const;
    const known = knownCauses(await collectBuildEvidence(about, nix, trust));
    const proposals = known.map(({ remedy, confidence }) => ({ remedy, confidence, by: "table" }) as const);
    const next = recover(proposals, { ...untouched, stage });
    if (next.kind === "escalate") continue;
    const { remedy } = next;
    if (remedy.kind === "wait-until")
      answering ??= remedy.condition === "substituter-answers" && (await cachesCome(Math.min(remedy.seconds, left())));
    if (remedy.kind !== "retry" && !(remedy.kind === "wait-until" && answering === true)) continue;
    passing.push({ cause: known.find((one) => one.remedy.kind === remedy.kind)?.cause ?? "It may pass.", sides });
  }
  return passing;

  async function cachesCome(most: number): Promise<boolean> {
    if (patience === undefined) return false;
    const caches = await networkCaches(nix);
    if (caches.length === 0) return false;
    // By the number of looks as well, so that a clock that stands still ends nothing but itself.
    for (let looks = 0; looks * betweenLooks <= most; looks += 1) {
      if (await cachesAnswer(caches, patience.probe, patience.signal)) return true;
      if (patience.signal.aborted || left() <= betweenLooks) return false;
      await patience.pause(betweenLooks);
    }
    return false;
  }
}

/** No host was contacted for it, so there is nothing to undo and nothing to lose. */
const untouched = {
  mode: "switch",
  attended: false,
  reversible: true,
  reachable: undefined,
  left: "nothing",
  returnKnown: true,
  mayReboot: undefined,
  groupAllows: undefined,
  units: [],
  tried: [],
  secondsSpent: 0,
  usdSpent: 0,
} as const;

function alike(failed: readonly FailedSide[], stage: "evaluation" | "build"): readonly (readonly FailedSide[])[] {
  const groups = new Map<string, FailedSide[]>();
  for (const one of failed) {
    const { failure } = one;
    const key = JSON.stringify([failure.code, failedDerivation({ stage, failure }) ?? failure.detail ?? failure.message]);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()];
}
