import { finishing } from "../../../src/deploy/finishing.ts";
import { evidenceProgram } from "../../../src/diagnose/evidence-program.ts";
import { HostName } from "../../../src/discover/host.ts";
import type { ActionWorld } from "../../../src/goal/act/action-world.ts";
import { collectGarbageProgram } from "../../../src/goal/act/collect-garbage-program.ts";
import { restartUnitProgram } from "../../../src/goal/act/restart-unit-program.ts";
import type { RemoteResult, RemoteRun, Targets } from "../../../src/io/ports.ts";
import { parsePolicy } from "../../../src/policy.ts";
import { observeProgram } from "../../../src/target/observe-program.ts";
import { after, before, type Ending, StandInMachine } from "../../deploy/stand-in-machine.ts";

export const revision = "a".repeat(40);
/** By the machine's own clock, which `StandInMachine` has at this second. */
export const machineSeconds = 1_795_000_000;
const id = "switch-0123456789abcdef";
/** What the gate wrote when it deployed `to` over `from`. */
export const deployedBefore = (to = after, from = before, outcome = "deployed"): string[] => [
  JSON.stringify({
    v: 1,
    event: "started",
    at: machineSeconds - 90_000,
    bootId: "b",
    attempt: {
      id,
      host: "web1",
      revision,
      operation: outcome === "staged" ? "boot" : "switch",
      from: { current: from, profile: from },
      to,
    },
  }),
  JSON.stringify({ v: 1, event: "ended", at: machineSeconds - 89_000, id, outcome, reason: "confirmed", exit: 0 }),
];

/** A machine that says what it is told to and counts what is done to it. */
export class ActionMachine extends StandInMachine {
  ledger: readonly string[] | undefined = deployedBefore();
  /** `systemctl show` of units, in its own words. */
  units = "";
  generations = [`system-1-link\t1790000000\t${before}`, `system-2-link\t1790000001\t${after}`];
  storeFree = 8_000_000;
  /** Records over those of the machine. */
  also: Record<string, string> = {};
  restart: Record<string, string> = {
    end: "done",
    reason: "start",
    show: "ActiveState=active\nNRestarts=0\nType=simple",
    "said.exit": "0",
  };
  shown = "ActiveState=active\nSubState=running\nResult=success\nNRestarts=0";
  said = "";
  garbage: Record<string, string> = {
    end: "done",
    gone: "",
    written: "yes",
    said: "",
    "said.exit": "0",
    before: "4096 9000000 100000",
    after: "4096 9000000 2000000",
  };
  readonly acted: { readonly program: "restart" | "garbage"; readonly words: readonly string[] }[] = [];
  lost = false;

  constructor(...endings: readonly Ending[]) {
    super(...endings);
    this.runs = after;
    this.boots = after;
  }

  readonly port: Targets = { ...this.targets, run: async (run) => await this.#asked(run) };

  async #asked(run: RemoteRun): Promise<RemoteResult> {
    const put = (records: Record<string, string>): RemoteResult => ({
      ok: true,
      exitCode: 0,
      records: Object.entries(records).map(([name, value]) => ({ name, value })),
      stderr: "",
    });
    if (run.program === restartUnitProgram || run.program === collectGarbageProgram) {
      const restart = run.program === restartUnitProgram;
      this.acted.push({ program: restart ? "restart" : "garbage", words: run.arguments });
      if (this.lost) return { ok: false, trouble: "lost", detail: "", records: [] };
      return put(restart ? this.restart : this.garbage);
    }
    if (run.program === evidenceProgram && run.arguments[1] !== undefined)
      return put({ "unit.0": run.arguments[1], "unit.0.show": this.shown, "unit.0.manager": this.said });
    const result = await this.targets.run(run);
    if (run.program !== observeProgram || !result.ok) return result;
    const records = {
      ...Object.fromEntries(result.records.map(({ name, value }) => [name, value])),
      units: this.units,
      failed: this.failed.map((unit) => `${unit} loaded failed failed x`).join("\n"),
      generations: this.generations.join("\n"),
      "space-store": `4096 9000000 ${this.storeFree} 9000000 8000000\n`,
      "ledger-state": this.ledger === undefined ? "absent" : "read",
      ...(this.ledger === undefined ? {} : { ledger: this.ledger.join("\n") }),
      ...this.also,
    };
    return put(records);
  }
}

export const unitShown = (unit: string, over: Record<string, string> = {}): string =>
  Object.entries({
    Id: unit,
    LoadState: "loaded",
    ActiveState: "failed",
    SubState: "failed",
    Result: "exit-code",
    NeedDaemonReload: "no",
    NRestarts: "0",
    ...over,
  })
    .map(([name, value]) => `${name}=${value}`)
    .join("\n");

export function actionWorld(
  machine: ActionMachine,
  over: { policy?: object; deploy?: Partial<ActionWorld["deploy"]>; world?: Partial<ActionWorld>; now?: string } = {},
): ActionWorld {
  const policy = parsePolicy({ hosts: { web1: { deploy: true } }, ...over.policy });
  let now = Date.parse(over.now ?? new Date(machineSeconds * 1000).toISOString());
  const never = (): Promise<never> => Promise.reject(new Error("nobody asks this"));
  const stop = new AbortController();
  const host = HostName.parse("web1");
  return {
    deploy: {
      targets: machine.port,
      nix: { version: never, run: never },
      probe: { http: never, tcp: () => Promise.resolve({ kind: "none", why: "refused", detail: "refused" }) },
      clock: { now: () => new Date(now) },
      pause: (seconds) => {
        now += seconds * 1000;
        return Promise.resolve();
      },
      signal: stop.signal,
      finishing: finishing(stop.signal),
      log: { progress: () => {}, debug: () => {}, mask: () => {} },
      store: { read: () => undefined, list: () => [], resolve: () => undefined, entry: () => undefined, entries: () => new Map() } as never,
      isAncestor: () => "unknown",
      apply: policy.apply,
      evidence: new Map(),
      recovery: undefined,
      random: () => "0123456789abcdef0123456789abcdef",
      dryRun: false,
      despite: [],
      ...over.deploy,
    },
    policy,
    addresses: new Map([
      [
        host,
        {
          host,
          hostname: "192.0.2.1",
          port: 22,
          user: "root",
          sudo: false,
          jump: [],
          identity: { name: "web1", machineId: undefined },
          hostKeys: [],
        },
      ],
    ]),
    runnerBootId: undefined,
    onDeployBranch: (commit) => Promise.resolve(commit === revision),
    repository: undefined,
    goal: "incident",
    begun: new Set(),
    ...over.world,
  };
}
