import { releaseCopy } from "../apply/copy-root.ts";
import type { Miss, Outcome, OutcomeKind } from "../apply/outcome.ts";
import { nextStrategy, type Ended, type Next } from "../apply/strategy.ts";
import type { HostEnd } from "../apply/waves.ts";
import type { Evidence as Collected } from "../diagnose/evidence.ts";
import { failure } from "../failure.ts";
import { cancelTimer } from "../reboot/cancel-timer.ts";
import type { Observation } from "../target/observation.ts";
import { sysctlKeys, verifyHost } from "../verify/verify.ts";
import { attempt, type Attempted, type Operation } from "./attempt.ts";
import type { Change } from "./change.ts";
import type { DeployWorld } from "./deploy-world.ts";
import { isAskedWhy, keepEvidence, keepLog, toldBy } from "./failure-evidence.ts";
import { lookAt } from "./look-at.ts";
import { type GroupStanding, type Prepared, prepareHost } from "./prepare-host.ts";

export type Deployed = { readonly outcome: Outcome; readonly end: HostEnd };

/**
 * Brings one change to one host: asked once more whether it may be, copied, activated under the host's own supervisor, confirmed over a new connection, proven. Whatever
 * goes wrong is that host's outcome with its reasons and the state in which the host is; nothing is thrown for it.
 */
export async function deployHost(change: Change, group: () => Promise<GroupStanding>, world: DeployWorld): Promise<Deployed> {
  const prepared = await prepareHost(change, group, world);
  if (prepared.kind === "ended") {
    const { outcome, reasons, ...closing } = prepared;
    if (closing.failure?.code.startsWith("copy-") === true)
      await keepEvidence(
        { change, stage: "copy", failure: closing.failure, since: closing.observation?.at, attempt: undefined, answers: true },
        world,
      );
    return ended(outcome, reasons, { touched: false, ...closing });
  }
  return await world.finishing.finish(async () => {
    const deployed = await activate(change, prepared, world);
    // Whoever brought it in, or is still about to, takes the root away by itself.
    if (!hasOwnRoots.has(deployed.outcome.outcome)) await releaseCopy(world.targets, change.address, prepared.copyRoot);
    return deployed;
  });
}

/** Ends of an activation whose supervisor has roots of its own, or will have: it cannot be spoken to, or goes on alone. */
const hasOwnRoots: ReadonlySet<OutcomeKind> = new Set([
  "deployed",
  "staged",
  "deployed-reboot-pending",
  "deployed-with-misses",
  "rolled-back",
  "live-but-old-boots",
  "left-unconfirmed",
  "unreachable",
  "handed-over",
]);

/** From the first strategy to the proof. A run that is told to stop still comes to the end of what it has begun, and still goes back. */
async function activate(
  change: Change,
  { observation, baseline, wouldDo, copyRoot }: Extract<Prepared, { kind: "ready" }>,
  world: DeployWorld,
): Promise<Deployed> {
  const { planned, host, reversible } = change;
  const { mode } = planned;
  const attempts: Attempted[] = [];
  const tried: { strategy: Attempted["ended"]["strategy"]; ended: string }[] = [];
  let next: Next = nextStrategy({ attempts: [], mode, reversible });
  let earlier: Collected | undefined;
  while (next.kind === "try" && (!world.signal.aborted || next.strategy === "rollback")) {
    if (next.strategy !== "rollback") {
      // What is asked from here on is about the attempt that begins.
      keepLog(host, attempts.at(-1), world);
      earlier = world.evidence.get(host) ?? earlier;
      world.evidence.delete(host);
    }
    const made = await attempt(change, { ...operationOf(change, next, observation), copyRoot }, baseline, world);
    attempts.push(made);
    tried.push({ strategy: next.strategy, ended: made.reasons.join(" ").slice(0, 1_000) });
    if (made.handedOver)
      return ended("handed-over", made.reasons as [string, ...string[]], { touched: true, healthy: false, tried, log: made.log });
    next = nextStrategy({ attempts: attempts.flatMap(endings), mode, reversible });
  }
  const last = attempts.at(-1);
  const done = next.kind === "end" && next.how === "done";
  if (done && earlier !== undefined && !world.evidence.has(host)) world.evidence.set(host, earlier);
  world.log.progress({ kind: "host", host, step: "verifying" });
  const keys = done ? sysctlKeys({ profile: planned.to, current: planned.activate ?? planned.to }, observation, world.store) : [];
  const after = await lookAt(change, world, keys);
  const now = after.kind === "observed" ? after.observation : undefined;
  const log = [wouldDo === "" ? "" : `What a switch would do, by dry-activate:\n${wouldDo}\n`, last?.log ?? ""].filter(
    (text) => text !== "",
  );
  const common = { touched: last !== undefined, healthy: now !== undefined, observation: now, tried, log: log.join("\n") };
  if (!done || now === undefined) {
    const head = done ? silentAfter : next.kind === "try" ? (["The run was cancelled."] as const) : next.reasons;
    const reasons = [...head, ...(last?.reasons ?? [])] as [string, ...string[]];
    const kind = done ? "unreachable" : kindOf(next, last);
    if (isAskedWhy(kind)) {
      const told = { change, stage: "activation", failure: undefined, since: observation.at, attempt: toldBy(attempts) } as const;
      await keepEvidence({ ...told, answers: now !== undefined }, world);
    }
    return ended(kind, reasons, {
      ...common,
      ...(next.kind === "escalate" ? { failure: failure("activation-escalated", { host, reason: next.reasons[0] }) } : {}),
    });
  }
  await cancelTimer(world.targets, change.address, now);
  const staged = last?.phase?.outcome === "staged";
  const found = verifyHost({
    planned: { profile: planned.to, current: staged ? (observation.current ?? planned.to) : (planned.activate ?? planned.to) },
    before: observation,
    after: now,
    store: world.store,
    ...(change.diff === undefined || staged ? {} : { diff: change.diff }),
  });
  const misses = found.map((miss) => (mode === "switch-then-reboot" && last !== undefined ? waitsForReboot(miss, last) : miss));
  return ended(deployedAs(change, staged, misses), last?.reasons as [string, ...string[]], { ...common, misses });
}

