import { failure } from "../failure.ts";
import type { HostName } from "../discover/host.ts";
import type { Result } from "../io/ports.ts";
import type { Policy } from "../policy.ts";
import { TargetPolicy } from "../policy-deploy.ts";
import type { Address } from "./address.ts";
import { readSshOptions } from "./ssh-words.ts";

/** What the flake says elsewhere of how a host is reached. Foreign values: nothing in them has been checked. */
export type KnownTarget = {
  /** `deploy.nodes.<host>` of deploy-rs; `sshUser` and `sshOpts` of profile, node or all, the nearest. */
  readonly deployNode?: { readonly hostname: string; readonly sshUser?: string; readonly sshOpts?: readonly string[] };
  /** `deployment.target*` of a colmena hive. Null is colmena's own word for a host that is only deployed locally. */
  readonly hive?: { readonly targetHost?: string | null; readonly targetUser?: string | null; readonly targetPort?: number | null };
  /** `networking.hostName`: what the machine calls itself. */
  readonly systemHostName?: string;
};

export type ResolvedAddress = {
  readonly address: Address;
  /** Sentences on what was said of the host and is not followed, for the log. */
  readonly notes: readonly string[];
};

type Words = { readonly hostname?: unknown; readonly user?: unknown; readonly port?: unknown; readonly jump?: unknown };

/**
 * Where a host is reached: key by key what the policy says, else deploy-rs, else colmena, never a mixture of those two; else by the host's own name as
 * `deployGate.apply.user` at port 22. What comes from outside the policy is held to the policy's own rules, since it ends in the same places. A failure is the host's.
 */
export function addressOf(host: HostName, policy: Pick<Policy, "hosts" | "apply">, known: KnownTarget = {}): Result<ResolvedAddress> {
  const refused = (problem: string): Result<ResolvedAddress> => ({ ok: false, failure: failure("target-address", { host, problem }) });
  const said = policy.hosts[host]?.target ?? {};
  const read = elsewhere(known, said.hostname !== undefined);
  if (!read.ok) return refused(read.problem);
  const { source, words, notes } = read;
  const parsed = TargetPolicy.pick({ hostname: true, user: true, port: true, jump: true }).safeParse(
    Object.fromEntries(Object.entries(words).filter(([key, value]) => value !== undefined && said[key as keyof typeof said] === undefined)),
  );
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return refused(`${source}: ${issue?.path[0]?.toString() ?? "it"}: ${issue?.message ?? "it is not usable"}`);
  }
  const foreign = parsed.data;
  const user = said.user ?? foreign.user ?? policy.apply.user;
  const name = said.name ?? known.systemHostName ?? host;
  const nameIs = TargetPolicy.shape.name.safeParse(name);
  if (!nameIs.success || nameIs.data === undefined) return refused("networking.hostName: it is not a host name");
  const jump = said.jump ?? foreign.jump ?? [];
  const badPort = jump.find((word) => !(Number(/:(\d+)$/.exec(word)?.[1] ?? 22) >= 1 && Number(/:(\d+)$/.exec(word)?.[1] ?? 22) <= 65_535));
  if (badPort !== undefined) return refused(`the jump host ${badPort} has no port between 1 and 65535`);
  return {
    ok: true,
    value: {
      address: {
        host,
        hostname: said.hostname ?? foreign.hostname ?? host,
        port: said.port ?? foreign.port ?? 22,
        user,
        sudo: user !== "root",
        ...(said.helper === true ? { helper: true } : {}),
        jump,
        identity: { name: nameIs.data, machineId: said.machineId },
        hostKeys: said.hostKeys ?? [],
      },
      notes,
    },
  };
}

type Elsewhere =
  | { readonly ok: true; readonly source: string; readonly words: Words; readonly notes: readonly string[] }
  | { readonly ok: false; readonly problem: string };

function elsewhere(known: KnownTarget, named: boolean): Elsewhere {
  const { deployNode, hive } = known;
  if (deployNode !== undefined) {
    const options = readSshOptions(deployNode.sshOpts ?? []);
    if (!options.ok) return { ok: false, problem: `deploy.nodes: sshOpts: ${options.problem}` };
    const { user, port, jump } = options;
    return {
      ok: true,
      source: "deploy.nodes",
      words: { hostname: deployNode.hostname, user: deployNode.sshUser ?? user, port, jump },
      notes: options.ignored.map((word) => `deploy.nodes: sshOpts: ${word} is not followed; the gate's own settings hold`),
    };
  }
  if (hive === undefined) return { ok: true, source: "", words: {}, notes: [] };
  if (hive.targetHost === null && !named)
    return { ok: false, problem: "deployment.targetHost is null, which means that it is only deployed locally" };
  return {
    ok: true,
    source: "deployment",
    words: { hostname: hive.targetHost ?? undefined, user: hive.targetUser ?? undefined, port: hive.targetPort ?? undefined },
    notes: [],
  };
}
