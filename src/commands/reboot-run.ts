import type { ExitCode } from "../failure.ts";
import type { GateLog } from "../io/log.ts";
import { rebootExit } from "../report/reboot-exit.ts";
import { rebootedJson, rebootedText } from "../report/rebooted-text.ts";
import { personAt } from "./deploy-run.ts";
import { withFleet } from "./fleet-setup.ts";
import type { Prepared } from "./prepare.ts";
import { rebootFleet } from "./reboot-fleet.ts";
import type { Options, Shell } from "./shell.ts";
import { listOption } from "./shell-run.ts";
import { sshWords } from "./ssh-words.ts";

/** Reboots what is due, or with `--now` what waits, and prints what became of each host. */
export async function runReboot(prepared: Prepared, options: Options, shell: Shell, log: GateLog): Promise<ExitCode> {
  const hosts = listOption(options, "hosts");
  const byHand = options["now"] === true ? { named: new Set(hosts) } : undefined;
  const setup = { ...personAt(shell), ...sshWords(options, "reboot"), dryRun: options["dry-run"] === true };
  return await withFleet({ prepared, hosts, withGroups: true, log, setup }, async (asked) => {
    const rebooted = await rebootFleet(asked, byHand, log);
    log.close();
    shell.out(options["json"] === true ? rebootedJson(rebooted) : rebootedText(rebooted, shell.terminal));
    return rebootExit(rebooted, byHand !== undefined);
  });
}
