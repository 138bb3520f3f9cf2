import { releaseCopy } from "../apply/copy-root.ts";
import type { Look } from "../apply/host-look.ts";
import type { Attempt, Miss, OutcomeKind } from "../apply/outcome.ts";
import { restartUnits } from "../apply/restart-units.ts";
import { nextStrategy, type Ended, type Next } from "../apply/strategy.ts";
import type { Evidence as Collected } from "../diagnose/evidence.ts";
import { failure } from "../failure.ts";
import { cancelTimer } from "../reboot/cancel-timer.ts";
import { appendLedger } from "../target/append-ledger.ts";
import type { Observation } from "../target/observation.ts";
import { bootNote } from "../verify/pending-reboot.ts";
import { sysctlKeys, verifyHost } from "../verify/verify.ts";
import { attempt, logOf, type Attempted } from "./attempt.ts";
import type { Change } from "./change.ts";
import type { DeployWorld } from "./deploy-world.ts";
import { type Deployed, deployedAs, ended, kindOf } from "./deployed.ts";
import { isAskedWhy, keepEvidence, keepLog, toldBy } from "./failure-evidence.ts";
import { lookAt } from "./look-at.ts";
import { operationOf } from "./operation.ts";
import { type GroupStanding, type Prepared, prepareHost } from "./prepare-host.ts";
import { type Chosen, newRecovering } from "./recover-host.ts";
import { settleMisses } from "./settle-misses.ts";
import { attemptAgain, type Course, note, prepareAgain, strategyToTry, triedBy } from "./try-again.ts";

/**
 * Brings one change to one host: asked once more whether it may be, copied, activated under the host's own supervisor, confirmed over a new connection, proven. Where that
 * fails, what the diagnosis chooses of the closed list is tried as far as the recovery policy allows. Whatever goes wrong is that host's outcome with its reasons and the
 * state in which the host is; nothing is thrown for it.
 */
