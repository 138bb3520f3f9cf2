import type { EvaluatedFleet } from "../build/sides.ts";
import { inPool } from "../build/pool.ts";
import { type Check, failedCheck, rowsOf } from "../doctor/check.ts";
import { hostChecks } from "../doctor/host-checks.ts";
import { hostProgram } from "../doctor/host-program.ts";
import type { HostName } from "../discover/host.ts";
import { failure, GateError } from "../failure.ts";
import type { GateLog } from "../io/log.ts";
import type { Clock, Targets } from "../io/ports.ts";
import { openTargets } from "../io/target.ts";
import type { Policy } from "../policy.ts";
import type { Address } from "../target/address.ts";
import { knownTarget } from "../target/known-target.ts";
import { observe } from "../target/observe.ts";
import { addressOf } from "../target/resolve-address.ts";
import type { Prepared } from "./prepare.ts";
import type { Options, Shell } from "./shell.ts";
import { sshWords } from "./ssh-words.ts";

type HostsWorld = { readonly prepared: Prepared; readonly options: Options; readonly shell: Shell; readonly log: GateLog };

/** Logs in to every host that was evaluated, many at once, and asks. A host that does not answer is its own row. */
export async function checkHosts(
  evaluated: EvaluatedFleet,
  policy: Policy,
  { prepared, options, shell, log }: HostsWorld,
): Promise<Check[]> {
  const checks: Check[] = [];
  const addresses: Address[] = [];
  for (const host of evaluated.hosts) {
    const side = evaluated.after.get(host);
    if (side?.ok === false) checks.push(failedCheck("hosts", "evaluation", side.failure, host));
    const resolved = addressOf(host, policy, side?.ok === true ? knownTarget(side.value.facts) : {});
    if (resolved.ok) addresses.push(resolved.value.address);
    else checks.push(failedCheck("hosts", "address", resolved.failure, host));
  }
  const { privateKey, knownHosts } = sshWords(options, "doctor");
  if (privateKey === undefined && (shell.environment["SSH_AUTH_SOCK"] ?? "") === "")
    return [...checks, failedCheck("hosts", "ssh-key", failure("ssh-key-missing", {}))];
  let targets: Targets;
  try {
    targets = await openTargets({
      environment: shell.environment,
      scratch: prepared.scratch,
      signal: shell.signal,
      ...(privateKey === undefined ? {} : { privateKey }),
      knownHosts: [knownHosts, ...policy.apply.knownHosts].join("\n"),
      nix: prepared.ports.nix,
      log,
    });
  } catch (error) {
    if (!(error instanceof GateError) || error.failure.code === "cancelled") throw error;
    return [...checks, failedCheck("hosts", "ssh-key", error.failure)];
  }
  try {
    log.progress({ kind: "stage", stage: "discover", text: "asking the hosts" });
    const answers = new Map<HostName, Check[]>();
    await inPool(addresses, policy.apply.parallel, async (address) => {
      answers.set(address.host, await checkHost(targets, address, prepared.ports.clock));
    });
    return [...checks, ...addresses.flatMap(({ host }) => answers.get(host) ?? [])];
  } finally {
    await targets.close();
  }
}

async function checkHost(targets: Targets, address: Address, clock: Clock): Promise<Check[]> {
  // The first login may take long; what is measured between is the second question alone.
  const first = await observe(targets, address, { timeoutSeconds: 90 });
  if (!first.ok) return [failedCheck("hosts", first.trouble, first.failure, address.host)];
  const told = await targets.run({
    address,
    program: hostProgram,
    arguments: [address.user],
    connection: "shared",
    timeoutSeconds: 90,
    maxBytes: 64 * 1024,
  });
  const asked = clock.now();
  const date = await targets.run({ address, program: 'put clock "$(date +%s)"', arguments: [], connection: "shared", timeoutSeconds: 30 });
  const answered = clock.now();
  const seconds = Number(date.records.find(({ name }) => name === "clock")?.value);
  const observation = { ...first.observation, at: new Date(seconds * 1000) };
  const checks = hostChecks({ address, observation, records: told.ok ? told.records : undefined, asked, answered });
  return told.ok
    ? checks
    : [...checks, rowsOf("hosts", address.host)("unknown", "asked", `It was lost while it was asked: ${told.detail}`)];
}
