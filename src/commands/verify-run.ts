import { build } from "../build/build.ts";
import { inPool } from "../build/pool.ts";
import { checksOf } from "../deploy/checks-of.ts";
import { isWell, type Verified, verifyRunning } from "../deploy/verify-running.ts";
import type { ExitCode } from "../failure.ts";
import type { GateLog } from "../io/log.ts";
import { verifiedJson, verifiedText } from "../report/verified-text.ts";
import { personAt } from "./deploy-run.ts";
import { withFleet } from "./fleet-setup.ts";
import type { Prepared } from "./prepare.ts";
import type { Options, Shell } from "./shell.ts";
import { listOption } from "./shell-run.ts";
import { sshWords } from "./ssh-words.ts";

/** Builds what the flake says, asks the hosts and holds one against the other. Exit code 1 where a host is not what it should be. */
export async function runVerify(prepared: Prepared, options: Options, shell: Shell, log: GateLog): Promise<ExitCode> {
  const setup = { ...personAt(shell), ...sshWords(options, "verify"), dryRun: true };
  return await withFleet(
    { prepared, hosts: listOption(options, "hosts"), log, setup },
    async ({ policy, evaluated, fleet, targets, request }) => {
      const { nix, store, clock, roots } = prepared.ports;
      const evaluations = [...evaluated.after.values()].flatMap((one) => (one.ok ? [one.value] : []));
      const { timeoutSeconds } = policy.build;
      const built = await build(evaluations, { nix, trust: evaluated.trust, files: store, log, timeoutSeconds, clock, roots });
      const verified: Verified[] = [];
      await inPool([...fleet.asked], policy.apply.parallel, async ([host, asked]) => {
        const evaluation = evaluated.after.get(host);
        const made = evaluation?.ok === true ? built.get(evaluation.value.drvPath) : evaluation;
        const address = fleet.addresses.get(host);
        if (!asked.ok) verified.push({ host, kind: "failed", failure: asked.failure });
        else if (made?.ok === false) verified.push({ host, kind: "failed", failure: made.failure });
        else if (made === undefined || !("toplevel" in made.value) || address === undefined) throw new Error(`${host} was not built`);
        else {
          const question = { host, address, observation: asked.observation, toplevel: made.value.toplevel, checks: checksOf(policy, host) };
          verified.push(await verifyRunning(question, { ...request, targets, store }));
        }
      });
      const hosts = verified.toSorted((a, b) => (a.host < b.host ? -1 : 1));
      log.close();
      shell.out(options["json"] === true ? verifiedJson(hosts) : verifiedText(hosts, shell.terminal));
      return hosts.every(isWell) ? 0 : 1;
    },
  );
}
