import type { Group } from "../apply/group-health.ts";
import { mayLeave } from "../apply/group-health.ts";
import type { HostName } from "../discover/host.ts";
import type { Due } from "./due.ts";
import type { RebootPolicy } from "./window-policy.ts";
import type { RebootState } from "./state.ts";

/** What is known of a host when it is asked who may go. */
export type Candidate = {
  readonly host: HostName;
  readonly group: string | undefined;
  readonly policy: RebootPolicy;
  /** Undefined where an attempt is under way, or the host could not be asked. */
  readonly due: Due | undefined;
  /** Of the attempt that is under way, or that ended in this run. */
  readonly state: RebootState | undefined;
  /** It answers and its checks pass; what cannot be told is not health. */
  readonly healthy: boolean;
  /** As its ledger tells (stopsGroup of attempts.ts): its last reboot failed and nobody has repaired it. */
  readonly stopsGroup: boolean;
  /** The runner or the forge live on it: it goes last. */
  readonly carries: boolean;
};

export type Go = {
  readonly host: HostName;
  /** Not before: hosts of a group go one after another. */
  readonly at: Date;
  readonly latest: Date | undefined;
  readonly trigger: RebootPolicy["trigger"];
};
export type Wait = {
  readonly host: HostName;
  readonly why: "group-stopped" | "group-busy" | "no-time" | "others-first";
  readonly sentence: string;
};
export type Schedule = { readonly go: readonly Go[]; readonly wait: readonly Wait[] };

/** Seconds from now until a timer may fire, so that everybody who looks at its group in between sees it. */
const armSeconds = 120;

/** Under way: away, or about to be. */
const isAway = ({ state, healthy }: Pick<Candidate, "state" | "healthy">): boolean =>
  state === undefined || state.kind === "released" || state.kind === "postponed" ? !healthy : true;

/**
 * Which of the hosts that are due may begin now. Asked again whenever one of them is done: a host makes room in its group only when it is
 * verified. Those that have
 * waited longest go first; hosts without a group stand alone.
 */
export function schedule(groups: ReadonlyMap<string, Group>, candidates: readonly Candidate[], now: Date): Schedule {
  const go: Go[] = [];
  const wait: Wait[] = [];
  const away = new Set(candidates.filter(isAway).map(({ host }) => host));
  // A member that nobody looked at is away.
  const seen = new Set(candidates.map(({ host }) => host));
  for (const { members } of groups.values()) for (const member of members) if (!seen.has(member)) away.add(member);
  const underWay = new Set(
    candidates.filter(({ state }) => state !== undefined && isAway({ state, healthy: true })).map(({ host }) => host),
  );
  const ill = new Set([...away].filter((host) => !underWay.has(host)));
  const stopped = new Map(
    candidates.flatMap(({ host, group, state, stopsGroup }) =>
      group !== undefined && (stopsGroup || state?.kind === "failed") ? [[group, host] as const] : [],
    ),
  );
  const started = new Map<string, number>();
  const due = candidates.filter((candidate) => candidate.due?.kind === "now" && candidate.state === undefined).sort(inOrder(groups));
  const last = due.some(({ carries }) => !carries);
  for (const { host, group: name, policy, due: wanted, carries } of due) {
    if (wanted?.kind !== "now") continue;
    const group = name === undefined ? undefined : groups.get(name);
    const cause = name === undefined ? undefined : stopped.get(name);
    if (cause !== undefined) {
      wait.push({ host, why: "group-stopped", sentence: `Its group ${name} stands still: ${cause} did not come back as planned.` });
      continue;
    }
    if (carries && last) {
      wait.push({ host, why: "others-first", sentence: "It carries the runner or the forge, so it goes when nobody else is due." });
      continue;
    }
    const unwell = group?.quorum === true ? group.members.find((member) => member !== host && ill.has(member)) : undefined;
    if (unwell !== undefined) {
      wait.push({
        host,
        why: "group-busy",
        sentence: `${unwell} of the group ${name} is not well, and a quorum that has lost one loses no other to a reboot.`,
      });
      continue;
    }
    const leave = group === undefined ? undefined : mayLeave(group, away, host);
    if (leave?.allowed === false) {
      wait.push({ host, why: "group-busy", sentence: leave.sentence });
      continue;
    }
    const place = name === undefined ? 0 : (started.get(name) ?? 0);
    const begins = place * policy.staggerSeconds + (policy.trigger === "timer" ? armSeconds : 0);
    const at = new Date(now.getTime() + begins * 1000);
    if (wanted.latest !== undefined && at > wanted.latest) {
      wait.push({ host, why: "no-time", sentence: "Those before it in its group take what is left of the window." });
      continue;
    }
    if (name !== undefined) started.set(name, place + 1);
    away.add(host);
    go.push({ host, at, latest: wanted.latest, trigger: policy.trigger });
  }
  return { go, wait };
}

/** By the group's order, then who has waited longest, then by name, so that two runs at the same time choose the same host. */
function inOrder(groups: ReadonlyMap<string, Group>): (a: Candidate, b: Candidate) => number {
  const order = ({ group }: Candidate): number => (group === undefined ? undefined : groups.get(group))?.order ?? 100;
  const hours = ({ due }: Candidate): number => (due?.kind === "now" ? (due.pending.hours ?? 0) : 0);
  return (a, b) => order(a) - order(b) || hours(b) - hours(a) || (a.host < b.host ? -1 : 1);
}
