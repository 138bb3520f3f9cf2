import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beginDeploy } from "../deploy/begin-deploy.ts";
import type { DeployRequest } from "../deploy/contact.ts";
import { finishing } from "../deploy/finishing.ts";
import { readFlake } from "../discover/discover.ts";
import { gateError } from "../failure.ts";
import { runnerBootId } from "../io/machine.ts";
import type { Targets } from "../io/ports.ts";
import { probe } from "../io/probe.ts";
import { openTargets } from "../io/target.ts";
import { observeOnly, parsePolicy } from "../policy.ts";
import type { Prepared } from "./prepare.ts";

/** What a run decides by itself is handed on as it is; the rest becomes the ports of the request. */
type HandedOn = Pick<
  DeployRequest,
  | "signal"
  | "repository"
  | "approve"
  | "reject"
  | "approver"
  | "isAuthor"
  | "onDeployBranch"
  | "policyGuarded"
  | "dryRun"
  | "despite"
  | "only"
  | "tip"
  | "overtaken"
>;

export type DeploySetup = HandedOn & {
  readonly prepared: Prepared;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The text of a private key; the agent is asked without one. */
  readonly privateKey: string | undefined;
  /** Text of known_hosts files; the policy's lines and pinned keys come on top. */
  readonly knownHosts: string;
};

/** Runs `use` with everything that a run needs which may change hosts, and takes connections and key away afterwards, however it ended. */
export async function withDeploy<T>(setup: DeploySetup, use: (request: DeployRequest) => Promise<T>): Promise<T> {
  const { prepared, environment, signal } = setup;
  const { git, scratch, sources, ports } = prepared;
  const opened: Targets[] = [];
  const finish = finishing(signal);
  const isAncestor = async (ancestor: string, of: string): Promise<boolean | "unknown"> => {
    if (![ancestor, of].every((rev) => /^[0-9a-f]{40}$/.test(rev))) return "unknown";
    const told = await git.run({ directory: join(scratch, "repo"), arguments: ["merge-base", "--is-ancestor", ancestor, of] });
    if (told.exitCode === 0) return true;
    if (told.exitCode !== 1) return "unknown";
    // Where history was cut off, git says "no" to what it cannot see.
    const shallow = await git.run({ directory: join(scratch, "repo"), arguments: ["rev-parse", "--is-shallow-repository"] });
    return shallow.stdout.trim() === "false" ? false : "unknown";
  };
  try {
    return await use({
      begin: beginDeploy,
      openTargets: async (policy) => {
        // Where nothing is handed to the gate nobody is contacted, and a key that is missing or broken is no matter.
        const managed = Object.values(policy.hosts).some(({ deploy }) => deploy);
        const privateKey = managed ? setup.privateKey : undefined;
        if (managed && privateKey === undefined && (environment["SSH_AUTH_SOCK"] ?? "") === "") throw gateError("ssh-key-missing", {});
        const targets = await openTargets({
          environment,
          scratch,
          signal: finish.signal,
          ...(privateKey === undefined ? {} : { privateKey }),
          knownHosts: [setup.knownHosts, ...policy.apply.knownHosts].join("\n"),
          nix: ports.nix,
          log: ports.log,
        });
        opened.push(targets);
        return targets;
      },
      probe,
      // An aborted wait ends at once; what follows sees the signal.
      pause: async (seconds) => await sleep(seconds * 1000, undefined, { signal: finish.signal }).catch(() => {}),
      signal,
      finishing: finish,
      random: () => randomBytes(16).toString("hex"),
      dryRun: setup.dryRun,
      despite: setup.despite,
      isAncestor,
      policyAt: async (revision) => {
        const source = sources.at?.(revision);
        const head = setup.tip ?? sources.head.rev;
        if (source === undefined || head === undefined || (await isAncestor(revision, head)) !== true) return undefined;
        try {
          const { deployGate, flake } = await readFlake(ports.nix, source, { trust: source.trust, timeoutSeconds: 300 });
          return deployGate === undefined ? observeOnly : parsePolicy(deployGate.value, flake.shown);
        } catch (error) {
          // It was readable when it was deployed. What cannot be read any more is no policy, and the hosts of it are held.
          ports.log.debug("a policy that was applied cannot be read", { revision, reason: String(error) });
          return undefined;
        }
      },
      runnerBootId: runnerBootId(),
      repository: setup.repository,
      approve: setup.approve,
      reject: setup.reject,
      approver: setup.approver,
      isAuthor: setup.isAuthor,
      onDeployBranch: setup.onDeployBranch,
      policyGuarded: setup.policyGuarded,
      ...(setup.overtaken === undefined ? {} : { overtaken: setup.overtaken }),
      tip: setup.tip,
      only: setup.only,
    });
  } finally {
    await Promise.all(opened.map((targets) => targets.close()));
  }
}
