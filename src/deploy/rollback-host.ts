import { baselineOf } from "../apply/baseline.ts";
import type { Outcome } from "../apply/outcome.ts";
import type { HostName } from "../discover/host.ts";
import { failure, type Failure } from "../failure.ts";
import type { Check } from "../policy-deploy.ts";
import type { Address } from "../target/address.ts";
import type { Generation, Observation } from "../target/observation.ts";
import { rightHost } from "../target/right-host.ts";
import { rebootNeed } from "../verify/reboot-need.ts";
import { attempt, logOf } from "./attempt.ts";
import type { Change } from "./change.ts";
import type { DeployWorld } from "./deploy-world.ts";
import { lookAt } from "./look-at.ts";

export type Rollback = {
  readonly host: HostName;
  readonly address: Address;
  /** The number of a generation; the newest one before that which boots where absent. */
  readonly generation: number | undefined;
  readonly checks: readonly Check[];
};

/** What the host would go back to, or why it cannot. Pure. */
export function rollbackTo(observation: Observation, wanted: number | undefined, host: HostName): Generation | Failure {
  const { generations, generation, profile, current } = observation;
  const known = generations.toSorted((a, b) => b.number - a.number);
  const found =
    wanted === undefined
      ? known.find((one) => one.number < (generation ?? 0) && one.toplevel !== profile)
      : known.find((one) => one.number === wanted);
  const numbers = known.map((one) => one.number);
  if (found === undefined) return failure("no-generation", { host, wanted, known: numbers });
  if (found.toplevel === current && found.toplevel === profile) return failure("rollback-nothing", { host, generation: found.number });
  return found;
}

/**
 * Takes a host back to a generation that is on it, under the same supervisor as a deploy: confirmed over a new connection, proven, written into its ledger. It asks no
 * window, no order and no group: going back is for when something is wrong.
 */
export async function rollbackHost(rollback: Rollback, world: DeployWorld): Promise<Outcome> {
  const { address, host } = rollback;
  const say = (step: "asking" | "activating" | "verifying", text?: string): void =>
    world.log.progress({ kind: "host", host, step, ...(text === undefined ? {} : { text }) });
  say("asking");
  const look = await lookAt(rollback, world);
  const bad = (why: Failure, observation?: Observation): Outcome => ({ ...said("failed", [why.message], observation), failure: why });
  if (look.kind === "silent") return said("unreachable", [`${host} could not be spoken to (${look.trouble}): ${look.detail}`], undefined);
  const { observation } = look;
  const wrong = rightHost(address, observation);
  if (wrong !== undefined) return bad(wrong, observation);
  const to = rollbackTo(observation, rollback.generation, host);
  if ("code" in to) return bad(to, observation);
  const { current, profile } = observation;
  if (current === undefined || profile === undefined) return said("failed", [`${host} does not say what it runs and boots.`], observation);
  if (world.dryRun)
    return said("would-deploy", [`It would go back to generation ${to.number}, ${to.toplevel}; it runs ${current}.`], observation);

  const change: Change = {
    host,
    address,
    planned: {
      from: { current, profile, specialisation: observation.specialisation },
      to: to.toplevel,
      activate: to.toplevel,
      mode: "switch",
      need: { copyBytes: 0, copyPaths: 0, bootBytes: 0 },
      revision: undefined,
      approval: undefined,
    },
    reversible: true,
    attended: false,
    rebootsByItself: false,
    repository: undefined,
    // What is red now is often the reason to go back; it is not asked to become green before its time.
    checks: rollback.checks,
    carries: false,
    diff: undefined,
  };
  const operation = {
    strategy: "rollback",
    operation: "switch",
    from: { current, profile },
    to: to.toplevel,
    activate: to.toplevel,
    stopFirst: [],
  } as const;
  say("activating", `generation ${to.number}`);
  const made = await attempt(change, operation, baselineOf(observation, []), world);
  say("verifying");
  const after = await lookAt(change, world);
  const now = after.kind === "observed" ? after.observation : undefined;
  const logAt = logOf(made);
  const tried = [{ strategy: "rollback" as const, ended: made.reasons.join(" ").slice(0, 1_000) }];
  if (made.phase?.outcome === "deployed" && now?.current === to.toplevel) {
    const need = rebootNeed(now, world.store);
    const pending = need.needed ? need.reasons.map((reason) => reason.sentence) : [];
    return {
      ...said(
        pending.length > 0 ? "deployed-reboot-pending" : "deployed",
        [`It runs and boots generation ${to.number} again.`, ...pending],
        now,
      ),
      attempts: tried,
      log: made.log,
    };
  }
  return {
    ...said("failed", [`It did not get back to generation ${to.number}.`, ...made.reasons], now),
    failure: failure("activation-escalated", { host, reason: made.reasons[0] ?? "the rollback did not come to its end" }),
    attempts: tried,
    log: made.log,
    ...(logAt === undefined ? {} : { logAt }),
  };
}

function said(outcome: Outcome["outcome"], reasons: readonly [string, ...string[]], observation: Observation | undefined): Outcome {
  return {
    outcome,
    reasons,
    ...(observation === undefined
      ? {}
      : { now: { current: observation.current, profile: observation.profile, booted: observation.booted } }),
    misses: [],
    attempts: [],
  };
}
