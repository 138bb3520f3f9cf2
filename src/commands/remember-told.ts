import { inPool } from "../build/pool.ts";
import type { Log } from "../io/ports.ts";
import type { Rebooted } from "../reboot/reboot-outcome.ts";
import { needsSomebody } from "../report/notification.ts";
import type { Plan } from "../report/plan.ts";
import { appendLedger } from "../target/append-ledger.ts";
import type { AskedFleet } from "./fleet-setup.ts";

/**
 * Writes into the ledgers of the hosts that this run tells somebody of that it did, so that the next hour's run does not say the same again. What cannot be written is
 * told again, which is the lesser evil.
 */
export async function rememberTold(asked: AskedFleet, rebooted: readonly Rebooted[], plan: Plan, log: Log): Promise<void> {
  const { policy, fleet, targets, request, prepared } = asked;
  if (request.dryRun || (policy.notify.command === undefined && policy.notify.webhook === undefined)) return;
  const concerned = new Set(plan.hosts.filter((host) => needsSomebody(plan, host)).map(({ host }) => host));
  const at = Math.floor(prepared.ports.clock.now().getTime() / 1000);
  await inPool(rebooted, policy.apply.parallel, async ({ host, trouble }) => {
    const address = fleet.addresses.get(host);
    if (!concerned.has(host) || trouble?.to === undefined || address === undefined) return;
    const written = await appendLedger(targets, address, { v: 1, event: "told", at, to: trouble.to });
    if (!written.ok) log.debug("that somebody was told could not be written", { host, reason: written.failure.message });
  });
}