const silentAfter = ["It was brought in, and then it did not answer any more: whether it took effect is not known."] as const;

/** Units that failed were started again before anything was said of the attempt, so that this strategy is used up: as an attempt of its own it would be another switch. */
const endings = ({ ended: one }: Attempted): Ended[] =>
  one.trouble === "units-failed" && one.standing === "new" && one.strategy !== "rollback"
    ? [one, { ...one, strategy: "restart-units" }]
    : [one];

/** A unit that wants a module of the new kernel fails until the reboot that follows, whatever is restarted. */
const waitsForReboot = (miss: Miss, { ended: { evidence } }: Attempted): Miss =>
  miss.family === "unit" && evidence.needNewKernel.includes(miss.subject)
    ? { ...miss, needs: "reboot", sentence: `${miss.subject} wants a module that only the new kernel has; the reboot brings it.` }
    : miss;

function operationOf(change: Change, next: Extract<Next, { kind: "try" }>, before: Observation): Operation {
  const { planned } = change;
  const from = { current: before.current ?? "", profile: before.profile ?? "" };
  const activate = planned.activate ?? planned.to;
  switch (next.strategy) {
    case "switch":
    case "restart-units":
      return { strategy: next.strategy, operation: "switch", from, to: planned.to, activate, stopFirst: [] };
    case "stop-then-switch":
      return { strategy: next.strategy, operation: "switch", from, to: planned.to, activate, stopFirst: next.units };
    case "boot":
      return { strategy: next.strategy, operation: "boot", from, to: planned.to, activate, stopFirst: [] };
    case "rollback":
      return {
        strategy: next.strategy,
        operation: "switch",
        // It is active; what boots is the old one still, or already the new one.
        from: { current: activate, profile: from.profile },
        to: from.profile,
        activate: from.current,
        stopFirst: [],
      };
  }
}

function kindOf(next: Next, last: Attempted | undefined): OutcomeKind {
  if (last === undefined) return "not-reached";
  const outcome = last.phase?.outcome;
  const { standing, trouble, strategy } = last.ended;
  if (outcome === "superseded" || standing === "other") return "superseded";
  if (outcome === "live-but-old-boots" && strategy !== "rollback") return "live-but-old-boots";
  if (outcome === "left-unconfirmed") return "left-unconfirmed";
  if (outcome === "rolled-back" && strategy !== "rollback") return "rolled-back";
  if (strategy === "rollback" && trouble === undefined && standing === "old") return "rolled-back";
  if (trouble === "unreachable") return "unreachable";
  if (next.kind === "end" && next.how === "later") return "held";
  // It was begun, and a loss of power or a kill has ended it: what boots is the old system.
  return standing === "old" && outcome === undefined && trouble === "killed" ? "rolled-back" : "failed";
}

function deployedAs(change: Change, staged: boolean, misses: readonly Miss[]): OutcomeKind {
  if (misses.some((miss) => miss.family === "toplevel" && miss.needs !== "nothing")) return "failed";
  if (misses.some((miss) => miss.needs !== "nothing" && miss.needs !== "reboot")) return "deployed-with-misses";
  if (staged) return "staged";
  return change.planned.mode !== "switch" || misses.some((miss) => miss.needs === "reboot") ? "deployed-reboot-pending" : "deployed";
}

type Closing = {
  readonly touched: boolean;
  readonly healthy: boolean;
  readonly observation?: Observation | undefined;
  readonly misses?: readonly Miss[];
  readonly tried?: Outcome["attempts"];
  readonly log?: string;
  readonly failure?: Outcome["failure"];
  readonly next?: string;
};

function ended(outcome: OutcomeKind, reasons: readonly [string, ...string[]], closing: Closing): Deployed {
  const { observation, misses = [], tried = [], log, failure: why, next } = closing;
  return {
    outcome: {
      outcome,
      reasons,
      ...(why === undefined ? {} : { failure: why }),
      ...(next === undefined ? {} : { next }),
      ...(observation === undefined
        ? {}
        : { now: { current: observation.current, profile: observation.profile, booted: observation.booted } }),
      misses,
      attempts: tried,
      ...(log === undefined || log === "" ? {} : { log }),
    },
    end: { outcome, touched: closing.touched, healthy: closing.healthy },
  };
}
