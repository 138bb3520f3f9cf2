import type { ExitCode } from "../failure.ts";
import type { GateLog } from "../io/log.ts";
import { rebootExit } from "../report/reboot-exit.ts";
import { rebootedJson, rebootedText } from "../report/rebooted-text.ts";
import { personAt } from "./deploy-run.ts";
import { explainedReboots } from "./explain-reboots.ts";
import { withFleet } from "./fleet-setup.ts";
import { notifyOf } from "./notify-run.ts";
import { sessionOf } from "./shell-session.ts";
import type { Prepared } from "./prepare.ts";
import { rebootFleet } from "./reboot-fleet.ts";
import { rememberTold } from "./remember-told.ts";
import type { Options, Shell } from "./shell.ts";
import { listOption } from "./shell-run.ts";
import { sshWords } from "./ssh-words.ts";

/** Reboots what is due, or with `--now` what waits, and prints what became of each host. */
export async function runReboot(prepared: Prepared, flake: string, options: Options, shell: Shell, log: GateLog): Promise<ExitCode> {
  const hosts = listOption(options, "hosts");
  const byHand = options["now"] === true ? { named: new Set(hosts) } : undefined;
  const setup = { ...personAt(shell), ...sshWords(options, "reboot"), dryRun: options["dry-run"] === true };
  const startedAt = prepared.ports.clock.now();
  return await withFleet({ prepared, hosts, withGroups: true, log, setup }, async (asked) => {
    const rebooted = await rebootFleet(asked, byHand, log);
    const session = options["session"] === true ? sessionOf(options, shell, prepared) : "no session was asked for";
    const about = { event: "shell", flake, startedAt, detail: "full", notes: [], session } as const;
    const plan = await explainedReboots(asked, rebooted, about, log);
    log.close();
    const why = new Map(plan.hosts.flatMap(({ host, diagnosis }) => (diagnosis === undefined ? [] : [[host, diagnosis]])));
    shell.out(options["json"] === true ? rebootedJson(rebooted, why) : rebootedText(rebooted, why, shell.terminal));
    const { environment } = shell;
    const policy = setup.dryRun ? undefined : asked.policy.notify;
    const notes = await notifyOf(plan, { policy, url: undefined, environment, masked: (text) => log.masked(text) });
    for (const note of notes) shell.error(`${note}\n`);
    if (notes.length === 0) await rememberTold(asked, rebooted, plan, log);
    return rebootExit(rebooted, byHand !== undefined);
  });
}
