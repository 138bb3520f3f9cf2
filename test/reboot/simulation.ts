import type { Group, Leave } from "../../src/apply/group-health.ts";
import { mayLeave } from "../../src/apply/group-health.ts";
import type { HostName } from "../../src/discover/host.ts";
import { rebootAttempts, stopsGroup, type RebootAttempt } from "../../src/reboot/attempts.ts";
import { rebootDue } from "../../src/reboot/due.ts";
import { resume } from "../../src/reboot/resume.ts";
import { schedule, type Candidate } from "../../src/reboot/schedule.ts";
import type { RebootEffect, RebootEvent, RebootJob, RebootState, Step } from "../../src/reboot/state.ts";
import { step } from "../../src/reboot/state-machine.ts";
import type { RebootPolicy } from "../../src/reboot/window-policy.ts";
import type { LedgerEntry } from "../../src/target/ledger.ts";
import type { Random } from "../diff/random.ts";
import { observed, system } from "./sample.ts";
import { isOpen } from "./wall-clock.ts";

/** A fleet in which time is an event queue: hosts, and runs of the gate that come late, overlap, have a wrong clock or are killed in the middle. */

export type Machine = {
  readonly host: HostName;
  readonly group: Group | undefined;
  readonly policy: RebootPolicy;
  up: boolean;
  drained: boolean;
  well: boolean;
  bootId: string;
  bootedAt: number;
  booted: string;
  profile: string;
  generation: number;
  failedUnits: string[];
  ledger: LedgerEntry[];
  /** When the person who was told will have repaired it. */
  repairAt: number | undefined;
};

export type Told = { readonly kind: string; readonly why: string };

export class Fleet {
  now: number;
  readonly machines: Map<HostName, Machine>;
  readonly groups = new Map<string, Group>();
  readonly faults: string[] = [];
  /** Real reboots of one plan: host, system, generation. */
  readonly reboots = new Map<string, number>();
  /** What the last run that saw it to the end said of a host. */
  readonly told = new Map<HostName, Told & { readonly at: number }>();
  readonly counts = new Map<string, number>();
  readonly #queue: { at: number; n: number; act: () => void }[] = [];
  #n = 0;
  readonly random: Random;
  /** Shares of a thousand. */
  readonly odds: { slow: number; dead: number; old: number; unit: number; lost: number };

