import { memberHealth } from "../apply/group-health.ts";
import type { HostName } from "../discover/host.ts";
import type { Failure } from "../failure.ts";
import type { Check } from "../policy-deploy.ts";
import type { Address } from "../target/address.ts";
import type { Observation } from "../target/observation.ts";
import { observe } from "../target/observe.ts";
import { rightHost } from "../target/right-host.ts";
import { runChecks } from "../verify/run-checks.ts";
import type { RebootWorld } from "./reboot-world.ts";
import type { RebootPolicy } from "./window-policy.ts";

/** A managed host: one that may be rebooted, or one that a group has to know of. */
export type Member = {
  readonly host: HostName;
  readonly address: Address;
  readonly group: string | undefined;
  readonly policy: RebootPolicy;
  readonly checks: readonly Check[];
  /** The runner or the forge live on it. */
  readonly carries: boolean;
};

export type Look =
  | { readonly kind: "seen"; readonly observation: Observation; /** By the gate's clock. */ readonly at: Date }
  | { readonly kind: "silent"; readonly failure: Failure };

export type LookOptions = {
  /** `new` where a host was away: what was open before leads nowhere. */
  readonly connection?: "shared" | "new";
  readonly timeoutSeconds?: number;
  readonly sysctl?: readonly string[];
};

/** One look at a host. Another machine that answers in its place is silence: it may be the initrd of an encrypted one. */
export async function lookAt(
  { address }: Pick<Member, "address">,
  { targets, clock }: RebootWorld,
  options: LookOptions = {},
): Promise<Look> {
  const seen = await observe(targets, address, options);
  if (!seen.ok) return { kind: "silent", failure: seen.failure };
  const wrong = rightHost(address, seen.observation);
  return wrong === undefined ? { kind: "seen", observation: seen.observation, at: clock.now() } : { kind: "silent", failure: wrong };
}

/** Whether it serves right now, as a member of its group. */
export async function isHealthy(member: Member, look: Look, world: RebootWorld): Promise<boolean> {
  if (look.kind === "silent") return false;
  const { observation } = look;
  if (!memberHealth({ kind: "observed", observation, checks: [] }).healthy) return false;
  const checks = await checksOn(member, world);
  return memberHealth({ kind: "observed", observation, checks }).healthy;
}

export const checksOn = (member: Member, { targets, probe, pause, finishing }: RebootWorld): ReturnType<typeof runChecks> =>
  runChecks(member.checks, { targets, address: member.address, probe, wait: pause, signal: finishing.signal });