export async function deployHost(change: Change, group: () => Promise<GroupStanding>, world: DeployWorld): Promise<Deployed> {
  const recovering = newRecovering();
  const tried: Attempt[] = [];
  let stopped: readonly string[] = [];
  let prepared = await prepareHost(change, group, world);
  while (prepared.kind === "ended") {
    const again = await prepareAgain(change, prepared, { recovering, tried, group }, world);
    if (again.kind === "none") {
      stopped = again.reasons;
      break;
    }
    const begun = world.clock.now().getTime();
    prepared = await prepareHost(change, group, world);
    const ended = prepared.kind === "ended" ? prepared.reasons.join(" ") : "It went through.";
    note(again, ended, (world.clock.now().getTime() - begun) / 1000, { recovering, tried });
  }
  if (prepared.kind === "ended") {
    const { outcome, reasons, ...closing } = prepared;
    return ended(outcome, [...reasons, ...notTried(stopped)], { touched: false, tried, ...closing });
  }
  const ready = prepared;
  return await world.finishing.finish(async () => {
    const deployed = await activate(change, ready, { recovering, tried, group }, world);
    // Whoever brought it in, or is still about to, takes the root away by itself.
    if (!hasOwnRoots.has(deployed.outcome.outcome)) await releaseCopy(world.targets, change.address, ready.copyRoot);
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

const notTried = (reasons: readonly string[]): string[] => (reasons.length === 0 ? [] : [`Nothing more is tried: ${reasons.join("; ")}.`]);

/** From the first strategy to the proof. A run that is told to stop still comes to the end of what it has begun, and still goes back. */
async function activate(
  change: Change,
  { observation, baseline, wouldDo, copyRoot }: Extract<Prepared, { kind: "ready" }>,
  { recovering, tried, group }: Course,
  world: DeployWorld,
): Promise<Deployed> {
  const { planned, host, reversible } = change;
  const { mode } = planned;
  const attempts: Attempted[] = [];
  let next: Next = nextStrategy({ attempts: [], mode, reversible });
  let chosen: Extract<Chosen, { kind: "try" }> | undefined;
  let stopped: readonly string[] = [];
  let earlier: Collected | undefined;
  for (;;) {
    while (next.kind === "try" && (!world.signal.aborted || next.strategy === "rollback")) {
      if (next.strategy !== "rollback") {
        // What is asked from here on is about the attempt that begins.
        keepLog(host, attempts.at(-1), world);
        earlier = world.evidence.get(host) ?? earlier;
        world.evidence.delete(host);
      }
      const begun = world.clock.now().getTime();
      const made = await attempt(change, { ...operationOf(change, next, observation, attempts.at(-1)), copyRoot }, baseline, world);
      attempts.push(made);
      const seconds = (world.clock.now().getTime() - begun) / 1000;
      const how = made.reasons.join(" ").slice(0, 1_000);
      if (chosen === undefined) {
        tried.push({ strategy: next.strategy, ended: how });
        recovering.tried.push(...triedBy(made, seconds, how));
      } else note(chosen, how, seconds, { recovering, tried });
      chosen = undefined;
      if (made.handedOver)
        return ended("handed-over", made.reasons as [string, ...string[]], { touched: true, healthy: false, tried, log: made.log });
      next = nextStrategy({ attempts: attempts.flatMap(endings), mode, reversible });
    }
    const again = await attemptAgain(change, { next, attempts, observation }, { recovering, tried, group }, world);
    if (again.kind === "none") {
      stopped = again.reasons;
      break;
    }
    const strategy = strategyToTry(again, mode, attempts.at(-1));
    if (strategy === undefined) break;
    chosen = again;
    const units = "units" in again.remedy ? again.remedy.units : [];
    if (strategy === "restart-units") await restartUnits(world.targets, change.address, units);
    next = { kind: "try", strategy, units, returnFirst: false, reasons: [again.reason] };
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
  const common = {
    touched: last !== undefined,
    healthy: now !== undefined,
    observation: now,
    tried,
    log: log.join("\n"),
    logAt: logOf(last),
  };
  if (!done || now === undefined) {
    const head = done ? silentAfter : next.kind === "try" ? (["The run was cancelled."] as const) : next.reasons;
    const reasons = [...head, ...(last?.reasons ?? []), ...notTried(stopped)] as [string, ...string[]];
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
  const active = staged ? (observation.current ?? planned.to) : (planned.activate ?? planned.to);
  const missing = (seen: Observation): Miss[] =>
    verifyHost({
      planned: { profile: planned.to, current: active },
      before: observation,
      after: seen,
      store: world.store,
      ...(change.diff === undefined || staged ? {} : { diff: change.diff }),
    }).map((miss) => (mode === "switch-then-reboot" && last !== undefined ? waitsForReboot(miss, last) : miss));
  const misses = missing(now);
  const proveAgain = async (): Promise<{ look: Look; misses: readonly Miss[] }> => {
    const look = await lookAt(change, world, keys);
    return { look, misses: look.kind === "observed" ? missing(look.observation) : misses };
  };
  const settled =
    staged || now.current !== active
      ? undefined
      : await settleMisses(change, { misses, after: now, before: observation, proveAgain }, { recovering, tried, group }, world);
  const proven = settled ?? { look: after, misses };
  const waits = staged ? undefined : bootNote(planned.to, proven.misses, world.clock.now());
  if (waits !== undefined) {
    const written = await appendLedger(world.targets, change.address, waits);
    if (!written.ok) world.log.debug("what waits for a boot could not be written", { host, reason: written.failure.message });
  }
  const reasons = last?.reasons as [string, ...string[]];
  if (proven.look.kind === "silent")
    return ended("unreachable", [...silentAfter, ...reasons], { ...common, healthy: false, observation: undefined });
  return ended(deployedAs(change, staged, proven.misses), reasons, {
    ...common,
    observation: proven.look.observation,
    misses: proven.misses,
  });
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
