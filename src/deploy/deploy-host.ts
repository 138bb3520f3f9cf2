import { copyClosure } from "../apply/copy.ts";
import type { Group, MemberHealth } from "../apply/group-health.ts";
import type { Miss, Outcome, OutcomeKind } from "../apply/outcome.ts";
import { preflight } from "../apply/preflight.ts";
import { nextStrategy, type Ended, type Next } from "../apply/strategy.ts";
import type { HostEnd } from "../apply/waves.ts";
import type { HostName } from "../discover/host.ts";
import type { KnownLedger } from "../decide/rejection.ts";
import { failure } from "../failure.ts";
import { readLedger } from "../target/read-ledger.ts";
import type { Observation } from "../target/observation.ts";
import { runChecks } from "../verify/run-checks.ts";
import { sysctlKeys, verifyHost } from "../verify/verify.ts";
import { attempt, type Attempted, lookAt, type Operation } from "./attempt.ts";
import type { Change } from "./change.ts";
import type { DeployWorld } from "./deploy-world.ts";

export type Deployed = { readonly outcome: Outcome; readonly end: HostEnd };

export type GroupStanding = { readonly group: Group; readonly health: ReadonlyMap<HostName, MemberHealth> } | undefined;

/**
 * Brings one change to one host: asked once more whether it may be, copied, activated under the host's own supervisor, confirmed over a new connection, proven. Whatever
 * goes wrong is that host's outcome with its reasons and the state in which the host is; nothing is thrown for it.
 */
export async function deployHost(change: Change, group: () => Promise<GroupStanding>, world: DeployWorld): Promise<Deployed> {
  const { targets, probe, log, pause, signal } = world;
  const { address, planned, host } = change;
  const say = (step: "asking" | "copying" | "activating" | "verifying", text?: string): void =>
    log.progress({ kind: "host", host, step, ...(text === undefined ? {} : { text }) });

  say("asking");
  const [look, standing] = await Promise.all([lookAt(change, world), group()]);
  const checks = look.kind === "silent" ? [] : await runChecks(change.checks, { targets, address, probe, wait: pause, signal });
  const before = preflight({
    address,
    planned,
    look,
    ledger: look.kind === "silent" ? "unreadable" : ledgerOf(look.observation),
    checks,
    group: standing,
    isAncestor: world.isAncestor,
    ownAttempts: [],
    despite: world.despite,
  });
  const { summary } = before;
  if (summary.may !== "go" || look.kind === "silent") {
    const kind = summary.may === "go" ? "unreachable" : summary.outcome;
    return ended(kind, summary.reasons, { touched: false, healthy: look.kind !== "silent", observation: observed(look) });
  }
  const { observation } = look;
  const boots = planned.mode === "boot-only";
  if (world.dryRun) return ended(boots ? "would-stage" : "would-deploy", summary.reasons, { touched: false, healthy: true, observation });

  say("copying");
  const copied = await copyClosure({ targets, nix: world.nix, address, paths: [planned.to], policy: world.apply.copy });
  if (!copied.ok)
    return ended("failed", [`The system could not be copied: ${copied.failure.message}`], {
      touched: false,
      healthy: true,
      observation,
      failure: copied.failure,
    });

  say("activating");
  const attempts: Attempted[] = [];
  const tried: { strategy: Attempted["ended"]["strategy"]; ended: string }[] = [];
  let next: Next = nextStrategy({ attempts: [], mode: planned.mode, reversible: change.reversible });
  while (next.kind === "try" && !signal.aborted) {
    const made = await attempt(change, operationOf(change, next, observation), summary.baseline, world);
    attempts.push(made);
    tried.push({ strategy: next.strategy, ended: made.reasons.join(" ").slice(0, 1_000) });
    if (made.handedOver)
      return ended("handed-over", made.reasons as [string, ...string[]], { touched: true, healthy: false, tried, log: made.log });
    next = nextStrategy({ attempts: attempts.map((one): Ended => one.ended), mode: planned.mode, reversible: change.reversible });
  }
  const last = attempts.at(-1);
  const done = next.kind === "end" && next.how === "done";
  say("verifying");
  const keys = done ? sysctlKeys({ profile: planned.to, current: planned.activate ?? planned.to }, observation, world.store) : [];
  const after = await lookAt(change, world, "shared", keys);
  const now = observed(after);
  const common = { touched: true, healthy: now !== undefined, observation: now, tried, ...(last === undefined ? {} : { log: last.log }) };
  if (!done || now === undefined) {
    const reasons = [...(next.kind === "try" ? (["The run was cancelled."] as const) : next.reasons), ...(last?.reasons ?? [])] as [
      string,
      ...string[],
    ];
    return ended(kindOf(next, last), reasons, {
      ...common,
      ...(next.kind === "escalate" ? { failure: failure("activation-escalated", { host, reason: next.reasons[0] }) } : {}),
    });
  }
  const staged = last?.phase?.outcome === "staged";
  const misses = verifyHost({
    planned: { profile: planned.to, current: staged ? (observation.current ?? planned.to) : (planned.activate ?? planned.to) },
    before: observation,
    after: now,
    store: world.store,
    ...(change.diff === undefined || staged ? {} : { diff: change.diff }),
  });
  return ended(deployedAs(change, staged, misses), last?.reasons as [string, ...string[]], { ...common, misses });
}

/** The ledger that the host showed, as far as it can be relied on. */
export function ledgerOf(observation: Pick<Observation, "ledger" | "ledgerState">): KnownLedger {
  if (observation.ledgerState === "absent") return "none";
  const read = observation.ledger === undefined ? undefined : readLedger(observation.ledger);
  return read?.ok === true ? read.entries : "unreadable";
}

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
  const outcome = last?.phase?.outcome;
  if (outcome === "superseded" || last?.ended.standing === "other") return "superseded";
  if (outcome === "live-but-old-boots") return "live-but-old-boots";
  if (outcome === "left-unconfirmed") return "left-unconfirmed";
  if (outcome === "rolled-back") return "rolled-back";
  if (last?.ended.trouble === "unreachable") return "unreachable";
  if (next.kind === "end" && next.how === "later") return "held";
  return "failed";
}

function deployedAs(change: Change, staged: boolean, misses: readonly Miss[]): OutcomeKind {
  if (misses.some((miss) => miss.family === "toplevel" && miss.needs !== "nothing")) return "failed";
  if (misses.some((miss) => miss.needs !== "nothing" && miss.needs !== "reboot")) return "deployed-with-misses";
  if (staged) return "staged";
  return change.planned.mode !== "switch" || misses.some((miss) => miss.needs === "reboot") ? "deployed-reboot-pending" : "deployed";
}

const observed = (look: Awaited<ReturnType<typeof lookAt>>): Observation | undefined =>
  look.kind === "observed" ? look.observation : undefined;

type Closing = {
  readonly touched: boolean;
  readonly healthy: boolean;
  readonly observation?: Observation | undefined;
  readonly misses?: readonly Miss[];
  readonly tried?: Outcome["attempts"];
  readonly log?: string;
  readonly failure?: Outcome["failure"];
};

function ended(outcome: OutcomeKind, reasons: readonly [string, ...string[]], closing: Closing): Deployed {
  const { observation, misses = [], tried = [], log, failure: why } = closing;
  return {
    outcome: {
      outcome,
      reasons,
      ...(why === undefined ? {} : { failure: why }),
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
