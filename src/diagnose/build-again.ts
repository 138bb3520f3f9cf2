import { buildSides, type BuildSidesOptions, type EvaluatedFleet, evaluateSides, type HostSides, type Revision } from "../build/sides.ts";
import type { HostName } from "../discover/host.ts";
import type { Clock, Result } from "../io/ports.ts";
import type { FailedSide, mayPass, Passing, Patience } from "./may-pass.ts";

/** With less than that left nothing is begun once more. */
const leastSeconds = 30;

/** For the report: what was done twice, why, and what came of it. */
type Twice<Found> = { readonly found: Found; readonly notes: readonly string[] };

const sideNames = ["before", "after"] as const;

/**
 * Builds what failed for a reason that passes once more, within what is left of the time for all builds: a cache that was away, a download that broke, a builder that was
 * killed. What is built already costs nothing, and what fails for another reason is not built again.
 */
export async function buildTwice(
  fleet: EvaluatedFleet,
  options: BuildSidesOptions,
  patience: Patience | undefined,
): Promise<Twice<HostSides[]>> {
  const { nix, clock, log, timeoutSeconds } = options;
  const begun = clock.now().getTime();
  const left = (): number => timeoutSeconds - (clock.now().getTime() - begun) / 1000;
  const built = await buildSides(fleet, options);
  const failed = built.flatMap((one) =>
    sideNames.flatMap((side): FailedSide[] => {
      const { [side]: made, host } = one;
      return made.kind === "failed" && made.stage === "build" ? [{ host, side, failure: made.failure }] : [];
    }),
  );
  if (failed.length === 0 || left() < leastSeconds) return { found: built, notes: [] };
  const passing = await passingOf(failed, "build", left() - leastSeconds, { nix, clock, trust: fleet.trust, patience });
  if (passing.length === 0) return { found: built, notes: [] };
  log.progress({ kind: "stage", stage: "build", text: `building ${named(passing)} once more` });
  const wanted = sidesOf(passing);
  const of = (side: (typeof sideNames)[number]): EvaluatedFleet["before"] =>
    new Map([...fleet[side]].filter(([host]) => wanted[side].has(host)));
  const hosts = fleet.hosts.filter((host) => wanted.before.has(host) || wanted.after.has(host));
  const again = await buildSides({ ...fleet, hosts, before: of("before"), after: of("after") }, { ...options, timeoutSeconds: left() });
  const second = new Map(again.map((one) => [one.host, one]));
  const found = built.map((one): HostSides => {
    const { before, after } = second.get(one.host) ?? one;
    return {
      host: one.host,
      before: wanted.before.has(one.host) ? before : one.before,
      after: wanted.after.has(one.host) ? after : one.after,
    };
  });
  const stays = ({ host, side }: FailedSide): boolean => second.get(host)?.[side].kind === "failed";
  return { found, notes: notesOf(passing, stays, "built") };
}

export type Evaluating = Parameters<typeof evaluateSides>[3] & { readonly clock: Clock };

/** Evaluates, and evaluates hosts whose evaluation failed for a reason that passes once more: inputs that could not be fetched, an evaluator that was killed. */
export async function evaluateTwice(
  wanted: readonly HostName[],
  before: Revision | undefined,
  after: Revision,
  options: Evaluating,
  patience: Patience | undefined,
): Promise<Twice<EvaluatedFleet>> {
  const { nix, clock, log, timeoutSeconds } = options;
  const fleet = await evaluateSides(wanted, before, after, options);
  const failed = sideNames.flatMap((side) =>
    [...fleet[side]].flatMap(([host, result]): FailedSide[] => (result.ok ? [] : [{ host, side, failure: result.failure }])),
  );
  if (failed.length === 0) return { found: fleet, notes: [] };
  const passing = await passingOf(failed, "evaluation", timeoutSeconds, { nix, clock, trust: fleet.trust, patience });
  if (passing.length === 0) return { found: fleet, notes: [] };
  log.progress({ kind: "stage", stage: "build", text: `evaluating ${named(passing)} once more` });
  const sides = sidesOf(passing);
  const only = (revision: Revision, side: (typeof sideNames)[number]): Revision => ({ ...revision, hosts: [...sides[side]] });
  const again = await evaluateSides(wanted, before === undefined ? undefined : only(before, "before"), only(after, "after"), {
    ...options,
    progress: fleet.progress,
  });
  const merged = (side: (typeof sideNames)[number]): EvaluatedFleet["before"] =>
    new Map([...fleet[side]].map(([host, result]) => [host, again[side].get(host) ?? result]));
  const stays = ({ host, side }: FailedSide): boolean => isFailed(again[side].get(host));
  return { found: { ...fleet, before: merged("before"), after: merged("after") }, notes: notesOf(passing, stays, "evaluated") };
}

/** The known causes are loaded where something failed only. */
async function passingOf(...asked: Parameters<typeof mayPass>): Promise<readonly Passing[]> {
  const known = await import("./may-pass.ts");
  return await known.mayPass(...asked);
}

const isFailed = (result: Result<unknown> | undefined): boolean => result?.ok === false;

function sidesOf(passing: readonly Passing[]): Record<(typeof sideNames)[number], ReadonlySet<HostName>> {
  const of = (name: string): ReadonlySet<HostName> =>
    new Set(passing.flatMap(({ sides }) => sides.flatMap(({ host, side }) => (side === name ? [host] : []))));
  return { before: of("before"), after: of("after") };
}

function hostsOf(sides: readonly FailedSide[]): string {
  const hosts = [...new Set(sides.map(({ host }) => host))];
  return hosts.length <= 4 ? hosts.join(", ") : `${hosts.slice(0, 4).join(", ")} and ${hosts.length - 4} more`;
}
const named = (passing: readonly Passing[]): string => hostsOf(passing.flatMap(({ sides }) => sides));

/** Without a culprit: a report for strangers has these sentences, too. */
const notesOf = (passing: readonly Passing[], stays: (one: FailedSide) => boolean, did: "evaluated" | "built"): string[] =>
  passing.map(({ cause, sides }) => {
    const left = sides.filter(stays);
    const end =
      left.length === 0 ? "that went through" : left.length === sides.length ? "that failed, too" : `that failed for ${hostsOf(left)}`;
    return `${hostsOf(sides)} ${new Set(sides.map(({ host }) => host)).size === 1 ? "was" : "were"} ${did} a second time, and ${end}. The first time: ${cause}`;
  });
