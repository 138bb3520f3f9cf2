import { entriesOf } from "../decide/rejection.ts";
import { ledgerOf } from "../deploy/ledger-of.ts";
import type { Targets } from "../io/ports.ts";
import type { Address } from "../target/address.ts";
import type { BriefObservation } from "../target/observation.ts";
import { rebootAttempts } from "./attempts.ts";
import { HostOrder } from "./host-order.ts";

/**
 * Takes back the timer that would reboot a host into what it no longer boots. The timer asks that itself when it fires, so that nothing is
 * lost where the host does not answer now: its attempt then stays open until the next run of reboots. An attempt whose time has come is
 * left to the run that began it, which may have to undrain.
 */
export async function cancelTimer(targets: Pick<Targets, "run">, address: Address, observation: BriefObservation): Promise<void> {
  const last = rebootAttempts(entriesOf(ledgerOf(observation))).at(-1);
  if (last === undefined || last.end !== undefined || last.bootId !== observation.bootId) return;
  if (last.attempt.to === observation.profile || last.startedAt <= observation.at) return;
  const order = new HostOrder(targets, address);
  await order.cancelTimers();
  const at = Math.floor(observation.at.getTime() / 1000);
  const entry = { v: 1, event: "ended", at, id: last.attempt.id, outcome: "refused", reason: "target-changed" } as const;
  await order.giveUp({ effect: "give-up", bootId: last.bootId, entry });
}
