import { mayLeave } from "../apply/group-health.ts";
import type { Look } from "../apply/host-look.ts";
import type { Attempt, Strategy } from "../apply/outcome.ts";
import { askAboutHost } from "../diagnose/ask-about.ts";
import { diagnose, type Diagnosed } from "../diagnose/diagnose.ts";
import type { Evidence } from "../diagnose/evidence.ts";
import { recover, type Proposal, type Situation, type Tried } from "../diagnose/recovery.ts";
import type { Remedy, RemedyKind } from "../diagnose/remedy.ts";
import type { BriefObservation } from "../target/observation.ts";
import type { Change } from "./change.ts";
import type { DeployWorld } from "./deploy-world.ts";
import type { GroupStanding } from "./prepare-host.ts";
import { waitFor } from "./wait-for.ts";

/** What was tried for one host since it failed first, whoever chose it. */
export type Recovering = {
  readonly tried: Tried[];
  /** Seconds since 1970; undefined before the first failure. */
  since: number | undefined;
  usd: number;
};
export const newRecovering = (): Recovering => ({ tried: [], since: undefined, usd: 0 });

export type RecoveryCase = {
  readonly change: Change;
  readonly stage: Extract<Situation["stage"], "copy" | "connection" | "activation" | "verification">;
  readonly evidence: Evidence;
  /** After the failure. */
  readonly look: Look<BriefObservation>;
  /** Before the first attempt. */
  readonly before: BriefObservation | undefined;
  readonly group: () => Promise<GroupStanding>;
  /** What is known without asking anybody: that a lock is held. */
  readonly known?: readonly Proposal[];
  /** Hears what was done meanwhile. */
  readonly told: (attempt: Attempt) => void;
};

export type Chosen =
  | { readonly kind: "try"; readonly remedy: Remedy; readonly strategy: Strategy | undefined; readonly reason: string }
  | { readonly kind: "none"; readonly reasons: readonly string[] };

/**
 * What is tried next for a host on which the strategies of its change came to no good end: a remedy of the closed list that the known causes or a session choose and that
 * the recovery policy lets through now. What has to be waited for is waited for here; everything else is the caller's to do. Whoever asks again comes to `none`, since
 * each remedy is tried once and attempts, time and money are bounded.
 */
export async function nextRemedy(given: RecoveryCase, state: Recovering, world: DeployWorld): Promise<Chosen> {
  const { recovery, clock, signal } = world;
  const { change } = given;
  const seconds = (): number => clock.now().getTime() / 1000;
  state.since ??= seconds();
  if (recovery === undefined || signal.aborted || world.dryRun) return { kind: "none", reasons: [] };
  const found = await why(given, state, world);
  const proposals = [...(given.known ?? []), ...found.proposals];
  const group = await groupAllows(given);
  for (;;) {
    const next = recover(proposals, situation(given, state, group, seconds()));
    if (next.kind === "escalate") return { kind: "none", reasons: next.reasons };
    const { remedy, strategy } = next;
    const reason = `${next.reasons.at(-1) ?? remedy.kind}.`;
    world.log.progress({ kind: "host", host: change.host, step: "activating", text: `trying ${remedy.kind}` });
    if (remedy.kind !== "wait-until") return { kind: "try", remedy, strategy, reason };
    const waited = await waitFor(remedy.condition, remedy.seconds, change, world);
    state.tried.push({ remedy: remedy.kind, seconds: waited.seconds, ended: waited.sentence });
    given.told({ strategy: "wait-until", ended: `${reason} ${waited.sentence}` });
    if (waited.held) return { kind: "try", remedy, strategy, reason };
    if (signal.aborted) return { kind: "none", reasons: ["the run was cancelled"] };
  }
}

/** One question for each failure; what it says is kept for the report. */
async function why({ change, evidence, known }: RecoveryCase, state: Recovering, world: DeployWorld): Promise<Diagnosed> {
  const { recovery, targets, nix, clock, log } = world;
  if (recovery === undefined || known !== undefined) return await diagnose(evidence, undefined);
  const systems = { from: change.planned.from.current, to: change.planned.to };
  const reach = { targets, addresses: new Map([[change.host, change.address]]) };
  const open = askAboutHost(change.host, evidence, systems, reach, { nix, database: recovery.database, clock, log });
  const found = await recovery.asked.diagnose(evidence, true, open);
  state.usd += found.session?.use.costUsd ?? 0;
  recovery.diagnosed.set(change.host, { evidence, found });
  return found;
}

/** Asked as it is now. A host that is in no group takes nobody along. */
async function groupAllows({ change, group }: RecoveryCase): Promise<boolean> {
  const standing = await group();
  if (standing === undefined) return true;
  const away = new Set(standing.group.members.filter((member) => standing.health.get(member)?.healthy !== true));
  return mayLeave(standing.group, away, change.host).allowed;
}

function situation(given: RecoveryCase, { tried, since = 0, usd }: Recovering, group: boolean, now: number): Situation {
  const { change, stage, evidence, look, before } = given;
  const { mode } = change.planned;
  const left = leftBehind(given);
  return {
    stage,
    mode,
    attended: change.attended,
    reversible: change.reversible,
    reachable: look.kind === "observed",
    left,
    returnKnown:
      left === "nothing" || (look.kind === "observed" && before?.profile !== undefined && look.observation.profile === before.profile),
    mayReboot: change.rebootsByItself,
    groupAllows: group,
    // On the old system none of them is what failed.
    units: evidence.units,
    tried,
    secondsSpent: Math.max(0, now - since),
    usdSpent: usd,
  };
}

/** Compared with what it was, as it says itself: half of a change is something, and silence is not nothing. */
function leftBehind({ stage, look, before, change }: RecoveryCase): Situation["left"] {
  if (stage === "copy" || stage === "connection") return "nothing";
  if (look.kind === "silent" || before === undefined) return "unknown";
  const { current, profile } = look.observation;
  if (current === undefined || profile === undefined) return "unknown";
  if (current === before.current && profile === before.profile) return "nothing";
  return [change.planned.to, change.planned.activate].some((path) => path === current || path === profile) ? "something" : "unknown";
}

/** As a remedy, what a strategy of the change itself was. A first switch is none. */
export const remedyOf: Readonly<Record<Strategy, RemedyKind | undefined>> = {
  switch: undefined,
  boot: "retry-as-boot-and-reboot",
  "restart-units": "restart-units",
  "stop-then-switch": "stop-then-switch",
  rollback: "rollback",
  escalate: undefined,
};
