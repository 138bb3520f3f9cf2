import type { Baseline } from "../apply/baseline.ts";
import { copyClosure } from "../apply/copy.ts";
import { copyRootName, keepCopy, releaseCopy } from "../apply/copy-root.ts";
import type { CopyState } from "../apply/copy-progress.ts";
import { dryActivate } from "../apply/dry-activate.ts";
import type { Group, MemberHealth } from "../apply/group-health.ts";
import type { Outcome, OutcomeKind } from "../apply/outcome.ts";
import { preflight } from "../apply/preflight.ts";
import type { HostName } from "../discover/host.ts";
import { type Failure, GateError } from "../failure.ts";
import type { Observation } from "../target/observation.ts";
import { runChecks } from "../verify/run-checks.ts";
import type { Change } from "./change.ts";
import type { DeployWorld } from "./deploy-world.ts";
import { ledgerOf } from "./ledger-of.ts";
import { lookAt } from "./look-at.ts";

/** A host that has the new system in its store and may be activated, or what it ended as before anything on it was changed. */
export type Prepared =
  | {
      readonly kind: "ready";
      readonly observation: Observation;
      readonly baseline: Baseline;
      /** What the host says that the switch would do; empty where it was not asked or could not tell. Untrusted text. */
      readonly wouldDo: string;
      /** What keeps the new system on the host until a supervisor does. */
      readonly copyRoot: string;
    }
  | {
      readonly kind: "ended";
      readonly outcome: OutcomeKind;
      readonly reasons: Outcome["reasons"];
      readonly healthy: boolean;
      readonly observation: Observation | undefined;
      readonly failure?: Failure;
      /** The next command to type, where a question before the change was not answered well. */
      readonly next?: string;
    };

export type GroupStanding = { readonly group: Group; readonly health: ReadonlyMap<HostName, MemberHealth> } | undefined;

const dryActivationSeconds = 60;
const wouldDoCharacters = 4_000;

/** Asks once more whether the host may be changed, copies, and lets the host say what a switch would do. Nothing that is active or boots is touched. */
export async function prepareHost(change: Change, group: () => Promise<GroupStanding>, world: DeployWorld): Promise<Prepared> {
  let observation: Observation | undefined;
  try {
    return await prepare(change, group, world, (seen) => (observation = seen));
  } catch (error) {
    if (!(error instanceof GateError) || error.failure.code !== "cancelled") throw error;
    return cancelled(observation);
  }
}

const cancelled = (observation: Observation | undefined): Prepared => ({
  kind: "ended",
  outcome: "not-reached",
  reasons: ["The run was cancelled before anything was changed on it."],
  healthy: true,
  observation,
});

async function prepare(
  change: Change,
  group: () => Promise<GroupStanding>,
  world: DeployWorld,
  onObserved: (observation: Observation) => void,
): Promise<Prepared> {
  const { targets, probe, log, pause, signal, nix, clock } = world;
  const { address, planned, host } = change;
  const say = (step: "asking" | "copying" | "activating", text?: string): void =>
    log.progress({ kind: "host", host, step, ...(text === undefined ? {} : { text }) });

  say("asking");
  const [look, standing] = await Promise.all([lookAt(change, world), group()]);
  if (look.kind === "observed") onObserved(look.observation);
  const checks = look.kind === "silent" ? [] : await runChecks(change.checks, { targets, address, probe, wait: pause, signal });
  if (signal.aborted) return cancelled(look.kind === "observed" ? look.observation : undefined);
  const { summary } = preflight({
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
  if (summary.may !== "go" || look.kind === "silent") {
    const outcome = summary.may === "go" ? "unreachable" : summary.outcome;
    const seen = look.kind === "observed" ? look.observation : undefined;
    const next = summary.may === "go" ? undefined : summary.next;
    return {
      kind: "ended",
      outcome,
      reasons: summary.reasons,
      healthy: seen !== undefined,
      observation: seen,
      ...(next === undefined ? {} : { next }),
    };
  }
  const { observation } = look;
  const { baseline } = summary;
  const boots = planned.mode === "boot-only";
  const ended = (outcome: OutcomeKind, reasons: Outcome["reasons"], failure?: Failure): Prepared => ({
    kind: "ended",
    outcome,
    reasons,
    healthy: true,
    observation,
    ...(failure === undefined ? {} : { failure }),
  });
  if (world.dryRun) return ended(boots ? "would-stage" : "would-deploy", summary.reasons);

  const copyRoot = copyRootName(world.random());
  // Told to stop, the copy ends at once; what kept it is still taken away.
  return await world.finishing.finish(async () => {
    let prepared: Prepared | undefined;
    say("copying");
    const unrooted = await keepCopy(targets, address, copyRoot, planned.to);
    if (unrooted !== undefined) return ended("failed", [`The system could not be copied: ${unrooted.message}`], unrooted);
    try {
      prepared = await copyAndAsk();
      return prepared;
    } finally {
      if (prepared?.kind !== "ready") await releaseCopy(targets, address, copyRoot);
    }
  });

  async function copyAndAsk(): Promise<Prepared> {
    const begun = clock.now().getTime();
    let told = begun;
    const onProgress = (state: CopyState): void => {
      const now = clock.now().getTime();
      if (now - told < 5_000) return;
      told = now;
      say("copying", copyText(state));
    };
    const copied = await copyClosure({ targets, nix, address, paths: [planned.to], policy: world.apply.copy, onProgress });
    if (!copied.ok) return ended("failed", [`The system could not be copied: ${copied.failure.message}`], copied.failure);
    log.debug("copied", { host, seconds: (clock.now().getTime() - begun) / 1000 });
    if (signal.aborted) return cancelled(observation);
    const wouldDo = boots || planned.activate === undefined ? "" : await dryActivation(change, planned.activate, world);
    if (signal.aborted) return cancelled(observation);
    say("activating", wouldDo.split("\n").filter(announces).join("; ").slice(0, 300) || undefined);
    return { kind: "ready", observation, baseline, wouldDo, copyRoot };
  }
}

const announces = (line: string): boolean =>
  /^would (?:NOT )?(?:stop|restart|reload|start) the following|^would restart systemd/.test(line);

function copyText({ paths, bytes }: CopyState): string {
  const mebi = (count: number): string => `${(count / 1024 ** 2).toFixed(count < 10 * 1024 ** 2 ? 1 : 0)} MiB`;
  return `${paths.done} of ${paths.total} paths${bytes.done === 0 ? "" : `, ${mebi(bytes.done)}${bytes.total > bytes.done ? ` of ${mebi(bytes.total)}` : ""}`}`;
}

/** Evidence for whoever reads; the supervisor asks the system's own checks again, so nothing is decided by it. */
async function dryActivation(change: Change, toplevel: string, { targets, log }: DeployWorld): Promise<string> {
  const told = await dryActivate(targets, change.address, toplevel, dryActivationSeconds);
  if (told.ok) return told.text.trim().slice(0, wouldDoCharacters);
  log.debug("no dry activation", { host: change.host, failure: told.failure.message });
  return "";
}
