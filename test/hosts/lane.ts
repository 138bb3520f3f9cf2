import { until } from "./command.ts";
import { Fleet, type HostSpec } from "./fleet.ts";
import { GateProcess } from "./gate-process.ts";
import type { LabHost } from "./host.ts";
import type { Lab } from "./lab.ts";
import { SupervisedHost } from "./supervised-host.ts";

let versions = 0;

/** Some hosts of the lab and a repository of their own that describes them: scenarios on one lane follow each other, lanes go on side by side. */
export class Lane {
  readonly hosts: readonly LabHost[];
  readonly fleet: Fleet;
  readonly #base = new Map<string, string>();
  /** What the scenario at hand has added to a good system. */
  extra: HostSpec = {};
  /** Hosts of the repository that are not in the lab, by name: nobody answers for them. */
  strangers: readonly string[] = [];

  constructor(lab: Lab, names: readonly string[]) {
    this.hosts = names.map((name) => lab.host(name));
    this.fleet = new Fleet(lab);
  }

  get host(): LabHost {
    const [host] = this.hosts;
    if (host === undefined) throw new Error("This lane has no host");
    return host;
  }

  async begin(): Promise<void> {
    await this.fleet.begin();
    for (const host of this.hosts) this.#base.set(host.name, (await host.systems()).current);
  }

  /** Commits a system that is well and another than all before, with `change` in it, for every host of the lane or for those that are named. */
  async commit(change: HostSpec = {}, policy: object = {}, changes: Readonly<Record<string, HostSpec>> = {}): Promise<string> {
    const good = { hello: { version: `${++versions}.0` } };
    const spec = (own: HostSpec): HostSpec => ({
      ...this.extra,
      ...change,
      ...own,
      services: { ...good, ...this.extra.services, ...change.services, ...own.services },
    });
    const names = [...this.hosts.map((host) => host.name), ...this.strangers];
    return await this.fleet.commit(Object.fromEntries(names.map((name) => [name, spec(changes[name] ?? {})])), policy);
  }

  deploy(...words: readonly string[]): GateProcess {
    return new GateProcess(this.fleet, ...words);
  }

  /** Deploys, and where a risk holds a host a second time with the token that the report names. */
  async deployApproved(...words: readonly string[]): Promise<GateProcess> {
    const tokens = await this.tokens();
    return this.deploy(...(tokens.length === 0 ? [] : ["--approve", tokens.join(",")]), ...words);
  }

  /** Of a dry run: what would have to be approved. */
  async tokens(): Promise<string[]> {
    const plan = await this.deploy("--dry-run").plan();
    return plan.hosts.flatMap((host) => host.approval?.token ?? []);
  }

  /** Ids of all attempts that the host has in memory. */
  async attempts(host = this.host): Promise<readonly string[]> {
    return (await host.sh("ls -1 /run/nixos-deploy-gate 2>/dev/null || true")).split("\n").filter((name) => /^(switch|boot)-/.test(name));
  }

  /** Waits until an attempt that is none of `known` is in a phase; seen from the inside, network or not. */
  async phase(word: string, known: readonly string[] = [], host = this.host, seconds = 120): Promise<void> {
    let last = "";
    await until(
      () => `${host.name} is ${last} and not ${word}`,
      seconds,
      async () => {
        const seen = await host.exec([
          "sh",
          "-c",
          'cd /run/nixos-deploy-gate && for one in */; do echo "${one%/} $(cat "$one/phase")"; done',
        ]);
        const lines = seen.stdout.split("\n").filter((line) => line !== "" && !known.some((id) => line.startsWith(`${id} `)));
        last = lines.join(", ");
        return lines.some((line) => line.split(" ")[1] === word) ? true : undefined;
      },
    );
  }

  /** Waits until nothing of an attempt goes on any more. */
  async quiet(host = this.host, seconds = 120): Promise<void> {
    await until(
      () => `${host.name} does not come to rest`,
      seconds,
      async () => {
        const open = await host.exec(["sh", "-c", "grep -L '^ended' /run/nixos-deploy-gate/*/phase 2>/dev/null"]).catch(() => undefined);
        return open !== undefined && open.stdout.trim() === "" ? true : undefined;
      },
    );
  }

  /** Back to the first systems by hand, so that one scenario that fails does not fail those after it. */
  async reset(): Promise<void> {
    this.extra = {};
    for (const host of this.hosts) await new SupervisedHost(host, this.#base.get(host.name) ?? "", undefined as never).reset();
  }

  remove(): void {
    this.fleet.remove();
  }
}

/** Lanes that are free; a scenario waits for one of its kind. */
export class Lanes {
  readonly #free: Lane[];
  #waiting: { readonly size: number; readonly take: (lane: Lane) => void }[] = [];

  constructor(lanes: readonly Lane[]) {
    this.#free = [...lanes];
  }

  async use<T>(size: number, work: (lane: Lane) => Promise<T>): Promise<T> {
    const found = this.#free.findIndex((lane) => lane.hosts.length === size);
    const lane =
      found >= 0 ? (this.#free.splice(found, 1)[0] as Lane) : await new Promise<Lane>((take) => this.#waiting.push({ size, take }));
    try {
      return await work(lane);
    } catch (error) {
      await lane.reset();
      throw error;
    } finally {
      lane.extra = {};
      lane.strangers = [];
      const next = this.#waiting.find((one) => one.size === lane.hosts.length);
      if (next === undefined) this.#free.push(lane);
      else {
        this.#waiting = this.#waiting.filter((one) => one !== next);
        next.take(lane);
      }
    }
  }
}
