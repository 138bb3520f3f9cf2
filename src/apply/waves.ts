import type { HostName } from "../discover/host.ts";
import { mayLeave } from "./group-health.ts";
import type { Place } from "./order-of-hosts.ts";
import type { OutcomeKind } from "./outcome.ts";

export type WaveLimits = { readonly parallel: number; readonly stopAfterFailures: number };

/** How a host ended, as the waves have to know it. */
export type HostEnd = {
  readonly outcome: OutcomeKind;
  /** Anything was begun on it: a host that was dead before is no failure of the change. */
  readonly touched: boolean;
  /** It serves now, by a look at it or by its checks. What cannot be told is false. */
  readonly healthy: boolean;
};

type Standing =
  | { readonly kind: "pending" }
  | { readonly kind: "running" }
  | { readonly kind: "ended"; readonly end: HostEnd }
  | { readonly kind: "not-reached"; readonly reason: string };

/** A value; every event makes a new one. */
export type Waves = {
  readonly limits: WaveLimits;
  readonly places: readonly Place[];
  readonly standing: ReadonlyMap<HostName, Standing>;
  /** Members of groups that do not serve, those that this run does not change included. */
  readonly away: ReadonlySet<HostName>;
  readonly failures: number;
  /** Why nobody else starts; undefined while the waves go on. */
  readonly stopped: string | undefined;
};

/** The waves before anybody started. `away`: members of groups that are known not to serve. */
export function beginWaves(places: readonly Place[], limits: WaveLimits, away: Iterable<HostName> = []): Waves {
  const standing = new Map(places.map(({ host }) => [host, { kind: "pending" } as Standing]));
  return { limits, places, standing, away: new Set(away), failures: 0, stopped: undefined };
}

export type NextHosts = {
  readonly waves: Waves;
  /** To be started now; they count as running from here on. */
  readonly start: readonly HostName[];
};

/**
 * Who may start now. Ask again after every `ended` and `seen`. Each host is weighed with everybody away who is not healthy, who is running and who was just let go, so
 * that no group ever gets below its limit. Where nothing runs and nobody may start, whoever is left is not reached, and `standing` says why.
 */
export function next(waves: Waves): NextHosts {
  if (waves.stopped !== undefined) return { waves: leaveOut(waves, () => waves.stopped ?? ""), start: [] };
  const running = waves.places.filter(({ host }) => waves.standing.get(host)?.kind === "running");
  const pending = waves.places.filter(({ host }) => waves.standing.get(host)?.kind === "pending");
  // Places are in the order of their stages.
  const stage = [...running, ...pending].reduce((least, place) => Math.min(least, place.stage), Number.POSITIVE_INFINITY);
  const gone = new Set([...waves.away, ...running.map(({ host }) => host)]);
  const start: HostName[] = [];
  const refused = new Map<HostName, string>();
  for (const place of pending) {
    if (place.stage !== stage) break;
    if (running.length + start.length >= waves.limits.parallel) break;
    if (place.carries && running.length + start.length > 0) break;
    const leave = place.group === undefined ? undefined : mayLeave(place.group, gone, place.host);
    if (leave?.allowed === false) {
      refused.set(place.host, leave.sentence);
      continue;
    }
    start.push(place.host);
    gone.add(place.host);
  }
  if (start.length > 0) {
    const standing = new Map(waves.standing);
    for (const host of start) standing.set(host, { kind: "running" });
    return { waves: { ...waves, standing }, start };
  }
  if (running.length > 0 || refused.size === 0) return { waves, start: [] };
  // Nothing that runs could make room any more. A canary that cannot go proves nothing, so nobody follows it.
  const canary = pending.find((place) => place.canary && refused.has(place.host));
  const stopped = canary === undefined ? undefined : `The canary ${canary.host} could not go: ${refused.get(canary.host) ?? ""}`;
  const left = leaveOut({ ...waves, stopped }, (place) => refused.get(place.host));
  return next(left);
}

/** A host has ended. Throws where it was not running: it would be a second end of one host. */
export function ended(waves: Waves, host: HostName, end: HostEnd): Waves {
  const place = waves.places.find((one) => one.host === host);
  if (place === undefined || waves.standing.get(host)?.kind !== "running") throw new Error(`${host} has not been started by these waves`);
  const standing = new Map(waves.standing).set(host, { kind: "ended", end });
  const failure = isFailure(end);
  const failures = waves.failures + (failure ? 1 : 0);
  const stopped = waves.stopped ?? reasonToStop(place, end, failures, waves.limits.stopAfterFailures);
  return { ...waves, standing, failures, stopped, away: withMember(waves.away, host, end.healthy) };
}

/** A member of a group was looked at. */
export function seen(waves: Waves, host: HostName, healthy: boolean): Waves {
  return waves.away.has(host) === !healthy ? waves : { ...waves, away: withMember(waves.away, host, healthy) };
}

/** Nobody else starts; those that run go on. For a run that is cancelled. */
export const stop = (waves: Waves, reason: string): Waves => ({ ...waves, stopped: waves.stopped ?? reason });

export const isOver = (waves: Waves): boolean =>
  waves.places.every(({ host }) => ["ended", "not-reached"].includes(waves.standing.get(host)?.kind ?? ""));

/** Those that never began, and why. */
export const notReached = (waves: Waves): { readonly host: HostName; readonly reason: string }[] =>
  waves.places.flatMap(({ host }) => {
    const standing = waves.standing.get(host);
    return standing?.kind === "not-reached" ? [{ host, reason: standing.reason }] : [];
  });

function leaveOut(waves: Waves, reason: (place: Place) => string | undefined): Waves {
  const standing = new Map(waves.standing);
  for (const place of waves.places) {
    const said = standing.get(place.host)?.kind === "pending" ? reason(place) : undefined;
    if (said !== undefined) standing.set(place.host, { kind: "not-reached", reason: said });
  }
  return { ...waves, standing };
}

function withMember(away: ReadonlySet<HostName>, host: HostName, healthy: boolean): ReadonlySet<HostName> {
  const changed = new Set(away);
  if (healthy) changed.delete(host);
  else changed.add(host);
  return changed;
}

function reasonToStop(place: Place, end: HostEnd, failures: number, most: number): string | undefined {
  if (place.canary && !isWell(end))
    return `The canary ${place.host} was not brought in (${end.outcome}), and nobody follows a canary that is not well.`;
  if (failures >= most && isFailure(end))
    return failures === 1
      ? `${place.host} failed (${end.outcome}), and the policy stops at the first failure.`
      : `${failures} hosts failed, the last of them ${place.host} (${end.outcome}), and the policy stops there.`;
  return undefined;
}

/** A host that was down, or another machine, before anything began is that host's trouble: it says nothing against the change and does not stop a fleet. */
const failures: ReadonlySet<OutcomeKind> = new Set(["failed", "rolled-back", "live-but-old-boots", "left-unconfirmed", "unreachable"]);
const isFailure = ({ outcome, touched }: HostEnd): boolean => touched && failures.has(outcome);

const well: ReadonlySet<OutcomeKind> = new Set([
  "unchanged",
  "deployed",
  "staged",
  "deployed-reboot-pending",
  "deployed-with-misses",
  "would-deploy",
  "would-stage",
]);
const isWell = (end: HostEnd): boolean => well.has(end.outcome) && end.healthy;
