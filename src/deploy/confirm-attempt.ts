import type { Phase } from "../apply/activation.ts";
import type { Baseline } from "../apply/baseline.ts";
import { confirmActivation, returnActivation } from "../apply/confirm-activation.ts";
import { confirmation } from "../apply/confirmation.ts";
import type { Look } from "../apply/host-look.ts";
import { restartUnits } from "../apply/restart-units.ts";
import { type Evidence, noEvidence } from "../apply/strategy.ts";
import type { Trouble } from "../apply/trouble.ts";
import type { BriefObservation } from "../target/observation.ts";
import { runChecks } from "../verify/run-checks.ts";
import type { Change } from "./change.ts";
import type { DeployWorld } from "./deploy-world.ts";
import { hostEvidence } from "./host-evidence.ts";
import { glanceAt } from "./look-at.ts";
import type { Operation } from "./operation.ts";

type Confirming = {
  readonly baseline: Baseline;
  readonly log: string;
  readonly id: string;
  readonly nonce: string;
  /** Seconds since the activation began. */
  readonly begunAgo: number;
};
export type Judged = { readonly trouble: Trouble; readonly evidence: Evidence };

export type Said = {
  readonly kind: "told" | "silent";
  readonly judged: Judged | undefined;
  /** Of one that was confirmed, too: what waits for the reboot. */
  readonly evidence: Evidence;
  readonly reasons: readonly string[];
  /** How the host ended it, where it did right after it was told. */
  readonly end?: Extract<Phase, { phase: "ended" }> | undefined;
};

/** Looks, asks the checks, and tells the host to stay or to go back. The decision is `confirmation`'s; this only carries it out. */
export async function confirmOrReturn(
  change: Change,
  operation: Operation,
  waiting: Extract<Phase, { phase: "waiting" }>,
  { baseline, log, id, nonce, begunAgo }: Confirming,
  world: DeployWorld,
): Promise<Said> {
  const { targets, probe, pause } = world;
  const { signal } = world.finishing;
  const { address } = change;
  let earlier: BriefObservation | undefined;
  let restarted = false;
  const since = world.clock.now().getTime();
  let known: Evidence | undefined;
  for (;;) {
    const look = await glanceAt(change, world, world.apply.soakSeconds > 0 ? "health" : "brief", "new");
    // sshd may be restarting, and a link takes its time: only silence that lasts says something, and it has to end before the host's own patience does.
    const patience = (world.clock.now().getTime() - since) / 1000 < world.apply.confirmSeconds / 2;
    if (look.kind === "silent" && patience) {
      await pause(3);
      continue;
    }
    const checks = look.kind === "silent" ? [] : await runChecks(change.checks, { targets, address, probe, wait: pause, signal });
    const scriptFailed = /failed to run activate script/i.test(log);
    const failedUnits = look.kind === "observed" ? look.observation.failedUnits.filter((unit) => !baseline.failedUnits.includes(unit)) : [];
    // Asked while the new system is active: going back takes the traces along.
    if (known === undefined && look.kind === "observed" && (failedUnits.length > 0 || waiting.exit === 4)) {
      const { observation } = look;
      const asked = { change, observation, failedUnits, exit: waiting.exit, since: observation.at.getTime() / 1000 - begunAgo, log };
      known = await hostEvidence(asked, world);
    }
    const evidence = { ...(known ?? noEvidence), failedUnits };
    const judged: Judged = { trouble: troubleOf(waiting.exit, scriptFailed, look, failedUnits), evidence };
    if (evidence.holders.length > 0 && change.reversible && operation.strategy !== "stop-then-switch") {
      const said = await returnActivation(targets, address, id, nonce);
      const reasons = [`A file system could not be unmounted: ${evidence.holders.join(", ")} held it.`];
      return { kind: said.kind === "said" ? "told" : "silent", judged, evidence, reasons };
    }
    const answer = confirmation({
      exit: waiting.exit,
      scriptFailed,
      look,
      from: operation.from.current,
      activate: operation.activate,
      baseline,
      checks,
      // The reboot that follows brings the kernel that they want.
      waitForReboot: change.planned.mode === "switch-then-reboot" ? evidence.needNewKernel : [],
      restarted,
      reversible: change.reversible,
      soakSeconds: world.apply.soakSeconds,
      earlier,
    });
    switch (answer.kind) {
      case "look-again":
        await pause(answer.afterSeconds);
        earlier = look.kind === "observed" ? look.observation : undefined;
        break;
      case "restart":
        await restartUnits(targets, address, answer.units);
        restarted = true;
        break;
      case "confirm": {
        const said = await confirmActivation(targets, address, id, nonce);
        const end = said.kind === "said" ? said.end : undefined;
        return { kind: said.kind === "said" ? "told" : "silent", judged: undefined, evidence, reasons: answer.reasons, end };
      }
      case "return": {
        const said = await returnActivation(targets, address, id, nonce);
        return { kind: said.kind === "said" ? "told" : "silent", judged, evidence, reasons: answer.reasons };
      }
      case "stay":
      case "leave":
        return { kind: "silent", judged, evidence, reasons: answer.reasons };
    }
  }
}

function troubleOf(exit: number | undefined, scriptFailed: boolean, look: Look<BriefObservation>, failedUnits: readonly string[]): Trouble {
  if (exit === undefined) return "timed-out";
  if (exit === 2 || scriptFailed) return "script-failed";
  if (look.kind === "silent") return "unreachable";
  return failedUnits.length > 0 ? "units-failed" : "not-confirmed";
}
