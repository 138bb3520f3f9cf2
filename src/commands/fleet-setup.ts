import { poolSize } from "../build/pool.ts";
import { evaluateSides, type EvaluatedFleet } from "../build/sides.ts";
import type { Observation } from "../target/observation.ts";
import { observe } from "../target/observe.ts";
import { askFleet, type RunningFleet } from "../deploy/running-fleet.ts";
import type { DeployRequest } from "../deploy/contact.ts";
import { discover, selectHosts } from "../discover/discover.ts";
import type { HostName } from "../discover/host.ts";
import { gateError } from "../failure.ts";
import type { Log, Targets } from "../io/ports.ts";
import { observeOnly, parsePolicy, type Policy } from "../policy.ts";
import { type DeploySetup, withDeploy } from "./deploy-setup.ts";
import type { Prepared } from "./prepare.ts";

/** Hosts that policy hands to the gate, asked what they are and run. */
export type AskedFleet = {
  readonly policy: Policy;
  readonly evaluated: EvaluatedFleet;
  /** What was asked for; more than that were asked where groups were wanted. */
  readonly chosen: readonly HostName[];
  readonly fleet: RunningFleet<Observation>;
  readonly targets: Targets;
  readonly request: DeployRequest;
  readonly prepared: Prepared;
};

export type FleetQuestion = {
  readonly prepared: Prepared;
  /** Globs; all managed hosts where empty. */
  readonly hosts: readonly string[];
  /** The groups that they are in are asked as a whole. */
  readonly withGroups?: boolean;
  readonly log: Log;
  readonly setup: Omit<DeploySetup, "prepared">;
};

/** Evaluates the flake as it stands, asks the managed hosts, and hands both over; connections are closed afterwards. Nothing is built. */
export async function withFleet<T>({ setup, ...question }: FleetQuestion, use: (asked: AskedFleet) => Promise<T>): Promise<T> {
  return await withDeploy({ ...setup, prepared: question.prepared }, async (request) => await use(await askFlake(question, request)));
}

/** The same for a run that has its connections already. */
export async function askFlake(
  { prepared, hosts, withGroups, log }: Omit<FleetQuestion, "setup">,
  request: DeployRequest,
): Promise<AskedFleet> {
  const { sources, ports } = prepared;
  const { nix } = ports;
  const { head } = sources;
  log.progress({ kind: "stage", stage: "discover", text: `reading ${head.shown}` });
  const outputs = await discover(nix, head, { trust: head.trust, timeoutSeconds: 300 });
  const policy = outputs.deployGate === undefined ? observeOnly : parsePolicy(outputs.deployGate.value, head.shown);
  const managed = (host: HostName): boolean => Object.hasOwn(policy.hosts, host) && policy.hosts[host]?.deploy === true;
  const chosen = selectHosts(outputs.hosts, hosts).filter(managed);
  if (chosen.length === 0) throw gateError("nothing-managed", { flake: head.shown });
  const groups = new Set(withGroups === true ? chosen.flatMap((host) => policy.hosts[host]?.group ?? []) : []);
  const wanted = outputs.hosts.filter((host) => managed(host) && (chosen.includes(host) || groups.has(policy.hosts[host]?.group ?? "")));
  const evaluated = await evaluateSides(
    wanted,
    undefined,
    { flake: outputs.flake, trust: head.trust, hosts: wanted },
    { nix, log, jobs: poolSize(ports.machine), timeoutSeconds: policy.evaluation.timeoutSeconds },
  );
  const targets = await request.openTargets(policy);
  log.progress({ kind: "stage", stage: "discover", text: "asking the hosts what they run" });
  const fleet = await askFleet(evaluated, policy, log, (address) => observe(targets, address));
  return { policy, evaluated, chosen, fleet, targets, request, prepared };
}
