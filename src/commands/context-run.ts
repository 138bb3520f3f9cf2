import { contextJson, contextText } from "../context/context-text.ts";
import { type FleetContext, gatherContext } from "../context/fleet-context.ts";
import { type HostName, matchesGlob } from "../discover/host.ts";
import type { ExitCode } from "../failure.ts";
import type { GateLog } from "../io/log.ts";
import { personAt } from "./deploy-run.ts";
import { type AskedFleet, withFleet } from "./fleet-setup.ts";
import { fleetStatuses } from "./fleet-statuses.ts";
import type { Prepared } from "./prepare.ts";
import type { Options, Shell } from "./shell.ts";
import { listOption } from "./shell-run.ts";
import { sshWords } from "./ssh-words.ts";

/** Asks the hosts how they fare and prints it. Exit code 0 also where one does not answer: that is what was asked. */
export async function runContext(prepared: Prepared, options: Options, shell: Shell, log: GateLog): Promise<ExitCode> {
  const setup = { ...personAt(shell), ...sshWords(options, "context"), dryRun: true };
  return await withFleet({ prepared, hosts: listOption(options, "hosts"), log, setup }, async (asked) => {
    const context = await contextOf(asked);
    log.close();
    shell.out(options["json"] === true ? contextJson(context) : contextText(context, { bytes: 4 << 20, unicode: shell.terminal.unicode }));
    return 0 as const;
  });
}

/** The snapshot of a fleet that has been asked what it runs, or of those of its hosts that it is about. */
export async function contextOf(asked: AskedFleet, about: (host: HostName) => boolean = () => true): Promise<FleetContext> {
  const { fleet, policy, targets, prepared } = asked;
  return await gatherContext(targets, {
    statuses: (await fleetStatuses(asked)).filter(({ host }) => about(host)),
    addresses: fleet.addresses,
    policy: policy.context,
    now: prepared.ports.clock.now(),
    matches: matchesGlob,
  });
}
