import type { Leave } from "../apply/group-health.ts";
import type { HostName } from "../discover/host.ts";
import { appendLedger } from "../target/append-ledger.ts";
import type { Observation } from "../target/observation.ts";
import { sysctlKeys } from "../verify/verify.ts";
import { hostCommand } from "./host-command.ts";
import { HostOrder } from "./host-order.ts";
import { checksOn, lookAt, type Member } from "./member.ts";
import type { RebootWorld } from "./reboot-world.ts";
import type { RebootEffect, RebootEvent, RebootJob } from "./state.ts";
import { baselineOf, plannedOf, rebootProblems } from "./verify-reboot.ts";

/** Whoever carries out the effects of one reboot, and what they have seen on the way. */
export type Hands = {
  readonly member: Member;
  readonly world: RebootWorld;
  /** Whether the group can spare it, asked of the others now. */
  readonly leave: (host: HostName) => Promise<Leave>;
  /** Before it was rebooted, as this run saw it; undefined where an earlier one did. */
  before: Observation | undefined;
  /** Last seen. */
  last: Observation | undefined;
  /** What a person should know and what changes nothing, as sentences. */
  readonly notes: string[];
};

/** Nothing is known, so nothing is begun. */
export type Unanswered = { readonly event: "unanswered"; readonly sentence: string };

/** Does one effect in the world; undefined where nothing comes of it that the state waits for. */
export async function carryOut(effect: RebootEffect, job: RebootJob, hands: Hands): Promise<RebootEvent | Unanswered | undefined> {
  const { member, world } = hands;
  const { targets, clock, log } = world;
  const { address, host } = member;
  const order = new HostOrder(targets, address);
  switch (effect.effect) {
    case "preflight":
      return await preflight(job, hands);
    case "begin": {
      const answer = await order.begin(effect);
      return { event: "begun", ok: answer.kind === "yes", detail: answer.reason };
    }
    case "survey":
      return { event: "surveyed", leave: await hands.leave(host), now: clock.now() };
    case "drain": {
      log.progress({ kind: "host", host, step: "activating", text: "is drained" });
      const end = await hostCommand(targets, address, effect.command, effect.timeoutSeconds);
      return { event: "drained", now: clock.now(), ...end };
    }
    case "undrain": {
      let end = await hostCommand(targets, address, effect.command, effect.timeoutSeconds);
      for (let tries = 1; tries < 3 && !end.ok; tries++) {
        await world.pause(5);
        end = await hostCommand(targets, address, effect.command, effect.timeoutSeconds);
      }
      return { event: "undrained", ...end };
    }
    case "reboot": {
      log.progress({ kind: "host", host, step: "activating", text: "reboots" });
      const { kind, reason } = await order.reboot(job, effect);
      const result = kind === "yes" ? "ordered" : kind === "lost" ? "unknown" : "refused";
      return { event: "ordered", now: clock.now(), result, reason };
    }
    case "arm": {
      const { kind, reason } = await order.arm(job, effect);
      // A timer that may be there or not is read by the next run; a script that fires asks everything itself.
      const result = kind === "yes" ? "ordered" : kind === "lost" ? "unknown" : "refused";
      return { event: "ordered", now: clock.now(), result, reason };
    }
    case "observe": {
      await world.pause(effect.afterSeconds);
      const look = await lookAt(member, world, { connection: "new", timeoutSeconds: 60 });
      if (look.kind === "silent") return { event: "silent", now: clock.now() };
      hands.last = look.observation;
      return { event: "observed", now: look.at, observation: look.observation };
    }
    case "verify":
      return await verified(job, hands, order);
    case "settle": {
      const answer = await order.settle();
      if (answer.kind !== "yes")
        hands.notes.push("The boot loader's default could not be given back to the host; the next reboot of the gate's tries again.");
      return undefined;
    }
    case "note":
      await noted(effect.entry, hands, order);
      return undefined;
    case "give-up": {
      const answer = await order.giveUp(effect);
      if (answer.kind !== "yes") hands.notes.push("That it was given up could not be written into its ledger; the next run does.");
      return undefined;
    }
    case "stop-group":
    case "escalate":
      // The state says both, and schedule() and the report read it there.
      return undefined;
  }
}

async function preflight({ policy }: RebootJob, hands: Hands): Promise<RebootEvent | Unanswered> {
  const { member, world } = hands;
  world.log.progress({ kind: "host", host: member.host, step: "asking", text: "before its reboot" });
  const inhibited: string[] = [];
  const inhibitors = async (): Promise<void> => {
    for (const command of policy.inhibit) {
      const { ok, detail } = await hostCommand(world.targets, member.address, command, policy.commandSeconds);
      if (!ok) inhibited.push(`It is kept from rebooting: ${detail}.`);
    }
  };
  const [checks, leave] = await Promise.all([checksOn(member, world), hands.leave(member.host), inhibitors()]);
  // Last, so that it is as young as can be.
  const look = await lookAt(member, world);
  if (look.kind === "silent") return { event: "unanswered", sentence: `It could not be asked: ${look.failure.message}` };
  hands.before = look.observation;
  hands.last = look.observation;
  return { event: "preflighted", now: look.at, observation: look.observation, checks, inhibited, leave };
}

async function verified(job: RebootJob, hands: Hands, order: HostOrder): Promise<RebootEvent> {
  const { member, world } = hands;
  const { store, log } = world;
  log.progress({ kind: "host", host: member.host, step: "verifying", text: "after its reboot" });
  await order.reconnect();
  const checks = await checksOn(member, world);
  const known = hands.last;
  const sysctl = known === undefined ? [] : sysctlKeys(plannedOf(job, known), baselineOf(job, hands.before, known), store);
  const look = await lookAt(member, world, { connection: "new", sysctl });
  if (look.kind === "silent") return { event: "verified", problems: [`It could not be asked again: ${look.failure.message}`] };
  hands.last = look.observation;
  return { event: "verified", problems: rebootProblems(job, hands.before, look.observation, checks, store) };
}

/** Without this line the attempt stays open, and the next run reads the host again and writes it. */
async function noted(entry: Parameters<typeof appendLedger>[2], { member, world, notes }: Hands, order: HostOrder): Promise<void> {
  await order.reconnect();
  for (let tries = 0; tries < 3; tries++) {
    if (tries > 0) await world.pause(5);
    const { ok } = await appendLedger(world.targets, member.address, entry);
    if (ok) return;
  }
  notes.push("What came of it could not be written into its ledger; the next run does.");
}