  constructor(machines: readonly Machine[], start: number, random: Random, odds: Fleet["odds"]) {
    this.machines = new Map(machines.map((machine) => [machine.host, machine]));
    for (const { group } of machines) if (group !== undefined) this.groups.set(group.name, group);
    this.now = start;
    this.random = random;
    this.odds = odds;
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  /** Runs `act` in so many seconds. */
  in(seconds: number, act: () => void): void {
    const item = { at: this.now + seconds * 1000, n: (this.#n += 1), act };
    let [low, high] = [0, this.#queue.length];
    // Latest first, so that the next one is taken from the end.
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#queue[middle];
      if (other !== undefined && (other.at > item.at || (other.at === item.at && other.n > item.n))) low = middle + 1;
      else high = middle;
    }
    this.#queue.splice(low, 0, item);
  }

  until(end: number): void {
    for (let next = this.#queue.at(-1); next !== undefined && next.at <= end; next = this.#queue.at(-1)) {
      this.#queue.pop();
      this.now = next.at;
      next.act();
    }
    this.now = end;
  }

  chance(share: number): boolean {
    return this.random.below(1000) < share;
  }

  serves(machine: Machine): boolean {
    return machine.up && machine.well && !machine.drained;
  }

  readonly #attempts = new WeakMap<Machine, { ledger: LedgerEntry[]; length: number; found: RebootAttempt[] }>();

  attempts(machine: Machine): RebootAttempt[] {
    const { ledger } = machine;
    const known = this.#attempts.get(machine);
    if (known?.ledger === ledger && known.length === ledger.length) return known.found;
    const found = rebootAttempts(ledger);
    this.#attempts.set(machine, { ledger, length: ledger.length, found });
    return found;
  }

  /** The last word on an attempt is that it goes on. */
  isOpen(machine: Machine): boolean {
    const last = this.attempts(machine).at(-1);
    return last !== undefined && last.end === undefined;
  }

  observe(machine: Machine): ReturnType<typeof observed> {
    return observed({
      at: new Date(this.now),
      bootId: machine.bootId,
      booted: machine.booted,
      profile: machine.profile,
      current: machine.profile,
      generation: machine.generation,
      uptimeSeconds: (this.now - machine.bootedAt) / 1000,
      failedUnits: machine.failedUnits,
    });
  }

  leave(machine: Machine): Leave {
    if (machine.group === undefined) return { allowed: true, sentence: "" };
    const away = new Set(
      machine.group.members.filter((member) => {
        const other = this.machines.get(member);
        return other === undefined || (other !== machine && (!this.serves(other) || this.isOpen(other)));
      }),
    );
    return mayLeave(machine.group, away, machine.host);
  }

  /** Called at every instant at which we take a host out of service. */
  #checkGroup(machine: Machine, doing: string): void {
    const { group, host } = machine;
    if (group === undefined) return;
    const serving = group.members.filter((member) => {
      const other = this.machines.get(member);
      return other !== undefined && other !== machine && this.serves(other);
    }).length;
    const gone = group.members.length - serving;
    if (group.quorum && serving * 2 <= group.members.length)
      this.faults.push(
        `${doing} of ${host} leaves ${serving} of ${group.members.length} in ${group.name} at ${new Date(this.now).toISOString()}`,
      );
    if (gone > group.maxUnavailable)
      this.faults.push(`${doing} of ${host}: ${gone} of ${group.name} away at ${new Date(this.now).toISOString()}`);
  }

  drain(machine: Machine): void {
    if (!machine.drained) this.#checkGroup(machine, "drain");
    machine.drained = true;
  }

  /** What the program on the host does with the order. */
  order(machine: Machine, job: RebootJob, bootId: string, latest: Date | undefined): string {
    if (machine.bootId !== bootId) return "boot-changed";
    if (machine.profile !== job.attempt.to) return "target-changed";
    const last = this.attempts(machine).at(-1);
    if (last?.attempt.id !== job.attempt.id || last.end !== undefined) return "not-open";
    if (latest !== undefined && this.now > latest.getTime()) return "window";
    const key = `${machine.host} ${machine.profile} ${machine.generation}`;
    const times = (this.reboots.get(key) ?? 0) + 1;
    this.reboots.set(key, times);
    if (times > 1) this.faults.push(`${key} was rebooted ${times} times`);
    if (!isOpen(machine.policy, this.now))
      this.faults.push(`${machine.host} reboots outside of its window at ${new Date(this.now).toISOString()}`);
    if (machine.policy.attended) this.faults.push(`${machine.host} is attended`);
    this.#checkGroup(machine, "reboot");
    this.count("reboots");
    const wasBooted = machine.booted;
    this.in(1, () => {
      machine.up = false;
      const dead = this.chance(this.odds.dead);
      const slow = this.chance(this.odds.slow);
      if (dead) {
        this.count("dead");
        machine.repairAt = this.now + 2 * 86_400_000;
        return;
      }
      if (slow) this.count("slow");
      this.in(slow ? 2_400 : 40 + this.random.below(120), () => {
        machine.up = true;
        machine.bootId = `boot-${(this.#n += 1)}`;
        machine.bootedAt = this.now;
        const old = this.chance(this.odds.old);
        machine.booted = old ? wasBooted : machine.profile;
        if (old) this.count("old generation");
        if (this.chance(this.odds.unit)) {
          this.count("failed unit");
          machine.failedUnits = ["nginx.service"];
          machine.well = false;
        }
        if (!isOpen(machine.policy, this.now) && !slow)
          this.faults.push(`${machine.host} is back after its window at ${new Date(this.now).toISOString()}`);
      });
    });
    return "";
  }
}

/** One run of the gate. What it knows dies with it. */
export class Run {
  readonly #fleet: Fleet;
  /** Milliseconds that the runner's clock is off. */
  readonly #skew: number;
  readonly #states = new Map<HostName, RebootState>();
  #dead = false;
  readonly #began: number;
  readonly #stopped = new Set<string>();
  /** The effect after which it is killed, by name. */
  readonly killAfter: string | undefined;
  readonly steps: string[] = [];

  /** As `--hosts` of a person who reboots some of them by hand at the same time. */
  readonly only: (host: HostName) => boolean;

  constructor(fleet: Fleet, skew: number, killAfter?: string, only: (host: HostName) => boolean = () => true) {
    this.only = only;
    this.#fleet = fleet;
    this.#skew = skew;
    this.#began = fleet.now;
    this.killAfter = killAfter;
  }

  kill(): void {
    this.#dead = true;
  }

  get #now(): Date {
    return new Date(this.#fleet.now + this.#skew);
  }

  begin(): void {
    this.#look([...this.#fleet.machines.values()].filter((machine) => machine.booted !== machine.profile || this.#fleet.isOpen(machine)));
  }

  #tell(machine: Machine, kind: string, why: string): void {
    this.#fleet.told.set(machine.host, { kind, why, at: this.#fleet.now });
  }

  #look(machines: readonly Machine[]): void {
    if (this.#dead || machines.length === 0) return;
    const fleet = this.#fleet;
    const names = new Set(machines.map(({ group }) => group?.name));
    const all = new Set(machines);
    for (const { members, name } of fleet.groups.values())
      if (names.has(name)) for (const member of members) all.add(fleet.machines.get(member) as Machine);
    const candidates: Candidate[] = [];
    for (const machine of all) {
      const { host, policy, group } = machine;
      const healthy = fleet.serves(machine);
      const base = { host, group: group?.name, policy, healthy, carries: false, stopsGroup: false };
      if (!machine.up) {
        this.#tell(machine, "unreachable", "unreachable");
        candidates.push({ ...base, due: undefined, state: this.#states.get(host) });
        continue;
      }
      const observation = fleet.observe(machine);
      const known = this.#states.get(host);
      const stops = stopsGroup(fleet.attempts(machine), machine, healthy);
      if (known !== undefined && known.kind !== "postponed" && known.kind !== "released") {
        candidates.push({ ...base, due: undefined, state: known, stopsGroup: stops });
        continue;
      }
      const step0 = resume(observation, machine.ledger, { policy, group: group?.name, release: () => undefined, now: this.#now });
      if (step0 !== undefined) {
        fleet.count(`resumed ${step0.state.kind}`);
        this.#take(machine, step0);
        candidates.push({ ...base, due: undefined, state: step0.state, stopsGroup: stops });
        continue;
      }
      const need = { needed: machine.booted !== machine.profile, reasons: [], release: { running: "6.12.44", wanted: undefined } };
      const due = rebootDue({ host, observation, need, ledger: machine.ledger, policy, now: this.#now });
      if (due.kind !== "nothing") this.#tell(machine, due.kind, due.kind === "person" ? due.why : due.sentence);
      // Once a run: what was postponed is for the next one.
      candidates.push({ ...base, due: known === undefined && this.only(host) ? due : undefined, state: undefined, stopsGroup: stops });
    }
    const { go, wait } = schedule(fleet.groups, candidates, this.#now);
    for (const { host, why } of wait) this.#tell(fleet.machines.get(host) as Machine, "wait", why);
    for (const { host, at, latest, trigger } of go) {
      const machine = fleet.machines.get(host) as Machine;
      const due = candidates.find((candidate) => candidate.host === host)?.due;
      if (due?.kind !== "now") continue;
      const { plan } = due;
      const fireAt = trigger === "timer" ? at : undefined;
      const job: RebootJob = {
        ...plan,
        bootId: machine.bootId,
        group: machine.group?.name,
        policy: machine.policy,
        latest,
        failedBefore: undefined,
        fireAt,
      };
      const state: RebootState = { kind: "due", job };
      this.#states.set(host, state);
      const delay = trigger === "timer" ? 0 : (at.getTime() - this.#now.getTime()) / 1000;
      this.#later(delay, machine, () => ({ event: "go", now: this.#now }));
    }
  }

  #later(seconds: number, machine: Machine, make: () => RebootEvent): void {
    this.#fleet.in(seconds, () => {
      if (this.#dead) return;
      const state = this.#states.get(machine.host);
      if (state !== undefined) this.#take(machine, step(state, make()));
    });
  }

  #take(machine: Machine, { state, effects }: Step): void {
    const fleet = this.#fleet;
    this.#states.set(machine.host, state);
    this.steps.push(state.kind);
    for (const effect of effects) {
      this.#do(machine, effect);
      if (effect.effect === this.killAfter) this.kill();
      if (this.#dead) return;
    }
    if (state.kind === "failed" || state.kind === "postponed") this.#tell(machine, state.kind, state.why);
    if (state.kind === "failed") {
      fleet.count(`failed: ${state.why}`);
      machine.repairAt ??= fleet.now + 2 * 86_400_000;
    }
    if (state.kind === "released") fleet.count("released");
    if (state.kind === "postponed") fleet.count(`postponed: ${state.why}`);
    if ((state.kind === "released" || state.kind === "postponed") && fleet.now - this.#began < 3_000_000) {
      const { group } = machine;
      if (group !== undefined && !this.#stopped.has(group.name))
        this.#look(group.members.map((member) => fleet.machines.get(member) as Machine).filter((other) => other.booted !== other.profile));
    }
  }

  #do(machine: Machine, effect: RebootEffect): void {
    const fleet = this.#fleet;
    const soon = (): number => 1 + fleet.random.below(8);
    const answered = (make: () => RebootEvent): void => this.#later(soon(), machine, make);
    switch (effect.effect) {
      case "preflight": {
        // What is answered was seen before: another run may have begun in between.
        const [observation, leave] = [fleet.observe(machine), fleet.leave(machine)];
        const outcome = machine.up && machine.well ? "passed" : "failed";
        const checks = [{ key: "c", name: "c", outcome, sentence: "Asked.", tries: 1 }] as const;
        return answered(() => ({ event: "preflighted", now: this.#now, observation, checks, inhibited: [], leave }));
      }
      case "begin": {
        const ok = machine.up && machine.bootId === effect.bootId && !fleet.isOpen(machine);
        if (ok) machine.ledger.push(effect.entry);
        const heard = ok && !fleet.chance(fleet.odds.lost);
        return answered(() => ({ event: "begun", ok: heard, detail: "" }));
      }
      case "survey":
        return answered(
          (
            (leave) => () =>
              ({ event: "surveyed", now: this.#now, leave }) as const
          )(fleet.leave(machine)),
        );
      case "drain": {
        const ok = machine.up && !fleet.chance(fleet.odds.lost);
        if (machine.up) fleet.drain(machine);
        return this.#later(30 + fleet.random.below(60), machine, () => ({ event: "drained", now: this.#now, ok, detail: "" }));
      }
      case "undrain": {
        const ok = machine.up && !fleet.chance(fleet.odds.lost);
        if (ok) machine.drained = false;
        return answered(() => ({ event: "undrained", ok, detail: "" }));
      }
      case "reboot": {
        const job = (this.#states.get(machine.host) as Extract<RebootState, { kind: "ordering" }>).job;
        if (fleet.chance(fleet.odds.lost)) return answered(() => ({ event: "ordered", now: this.#now, result: "unknown", reason: "" }));
        const reason = machine.up ? fleet.order(machine, job, effect.bootId, effect.latest) : undefined;
        const result = reason === undefined ? "unknown" : reason === "" ? "ordered" : "refused";
        return answered(() => ({ event: "ordered", now: this.#now, result, reason: reason ?? "" }));
      }
      case "arm": {
        const job = (this.#states.get(machine.host) as Extract<RebootState, { kind: "ordering" }>).job;
        const { bootId, latest, fireAt } = effect;
        fleet.in((fireAt.getTime() - this.#skew - fleet.now) / 1000, () => {
          if (machine.up && !fleet.chance(50)) fleet.order(machine, job, bootId, latest);
        });
        return answered(() => ({ event: "ordered", now: this.#now, result: "ordered", reason: "" }));
      }
      case "observe":
        return this.#later(Math.max(20, effect.afterSeconds), machine, () =>
          machine.up ? { event: "observed", now: this.#now, observation: fleet.observe(machine) } : { event: "silent", now: this.#now },
        );
      case "verify":
        return answered(() => ({ event: "verified", problems: machine.up && machine.well ? [] : ["It is not well."] }));
      case "note":
        if (machine.up && !fleet.chance(fleet.odds.lost)) machine.ledger.push(effect.entry);
        return;
      case "give-up":
        if (machine.up && machine.bootId === effect.bootId && !fleet.chance(fleet.odds.lost)) machine.ledger.push(effect.entry);
        return;
      case "stop-group":
        this.#stopped.add(effect.group);
        return;
      case "settle":
      case "escalate":
        return;
    }
  }
}

export function machine(host: string, group: Group | undefined, policy: RebootPolicy, start: number): Machine {
  return {
    host: host as HostName,
    group,
    policy,
    up: true,
    drained: false,
    well: true,
    bootId: `boot-of-${host}`,
    bootedAt: start - 86_400_000,
    booted: system("a"),
    profile: system("a"),
    generation: 1,
    failedUnits: [],
    ledger: [],
    repairAt: undefined,
  };
}

/** What a deploy leaves on the host: another system boots next. Old lines of the ledger are cut off, as on a host. */
export function deploy(fleet: Fleet, target: Machine, to: string): void {
  target.profile = to;
  target.generation += 1;
  const [at, id] = [Math.floor(fleet.now / 1000), `deploy-${target.generation}-of-it`];
  const attempt = { id, host: target.host, operation: "boot", from: {}, to } as const;
  target.ledger = target.ledger.slice(-24);
  target.ledger.push({ v: 1, event: "started", at, bootId: target.bootId, attempt });
  target.ledger.push({ v: 1, event: "ended", at, id, outcome: "staged", reason: "as planned" });
}
