import { build } from "../build/build.ts";
import type { Log } from "../io/ports.ts";
import type { ByHand } from "../reboot/reboot-fleet.ts";
import { rebootCase } from "../reboot/reboot-fleet.ts";
import type { Rebooted } from "../reboot/reboot-outcome.ts";
import { runReboots } from "../reboot/run-reboots.ts";
import type { AskedFleet } from "./fleet-setup.ts";

/** Reboots a fleet that was asked, as far as it is due. By name. */
export async function rebootFleet(asked: AskedFleet, byHand: ByHand | undefined, log: Log): Promise<Rebooted[]> {
  const { policy, fleet, chosen, targets, request, prepared } = asked;
  const { store, clock } = prepared.ports;
  await bringSystems(asked, log);
  log.progress({ kind: "stage", stage: "apply", text: "rebooting what is due" });
  const given = rebootCase({ policy, fleet, chosen, byHand, runnerBootId: request.runnerBootId });
  const { probe, pause, signal, finishing, dryRun } = request;
  const { parallel } = policy.apply;
  const world = { targets, probe, clock, store, log, pause, signal, finishing, parallel, dryRun };
  return (await runReboots(given, world)).toSorted((a, b) => (a.host < b.host ? -1 : 1));
}

/**
 * The systems that hosts wait to boot, where the flake still says them: with them in this machine's store it can be told which kernel has
 * to come up and what else the system promises. What cannot be built is no reason not to reboot: the host has it.
 */
async function bringSystems({ policy, evaluated, fleet, chosen, prepared }: AskedFleet, log: Log): Promise<void> {
  const { nix, store, clock, roots } = prepared.ports;
  const waiting = chosen.flatMap((host) => {
    const observation = fleet.observations.get(host);
    const after = evaluated.after.get(host);
    if (observation === undefined || after?.ok !== true || observation.booted === observation.profile) return [];
    return after.value.outPath === observation.profile ? [after.value] : [];
  });
  if (waiting.length === 0) return;
  const { timeoutSeconds } = policy.build;
  const built = await build(waiting, { nix, trust: evaluated.trust, files: store, log, timeoutSeconds, clock, roots });
  for (const one of built.values())
    if (!one.ok) log.debug("a system that waits to boot could not be built", { reason: one.failure.message });
}
