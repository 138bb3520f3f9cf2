import type { ActivationRequest, Followed, Phase } from "../apply/activation.ts";
import type { Baseline } from "../apply/baseline.ts";
import { followActivation } from "../apply/follow-activation.ts";
import type { Strategy } from "../apply/outcome.ts";
import { startActivation } from "../apply/start-activation.ts";
import { type Ended, noEvidence } from "../apply/strategy.ts";
import { type Trouble, troubleOfEnd } from "../apply/trouble.ts";
import { checkProgram, selfCheckArguments } from "../target/check-program.ts";
import { longestSeconds } from "../verify/checks.ts";
import type { Change } from "./change.ts";
import { confirmOrReturn, type Judged } from "./confirm-attempt.ts";
import type { DeployWorld } from "./deploy-world.ts";
import { glanceAt } from "./look-at.ts";
import type { Operation } from "./operation.ts";

export type Attempted = {
  readonly id: string;
  readonly ended: Ended;
  /** How the host ended it; undefined where that is not known. */
  readonly phase: Extract<Phase, { phase: "ended" }> | undefined;
  readonly log: string;
  /** Why it was confirmed or taken back. */
  readonly reasons: readonly string[];
  /** The supervisor goes on alone: the host carries what we would follow it with. */
  readonly handedOver: boolean;
};

/** Where the supervisor keeps an attempt's log, once it has come to an end; of the last twenty. */
export const logOf = (made: Attempted | undefined): string | undefined =>
  made?.phase === undefined ? undefined : `/var/lib/nixos-deploy-gate/attempts/${made.id}/log`;

/** What the gate itself takes until it confirms, beside checks and soak. */
const marginSeconds = 60;

/** Runs one activation to its end, whatever that is. The host is never left waiting for more than its own limit: where the gate falls silent it goes back by itself. */
export async function attempt(change: Change, operation: Operation, baseline: Baseline, world: DeployWorld): Promise<Attempted> {
  const { targets, clock, pause } = world;
  const { address } = change;
  const nonce = world.random();
  const request = requestOf(change, operation, world);
  const { id } = request.attempt;
  const follow = async (until: "waiting" | "ended", timeoutSeconds: number): Promise<Followed> => {
    const following = followActivation(targets, address, id, { until, timeoutSeconds, clock, pause });
    // The switch that it runs may be what ends us, and waits for us to be gone.
    return await (change.carries ? unlessStopped(following, world.signal) : following);
  };
  const { limits } = request;

  const begunAt = clock.now().getTime();
  const started = await startActivation(targets, address, request, nonce);
  const before = operation.strategy === "rollback" ? "new" : "old";
  const nothing = (trouble: Trouble, reason: string, standing: Ended["standing"] = before): Attempted => ({
    id,
    ended: { strategy: operation.strategy, trouble, standing, evidence: noEvidence },
    phase: undefined,
    log: "",
    reasons: [reason],
    handedOver: false,
  });
  if (started.kind === "busy")
    return nothing("lock-held", `Another activation${started.by === undefined ? "" : ` (${started.by})`} has not ended on the host.`);
  if (started.kind === "failed") return nothing("not-begun", `The supervisor could not be started: ${started.detail.slice(0, 500)}`);
  if (started.kind === "lost" && change.carries)
    return { ...nothing("unreachable", "The connection ended when the activation began.", "unknown"), handedOver: true };

  const operating = operation.operation === "boot" ? limits.loaderSeconds : limits.activationSeconds;
  let followed = await follow(
    operation.operation === "boot" || change.carries ? "ended" : "waiting",
    operating +
      (change.reversible ? 0 : limits.loaderSeconds) +
      marginSeconds +
      (change.carries ? limits.confirmSeconds + limits.loaderSeconds : 0),
  );
  let judged: Judged | undefined;
  let reasons: readonly string[] = [];
  let evidence = noEvidence;
  let log = followed.kind === "phase" ? followed.log : "";
  if (followed.kind === "phase" && followed.phase.phase === "waiting") {
    const said = await confirmOrReturn(
      change,
      operation,
      followed.phase,
      { baseline, log, id, nonce, begunAgo: (clock.now().getTime() - begunAt) / 1000 + 5 },
      world,
    );
    ({ judged, reasons, evidence } = said);
    // Where it went well, nothing of the log that is still to come is of use to anybody.
    followed =
      said.end?.outcome === "deployed"
        ? { kind: "phase", phase: said.end, log }
        : await follow(
            "ended",
            (said.kind === "silent" ? limits.confirmSeconds : 0) + limits.loaderSeconds + limits.activationSeconds + marginSeconds,
          );
    if (followed.kind === "phase" && followed.log.length >= log.length) log = followed.log;
  }
  if (followed.kind === "lost" && change.carries)
    return {
      ...nothing("unreachable", "The host confirms itself; the next run reads in its ledger what became of it.", "unknown"),
      handedOver: true,
    };
  if (followed.kind === "phase" && followed.phase.phase === "ended") {
    const { phase } = followed;
    const trouble = troubleOfEnd(phase);
    const own = phase.outcome === "rolled-back" || phase.outcome === "left-unconfirmed" ? judged : undefined;
    return {
      id,
      ended: {
        strategy: operation.strategy,
        trouble: own?.trouble ?? trouble,
        standing: standingOf(phase.outcome, operation.strategy),
        evidence: own?.evidence ?? evidence,
      },
      phase,
      log,
      reasons:
        phase.outcome === "deployed" && reasons.length > 0
          ? reasons
          : [...reasons, `The host ended it as ${phase.outcome} (${phase.reason}).`],
      handedOver: false,
    };
  }
  // Its supervisor has neither ended nor said so in time, or is gone: only a look tells what the host is now.
  const look = await glanceAt(change, world);
  const current = look.kind === "observed" ? look.observation.current : undefined;
  const standing =
    look.kind === "silent" || current === undefined
      ? "unknown"
      : current === operation.activate
        ? "new"
        : current === operation.from.current
          ? "old"
          : "other";
  const meant = operation.strategy === "rollback" ? (turned[standing] ?? standing) : standing;
  const trouble = look.kind === "silent" ? "unreachable" : followed.kind === "gone" ? "killed" : "timed-out";
  const reason =
    followed.kind === "gone"
      ? "The supervisor is gone and left no result: the host lost power, or it was killed."
      : followed.kind === "lost"
        ? `The host could not be followed: ${followed.detail.slice(0, 300)}`
        : "The supervisor did not come to an end in time.";
  return { ...nothing(trouble, reason, meant), log };
}

