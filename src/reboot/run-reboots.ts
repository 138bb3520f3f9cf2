import { type Group, groupsOf, type Leave, mayLeave } from "../apply/group-health.ts";
import { entriesOf } from "../decide/rejection.ts";
import { ledgerOf } from "../deploy/ledger-of.ts";
import type { HostName } from "../discover/host.ts";
import { failure, GateError } from "../failure.ts";
import { pendingReboot } from "../verify/pending-reboot.ts";
import { rebootAttempts, stopsGroup } from "./attempts.ts";
import { type Card, isOpen, nothingWaits, outcomeOf, type RebootCase } from "./card.ts";
import type { Hands } from "./carry-out.ts";
import { drive } from "./drive.ts";
import { rebootDue } from "./due.ts";
import { HostOrder } from "./host-order.ts";
import { isHealthy, lookAt } from "./member.ts";
import type { Rebooted } from "./reboot-outcome.ts";
import type { RebootWorld } from "./reboot-world.ts";
import { releaseOf } from "./release.ts";
import { resume } from "./resume.ts";
import { type Candidate, type Go, schedule } from "./schedule.ts";
import type { RebootState, Step } from "./state.ts";
import { giveUp } from "./end-of-reboot.ts";
import { step } from "./state-machine.ts";

/**
 * One run of reboots over a fleet: takes up what earlier runs began, reboots what is due as far as groups can spare it, and sees each host
 * verified before the next of its group goes. Several groups go side by side. Every chosen host has exactly one outcome in the answer,
 * whatever becomes of it; nothing is thrown for a host.
 */
export async function runReboots(given: RebootCase, world: RebootWorld): Promise<Rebooted[]> {
  const run = new Run(given, world);
  await run.settle();
  return run.outcomes();
}

class Run {
  readonly #given: RebootCase;
  readonly #world: RebootWorld;
  readonly #groups: ReadonlyMap<string, Group>;
  readonly #cards: ReadonlyMap<HostName, Card>;
  readonly #running = new Map<HostName, Promise<HostName>>();

