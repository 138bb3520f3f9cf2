import { join } from "node:path";
import { appliedRevision, hostStatus } from "../deploy/host-status.ts";
import type { ExitCode } from "../failure.ts";
import type { GateLog } from "../io/log.ts";
import { statusJson, statusText } from "../report/status-text.ts";
import { personAt } from "./deploy-run.ts";
import { withFleet } from "./fleet-setup.ts";
import type { Prepared } from "./prepare.ts";
import type { Options, Shell } from "./shell.ts";
import { listOption } from "./shell-run.ts";
import { sshWords } from "./ssh-words.ts";

/** Asks the hosts and prints what they said. Exit code 1 where one could not be asked. */
export async function runStatus(prepared: Prepared, options: Options, shell: Shell, log: GateLog): Promise<ExitCode> {
  const setup = { ...personAt(shell), ...sshWords(options, "status"), dryRun: true };
  return await withFleet({ prepared, hosts: listOption(options, "hosts"), log, setup }, async ({ policy, fleet }) => {
    const revisions = new Set([...fleet.observations.values()].flatMap((observation) => appliedRevision(observation) ?? []));
    const behind = new Map<string, number>();
    for (const revision of revisions) {
      const count = await commitsSince(prepared, revision);
      if (count !== undefined) behind.set(revision, count);
    }
    const { store, clock } = prepared.ports;
    const now = clock.now();
    const hosts = [...fleet.asked]
      .map(([host, asked]) => hostStatus({ host, asked, policy, store, now, behind }))
      .toSorted((a, b) => (a.host < b.host ? -1 : 1));
    log.close();
    shell.out(options["json"] === true ? statusJson(hosts) : statusText(hosts, shell.terminal));
    return hosts.every((host) => host.reachable) ? 0 : 1;
  });
}

async function commitsSince({ git, scratch, sources }: Prepared, revision: string): Promise<number | undefined> {
  const head = sources.head.rev;
  if (head === undefined) return undefined;
  const counted = await git.run({ directory: join(scratch, "repo"), arguments: ["rev-list", "--count", `${revision}..${head}`, "--"] });
  const count = Number(counted.stdout.trim());
  return counted.exitCode === 0 && Number.isInteger(count) ? count : undefined;
}