function requestOf(change: Change, operation: Operation, { apply, random }: DeployWorld): ActivationRequest {
  const { planned, address } = change;
  const checks = Math.max(0, ...change.checks.map(longestSeconds));
  const rollback = operation.strategy === "rollback";
  return {
    attempt: {
      id: `${operation.operation}-${random().slice(0, 20)}`,
      host: change.host,
      ...(change.repository === undefined ? {} : { repository: change.repository }),
      ...(planned.revision === undefined || rollback ? {} : { revision: planned.revision }),
      ...(planned.approval === undefined || rollback
        ? {}
        : { digest: planned.approval.digest, approvedBy: planned.approval.by.slice(0, 100) }),
      operation: rollback ? "rollback" : operation.operation,
      from: operation.from,
      to: operation.to,
    },
    operation: operation.operation,
    from: operation.from,
    to: operation.to,
    activate: operation.activate,
    limits: {
      activationSeconds: apply.activationSeconds,
      // Twice, since everything is looked at again after the soak and once more where units were restarted.
      confirmSeconds: apply.confirmSeconds + apply.soakSeconds + 2 * checks,
      loaderSeconds: apply.loaderSeconds,
    },
    confirmation: change.carries
      ? { by: "self", program: checkProgram, arguments: selfCheckArguments(change.checks), sshPort: address.port }
      : { by: "gate" },
    reversible: change.reversible,
    stopFirst: operation.stopFirst,
    ...(operation.copyRoot === undefined ? {} : { copyRoot: operation.copyRoot }),
  };
}

/** What is waited for, or that the run was told to stop while it was. */
async function unlessStopped(following: Promise<Followed>, signal: AbortSignal): Promise<Followed> {
  const told = new AbortController();
  const stopped = new Promise<Followed>((resolve) => {
    const leave = (): void => resolve({ kind: "lost", detail: "the run was told to stop" });
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true, signal: told.signal });
  });
  try {
    return await Promise.race([following, stopped]);
  } finally {
    told.abort();
    // Nobody asks any more what becomes of it; the end of the connection is no failure then.
    following.catch(() => {});
  }
}

/** What a rollback activates is the old system. */
const turned: Readonly<Partial<Record<Ended["standing"], Ended["standing"]>>> = { old: "new", new: "old" };

function standingOf(outcome: Extract<Phase, { phase: "ended" }>["outcome"], strategy: Strategy): Ended["standing"] {
  const standing = activated(outcome);
  return strategy === "rollback" ? (turned[standing] ?? standing) : standing;
}

const activated = (outcome: Extract<Phase, { phase: "ended" }>["outcome"]): Ended["standing"] => {
  switch (outcome) {
    case "deployed":
    case "live-but-old-boots":
    case "left-unconfirmed":
      return "new";
    case "staged":
    case "refused":
    case "rolled-back":
      return "old";
    case "superseded":
      return "other";
    case "rollback-failed":
      return "unknown";
  }
};
