import type { ExitCode } from "../failure.ts";
import type { GateLog } from "../io/log.ts";
import { statusJson, statusText } from "../report/status-text.ts";
import { personAt } from "./deploy-run.ts";
import { withFleet } from "./fleet-setup.ts";
import { fleetStatuses } from "./fleet-statuses.ts";
import type { Prepared } from "./prepare.ts";
import type { Options, Shell } from "./shell.ts";
import { listOption } from "./shell-run.ts";
import { sshWords } from "./ssh-words.ts";

/** Asks the hosts and prints what they said. Exit code 1 where one could not be asked. */
export async function runStatus(prepared: Prepared, options: Options, shell: Shell, log: GateLog): Promise<ExitCode> {
  const setup = { ...personAt(shell), ...sshWords(options, "status"), dryRun: true };
  return await withFleet({ prepared, hosts: listOption(options, "hosts"), log, setup }, async (asked) => {
    const hosts = await fleetStatuses(asked);
    log.close();
    shell.out(options["json"] === true ? statusJson(hosts) : statusText(hosts, shell.terminal));
    return hosts.every((host) => host.reachable) ? 0 : 1;
  });
}
