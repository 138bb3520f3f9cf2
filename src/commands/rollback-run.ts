import { checksOf } from "../deploy/checks-of.ts";
import { rollbackHost } from "../deploy/rollback-host.ts";
import { type ExitCode, gateError } from "../failure.ts";
import type { GateLog } from "../io/log.ts";
import { outcomeJson, outcomeText } from "../report/outcome-text.ts";
import { personAt } from "./deploy-run.ts";
import { withFleet } from "./fleet-setup.ts";
import type { Prepared } from "./prepare.ts";
import type { Options, Shell } from "./shell.ts";
import { sshWords } from "./ssh-words.ts";

/** Rolls one host back and prints what became of it. */
export async function runRollback(host: string, prepared: Prepared, options: Options, shell: Shell, log: GateLog): Promise<ExitCode> {
  const to = options["to"];
  if (typeof to === "string" && !/^[0-9]{1,9}$/.test(to))
    throw gateError("usage", { problem: `--to takes the number of a generation; this is "${to}".`, command: "rollback" });
  const dryRun = options["dry-run"] === true;
  const setup = { ...personAt(shell), ...sshWords(options, "rollback"), dryRun };
  return await withFleet({ prepared, hosts: [host], log, setup }, async ({ policy, fleet, targets, request }) => {
    const [one] = fleet.addresses;
    if (one === undefined) {
      const [asked] = fleet.asked.values();
      throw gateError("target-address", { host, problem: asked?.ok === false ? asked.failure.message : "it has no address" });
    }
    const [name, address] = one;
    const { nix, store, clock } = prepared.ports;
    const outcome = await rollbackHost(
      { host: name, address, generation: typeof to === "string" ? Number(to) : undefined, checks: checksOf(policy, name) },
      {
        ...request,
        targets,
        nix,
        store,
        clock,
        log,
        apply: policy.apply,
        isAncestor: () => "unknown",
        evidence: new Map(),
        recovery: undefined,
      },
    );
    log.close();
    shell.out(options["json"] === true ? outcomeJson(name, outcome) : outcomeText(name, outcome, shell.terminal));
    return outcome.outcome === "failed" || outcome.outcome === "unreachable" ? 1 : 0;
  });
}