  constructor(given: RebootCase, world: RebootWorld) {
    this.#given = given;
    this.#world = world;
    this.#groups = groupsOf(given.policy);
    this.#cards = new Map(
      given.members.map((member) => {
        const leave = (host: HostName): Promise<Leave> => this.#leave(host);
        const hands: Hands = { member, world, leave, before: undefined, last: undefined, notes: [] };
        return [member.host, { member, look: undefined, healthy: true, state: undefined, due: undefined, wait: undefined, hands }];
      }),
    );
  }

  async settle(): Promise<void> {
    const { asked, chosen } = this.#given;
    // Of most hosts what they said when the run began is enough: nothing waits there.
    const pending = [...this.#cards.values()].filter(({ member }) => {
      const seen = asked.get(member.host);
      return seen !== undefined && (pendingReboot(seen, this.#world.store).needed || isOpen(seen));
    });
    const touched = new Set(pending.filter(({ member }) => chosen.has(member.host)).flatMap(({ member }) => member.group ?? []));
    await this.#look([...this.#cards.values()].filter((card) => pending.includes(card) || touched.has(card.member.group ?? "")));
    if (!this.#world.dryRun) for (const card of pending) if (chosen.has(card.member.host)) await this.#takeUp(card);

    while (!this.#world.signal.aborted || this.#running.size > 0) {
      if (!this.#world.signal.aborted) this.#begin();
      if (this.#running.size === 0) break;
      const done = await Promise.race(this.#running.values());
      this.#running.delete(done);
      const group = this.#cards.get(done)?.member.group;
      if (group !== undefined)
        await this.#look(
          [...this.#cards.values()].filter(({ member, state }) => (member.group === group && state === undefined) || member.host === done),
        );
    }
  }

  /** Looks at hosts side by side; of members of groups it is asked too whether they serve. */
  async #look(cards: readonly Card[]): Promise<void> {
    await Promise.all(
      cards.map(async (card) => {
        const { member } = card;
        card.look = await lookAt(member, this.#world);
        card.healthy = member.group === undefined ? card.look.kind === "seen" : await isHealthy(member, card.look, this.#world);
        if (card.look.kind === "seen") card.hands.last = card.look.observation;
      }),
    );
  }

  /** What an earlier run began on a host comes before anything new. */
  async #takeUp(card: Card): Promise<void> {
    const first = this.#resumed(card);
    if (first === undefined) return;
    if (first.state.kind !== "armed") return this.#start(card, first);
    const { job } = first.state;
    const observation = card.hands.last;
    const moved = observation !== undefined && observation.profile !== job.attempt.to;
    if (!moved && !this.#given.byHand && card.member.policy.trigger === "timer") {
      card.state = first.state;
      return;
    }
    await new HostOrder(this.#world.targets, card.member.address).cancelTimers();
    const now = this.#world.clock.now();
    const closed = moved
      ? giveUp(job, "target-changed", "It boots something else by now.", now, false)
      : giveUp(job, "cancelled", "Its timer was taken back.", now, false);
    await drive(closed, card.hands, () => {});
    await this.#look([card]);
  }

  #resumed({ member, look }: Card): Step | undefined {
    if (look?.kind !== "seen") return undefined;
    const { policy, group } = member;
    const release = (toplevel: string): string | undefined => releaseOf(this.#world.store, toplevel);
    return resume(look.observation, ledgerOf(look.observation), { policy, group, release, now: this.#world.clock.now() });
  }

  /** Whoever may go now, goes. */
  #begin(): void {
    const now = this.#world.clock.now();
    const candidates = [...this.#cards.values()].map((card) => this.#candidate(card, now));
    const { go, wait } = schedule(this.#groups, candidates, now);
    for (const card of this.#cards.values()) card.wait = undefined;
    for (const { host, sentence } of wait) {
      const card = this.#cards.get(host);
      if (card !== undefined) card.wait = sentence;
    }
    if (this.#world.dryRun) return;
    for (const one of go) {
      const card = this.#cards.get(one.host);
      if (card === undefined || this.#running.size >= this.#world.parallel) continue;
      // The machine that all of this runs on goes when nobody else is away.
      if (card.member.carries && this.#running.size > 0) continue;
      this.#go(card, one);
    }
  }

  #candidate(card: Card, now: Date): Candidate {
    const { member, look, healthy } = card;
    const { host, group, policy, carries } = member;
    const base = { host, group, policy, carries, healthy };
    if (look === undefined) {
      // It waits for nothing, and nobody in its group does.
      const seen = this.#given.asked.get(host);
      card.due ??=
        seen === undefined ? undefined : { kind: "nothing", sentence: nothingWaits(seen, pendingReboot(seen, this.#world.store)) };
      return { ...base, due: undefined, state: card.state, stopsGroup: false };
    }
    if (look.kind === "silent") return { ...base, due: undefined, state: card.state, stopsGroup: false };
    const { observation } = look;
    const entries = entriesOf(ledgerOf(observation));
    const attempts = rebootAttempts(entries);
    // What failed since it was rebooted counts here, where for a group's majority only checks do: the next one would go the same way.
    const before = new Set(attempts.at(-1)?.failedBefore);
    const stops = stopsGroup(attempts, observation, healthy && observation.failedUnits.every((unit) => before.has(unit)));
    if (card.state !== undefined) return { ...base, due: undefined, state: card.state, stopsGroup: stops };
    // Somebody else's, or of a host that this run is not to touch.
    const state = this.#world.dryRun || !this.#given.chosen.has(host) ? this.#resumed(card)?.state : undefined;
    const need = pendingReboot(observation, this.#world.store);
    // A look that is minutes old is no wrong clock.
    const at = new Date(observation.at.getTime() + now.getTime() - look.at.getTime());
    const answer = rebootDue({ host, observation: { ...observation, at }, need, ledger: ledgerOf(observation), policy, now });
    card.due = answer.kind === "nothing" ? { ...answer, sentence: nothingWaits(observation, need) } : answer;
    const due = this.#given.chosen.has(host) && state === undefined ? card.due : undefined;
    if (state !== undefined && this.#given.chosen.has(host)) card.state = state;
    return { ...base, due, state, stopsGroup: stops };
  }

  #go(card: Card, { at, latest, trigger }: Go): void {
    const { look, due, member } = card;
    if (look?.kind !== "seen" || due?.kind !== "now") return;
    const fireAt = trigger === "timer" ? at : undefined;
    const job = {
      ...due.plan,
      bootId: look.observation.bootId,
      group: member.group,
      policy: member.policy,
      latest,
      failedBefore: undefined,
      fireAt,
    };
    this.#start(card, { state: { kind: "due", job }, effects: [] }, trigger === "timer" ? undefined : at);
  }

  #start(card: Card, first: Step, at?: Date): void {
    const { world, host } = { world: this.#world, host: card.member.host };
    card.state = first.state;
    const say = (state: RebootState): void => {
      card.state = state;
      world.log.debug("reboot", { host, state: state.kind });
    };
    const work = async (): Promise<HostName> => {
      try {
        const ahead = at === undefined ? 0 : (at.getTime() - world.clock.now().getTime()) / 1000;
        if (ahead > 0) await world.pause(ahead);
        const begun = first.state.kind === "due" ? step(first.state, { event: "go", now: world.clock.now() }) : first;
        await world.finishing.finish(() => drive(begun, card.hands, say));
      } catch (error) {
        this.#broke(card, error);
      }
      const { outcome } = outcomeOf(card, this.#given, this.#world);
      world.log.progress({ kind: "host", host, step: "ended", text: `${outcome.outcome}: ${outcome.reasons[0]}` });
      return host;
    };
    this.#running.set(host, work());
  }

  /** A mistake of ours must not leave the other hosts without their outcomes; where this one is, its ledger tells the next run. */
  #broke(card: Card, error: unknown): void {
    const why =
      error instanceof GateError
        ? error.failure
        : failure("internal", {}, error instanceof Error ? (error.stack ?? error.message) : String(error));
    this.#world.log.debug("a reboot broke off", { host: card.member.host, detail: why.detail ?? why.message });
    const { state } = card;
    if (state === undefined) return;
    card.state = {
      kind: "failed",
      job: state.job,
      why: "not-begun",
      sentence: `The gate broke off while it was ${state.kind}: ${why.message}`,
    };
  }

  /** Whether a group can spare a host right now: the others are asked, since what this run saw of them may be old. */
  async #leave(host: HostName): Promise<Leave> {
    const name = this.#cards.get(host)?.member.group;
    const group = name === undefined ? undefined : this.#groups.get(name);
    if (group === undefined) return { allowed: true, sentence: "It is in no group." };
    const away = new Set<HostName>();
    await Promise.all(
      group.members.map(async (other) => {
        const card = this.#cards.get(other);
        if (other === host) return;
        if (card === undefined || this.#running.has(other)) away.add(other);
        else {
          const look = await lookAt(card.member, this.#world);
          if (look.kind === "silent" || isOpen(look.observation) || !(await isHealthy(card.member, look, this.#world))) away.add(other);
        }
      }),
    );
    return mayLeave(group, away, host);
  }

  outcomes(): Rebooted[] {
    const { chosen, silent } = this.#given;
    return [...chosen].map((host): Rebooted => {
      const card = this.#cards.get(host);
      if (card !== undefined) return outcomeOf(card, this.#given, this.#world);
      const why = silent.get(host) ?? failure("target-address", { host, problem: "it has no address" });
      const outcome = { outcome: "unreachable", reasons: [why.message], failure: why, misses: [], attempts: [] } as const;
      return { host, outcome, moved: false, pending: undefined, seconds: undefined };
    });
  }
}
