import { describe, expect, test } from "vitest";
import type { SessionAtHand } from "../../src/classify/second-opinion.ts";
import type { Change } from "../../src/deploy/change.ts";
import { deployHost } from "../../src/deploy/deploy-host.ts";
import type { Deployed } from "../../src/deploy/deployed.ts";
import type { DeployWorld } from "../../src/deploy/deploy-world.ts";
import { finishing } from "../../src/deploy/finishing.ts";
import { unitsToRestart } from "../../src/deploy/settle-misses.ts";
import { diagnostician } from "../../src/diagnose/diagnostician.ts";
import { remedyKinds } from "../../src/diagnose/remedy.ts";
import { HostName } from "../../src/discover/host.ts";
import type { SessionAnswer, SessionQuestion } from "../../src/io/ports.ts";
import { parsePolicy } from "../../src/policy.ts";
import { keepsRestarting } from "../../src/verify/failed-units.ts";
import { after, before, type Ending, StandInMachine } from "./stand-in-machine.ts";

/**
 * The whole loop on a machine that counts what is done to it: a change fails, a session that nobody should trust says what to do, and what may be done of that is done once.
 */
const host = HostName.parse("web1");
const good = {
  quote: "something odd",
  cause: "It is odd.",
  culprit: "",
  confidence: "high",
  units: [],
  condition: "none",
  waitSeconds: 0,
  patch: "",
};
type Said = Record<string, unknown> | { readonly silence: "over-turns" | "timed-out" | "invalid-answer" };

const refused: Ending = { phase: "ended refused pre-switch-check 1", log: "something odd\n" };
const back: Ending = { phase: "ended rolled-back not-confirmed 4", log: "something odd\n" };
const deployed: Ending = { phase: "ended deployed confirmed 0", runs: after, boots: after };
const staged: Ending = { phase: "ended staged staged 0", boots: after };
const odd = { failed: ["odd.service"] };

type Run = { readonly made: Deployed; readonly machine: StandInMachine; readonly asked: SessionQuestion[]; readonly paused: number[] };
async function run(
  endings: readonly Ending[],
  says: (n: number, question: SessionQuestion) => Said,
  over: {
    change?: Partial<Change>;
    mode?: Change["planned"]["mode"];
    usd?: number;
    machine?: Partial<StandInMachine>;
    session?: "off";
    stop?: AbortController;
  } = {},
): Promise<Run> {
  const machine = Object.assign(new StandInMachine(...endings), over.machine);
  const [asked, paused]: [SessionQuestion[], number[]] = [[], []];
  let now = Date.parse("2026-11-22T12:00:00Z");
  const clock = { now: () => new Date(now) };
  const use = { costUsd: over.usd ?? 0.1, inputTokens: 1, outputTokens: 1, seconds: 1 };
  const session: SessionAtHand = {
    session: {
      program: () => Promise.resolve({ kind: "usable", version: "2.1.330" }),
      ask: (question): Promise<SessionAnswer> => {
        asked.push(question);
        const said = says(asked.length, question);
        if ("silence" in said) return Promise.resolve({ kind: "none", reason: said["silence"] as "over-turns", detail: "", use });
        const nonce = /nonce (\w+)/.exec(question.prompt)?.[1];
        return Promise.resolve({ kind: "answered", value: { nonce, ...good, ...said }, use });
      },
    },
    goal: "",
    diagnosis: { build: "build", deploy: "deploy" },
    model: undefined,
    nonce: () => "abc123",
    kept: undefined,
    knowledge: () => Promise.resolve({ files: [], notes: [] }),
    everyHost: false,
    told: () => {},
    notes: [],
  };
  const policy = parsePolicy({ hosts: { web1: { deploy: true } }, sessionSettings: { runUsd: 50, questionUsd: 10 } });
  const stop = over.stop ?? new AbortController();
  const world: DeployWorld = {
    targets: machine.targets,
    nix: {
      version: () => Promise.resolve({ implementation: "nix", version: "2.34.8", major: 2, minor: 34 }),
      run: () => Promise.reject(new Error("nix")),
    },
    probe: { http: () => Promise.reject(new Error("http")), tcp: () => Promise.reject(new Error("tcp")) },
    clock,
    pause: (seconds) => {
      paused.push(seconds);
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
    recovery: {
      asked: diagnostician({ policy, session: over.session === "off" ? "no session" : session, spentUsd: 0, told: () => {} }),
      diagnosed: new Map(),
      database: undefined,
    },
    random: () => "0123456789abcdef0123456789abcdef",
    dryRun: false,
    despite: ["attempts", "order"],
  };
  const change: Change = {
    host,
    address: {
      host,
      hostname: "192.0.2.1",
      port: 22,
      user: "root",
      sudo: false,
      jump: [],
      identity: { name: "web1", machineId: undefined },
      hostKeys: [],
    },
    planned: {
      from: { current: before, profile: before, specialisation: undefined },
      to: after,
      activate: after,
      mode: over.mode ?? "switch",
      need: { copyBytes: 0, copyPaths: 0, bootBytes: 0 },
      revision: undefined,
      approval: undefined,
    },
    reversible: true,
    attended: false,
    rebootsByItself: true,
    repository: undefined,
    checks: [],
    carries: false,
    diff: undefined,
    ...over.change,
  };
  return { made: await deployHost(change, () => Promise.resolve(undefined), world), machine, asked, paused };
}
const activations = ({ machine }: Run) => machine.done.filter((one) => one.did !== "copy");
/** The proof reads the new system in this machine's store, where these tests have none; what the machine was brought to is asked of the machine. */
const outcomeOf = ({ made, machine }: Run): string => {
  if (!made.outcome.misses.some((miss) => miss.subject === "store")) return made.outcome.outcome;
  return machine.runs === after ? "deployed" : machine.boots === after ? "staged" : "neither";
};
const strategies = ({ made }: Run) => made.outcome.attempts.map(({ strategy }) => strategy);

describe("what a session chooses of the list is done, once, and then proven", () => {
  test("the same once more", async () => {
    const ran = await run([refused, deployed], () => ({ remedy: "retry" }));
    expect(outcomeOf(ran), ran.made.outcome.reasons.join()).toBe("deployed");
    expect(activations(ran)).toMatchObject([{ operation: "switch" }, { operation: "switch", activate: after, stopFirst: [] }]);
    expect(strategies(ran)).toEqual(["switch", "retry"]);
    expect(ran.made.outcome.attempts[1]?.ended).toMatch(/^retry, which the session asks for, may be tried\. /);
  });

  test("as a boot", async () => {
    const ran = await run([refused, staged], () => ({ remedy: "retry-as-boot-and-reboot" }));
    expect([outcomeOf(ran), strategies(ran)]).toEqual(["staged", ["switch", "boot"]]);
    expect(activations(ran)).toMatchObject([{ operation: "switch" }, { operation: "boot" }]);
  });

  test("units stopped first, of those that the evidence is about", async () => {
    const ran = await run([back, deployed], () => ({ remedy: "stop-then-switch", units: ["odd.service"] }), { machine: odd });
    expect(outcomeOf(ran)).toBe("deployed");
    expect(activations(ran)).toMatchObject([{ stopFirst: [] }, { operation: "switch", stopFirst: ["odd.service"] }]);
  });

  test("units started anew where the new system stayed, and then it is confirmed", async () => {
    const stays: Ending = { phase: "ended left-unconfirmed not-confirmed 0", log: "something odd\n", runs: after };
    const ran = await run([stays, deployed], () => ({ remedy: "restart-units", units: ["odd.service"] }), {
      machine: odd,
      change: { reversible: false },
    });
    expect(activations(ran)).toMatchObject([
      { did: "activate" },
      { did: "restart", units: ["odd.service"] },
      { did: "activate", activate: after },
    ]);
    expect([outcomeOf(ran), strategies(ran)]).toEqual(["deployed", ["switch", "restart-units"]]);
  });

  test("when the other activation has ended; nobody is asked for that, and nobody waits for ever", async () => {
    const busy: Ending = { phase: "", busy: true };
    const held = { lockHeld: true } as Partial<StandInMachine>;
    const ran = await run([busy, deployed], () => ({ remedy: "escalate" }), {
      machine: {
        onLook(this: StandInMachine) {
          // Before the change it is free; then held until the fifth look.
          this.lockHeld = this.looks > 1 && this.looks < 5;
        },
      },
    });
    expect([outcomeOf(ran), strategies(ran)]).toEqual(["deployed", ["switch", "wait-until", "retry"]]);
    expect([ran.asked.length, ran.machine.boots]).toEqual([0, after]);
    const never = await run([busy], () => ({ remedy: "escalate" }), {
      machine: {
        ...held,
        onLook(this: StandInMachine) {
          this.lockHeld = this.looks > 1;
        },
      },
    });
    expect([never.made.outcome.outcome, strategies(never)]).toEqual(["held", ["switch", "wait-until"]]);
    expect(never.paused.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(190);
    expect(activations(never)).toEqual([]);
  });

  test("when a host answers again that had stopped to before anything was done to it", async () => {
    const ran = await run([deployed], () => ({ remedy: "escalate" }), {
      machine: {
        onLook(this: StandInMachine) {
          this.silent = this.looks < 4;
        },
      },
    });
    expect([outcomeOf(ran), strategies(ran)]).toEqual(["deployed", ["wait-until", "retry", "switch"]]);
    const never = await run([deployed], () => ({ remedy: "escalate" }), { machine: { silent: true } });
    expect([never.made.outcome.outcome, never.machine.done]).toEqual(["unreachable", []]);
    expect(never.made.outcome.attempts).toMatchObject([
      { strategy: "wait-until", ended: expect.stringMatching(/did not answer within 300 s/) },
    ]);
  });

  test("a copy that broke, once", async () => {
    const broken = { exitCode: 1, trouble: "lost" as const, detail: "client_loop: send disconnect: Broken pipe" };
    const ran = await run([deployed], () => ({ remedy: "escalate" }), { machine: { copies: [broken, broken] } });
    expect([outcomeOf(ran), strategies(ran)]).toEqual(["deployed", ["wait-until", "retry", "switch"]]);
    expect(ran.machine.done.filter((one) => one.did === "copy").length).toBe(3);
    const full = await run([deployed], () => ({ remedy: "retry", quote: "web1" }), {
      machine: { copies: Array.from({ length: 9 }, () => ({ exitCode: 1, stderr: "" })) },
    });
    expect(full.made.outcome.outcome).toBe("failed");
    expect(full.machine.done).toEqual([{ did: "copy" }, { did: "copy" }]);
  });
});

describe("what the proof of a confirmed host finds down", () => {
  /** Falls right after the host was confirmed. */
  const falls = (...units: readonly string[]): Partial<StandInMachine> => {
    let fell = false;
    return {
      onLook(this: StandInMachine) {
        if (this.runs !== after || fell) return;
        fell = true;
        this.down = units;
      },
    };
  };
  const missed = ({ made }: Run) => made.outcome.misses.filter(({ family }) => family === "unit").map(({ subject }) => subject);

  test("is started once, watched, and proven again; nobody is asked for that, and the host is not taken back", async () => {
    const ran = await run([deployed], () => ({ remedy: "rollback" }), { machine: falls("odd.service") });
    expect(activations(ran)).toMatchObject([{ did: "activate" }, { did: "restart", units: ["odd.service"] }]);
    expect([missed(ran), ran.asked.length, strategies(ran)]).toEqual([[], 0, ["switch", "restart-units"]]);
    expect(ran.made.outcome.attempts[1]?.ended).toMatch(
      /^restart-units, which the known cause asks for, may be tried\. odd\.service took effect\./,
    );
    expect(ran.paused).toContain(parsePolicy({}).apply.soakSeconds);
  });

  test("and that no start brings up stays a miss, after one try", async () => {
    const ran = await run([deployed], () => ({ remedy: "restart-units", units: ["odd.service"] }), {
      machine: { ...falls("odd.service", "other.service"), broken: ["odd.service"] },
    });
    expect(activations(ran)).toMatchObject([{ did: "activate" }, { did: "restart", units: ["odd.service", "other.service"] }]);
    expect([missed(ran), strategies(ran)]).toEqual([["odd.service"], ["switch", "restart-units"]]);
    expect(ran.made.outcome.attempts[1]?.ended).toMatch(/odd\.service did not take effect\.$/);
  });

  test("is left alone where it is the way to the host, where only a boot brings the change in, and by a run that was told to stop", async () => {
    const way = await run([deployed], () => ({ remedy: "escalate" }), { machine: falls("sshd.service", "systemd-networkd.service") });
    expect([activations(way).length, missed(way)]).toEqual([1, ["sshd.service", "systemd-networkd.service"]]);
    const boot = await run([staged], () => ({ remedy: "escalate" }), {
      mode: "boot-only",
      machine: {
        onLook(this: StandInMachine) {
          this.down = this.boots === after ? ["odd.service"] : [];
        },
      },
    });
    expect(activations(boot)).toMatchObject([{ operation: "boot" }]);
    const stop = new AbortController();
    const stopped = await run([deployed], () => ({ remedy: "escalate" }), {
      stop,
      machine: {
        onLook(this: StandInMachine) {
          if (this.runs !== after) return;
          stop.abort();
          this.down = ["odd.service"];
        },
      },
    });
    expect(activations(stopped).length).toBe(1);
  });

  test("a unit that systemd keeps starting is not, since a start by hand sets the counter back that shows it", () => {
    const miss = { family: "unit", needs: "restart", found: "", sentence: "", expected: "not failed" } as const;
    const loops = { ...miss, subject: "loops.service", expected: keepsRestarting };
    const unsaid = { ...miss, subject: "no unit" };
    const mount = { ...miss, family: "mount", subject: "srv.mount" };
    const old = { ...miss, family: "process", subject: "old.service" };
    const way = { ...miss, subject: "sshd.service" };
    expect(unitsToRestart([loops, unsaid, mount, way, old, { ...miss, subject: "odd.service" }])).toEqual(["old.service", "odd.service"]);
  });
});

describe("what may not be done is not", () => {
  const nothing = async (says: Said, over: Parameters<typeof run>[2] = {}): Promise<Run> => {
    const ran = await run([refused, deployed, deployed, deployed], () => says, over);
    expect(activations(ran), JSON.stringify(says)).toMatchObject([
      { did: "activate", operation: over.mode === "boot-only" ? "boot" : "switch" },
    ]);
    return ran;
  };

  test.each([
    [{ remedy: "run" }],
    [{ remedy: "retry", command: "reboot" }],
    [{ remedy: "rm -rf /" }],
    [{ remedy: "retry", nonce: "other" }],
    [{ remedy: "retry", quote: "a line that nobody wrote" }],
    [{ remedy: "retry", confidence: "low" }],
    [{ remedy: "stop-then-switch", units: ["sshd.service"] }],
    [{ remedy: "stop-then-switch", units: ["postgresql.service"] }],
    [{ remedy: "restart-units", units: ["; reboot"] }],
    [{ remedy: "wait-until", condition: "host-answers", waitSeconds: 100_000 }],
    [{ remedy: "rollback" }],
    [{ remedy: "escalate" }],
    [{ silence: "over-turns" as const }],
    [{ silence: "timed-out" as const }],
    [{ silence: "invalid-answer" as const }],
  ])("%j", async (says) => {
    const ran = await nothing(says, { machine: { failed: ["sshd.service"] } });
    expect(outcomeOf(ran)).toBe("failed");
    expect(ran.made.outcome.reasons.at(-1)).toMatch(/^Nothing more is tried: /);
  });

  test("a reboot that the policy leaves to a person, or at which somebody has to be", async () => {
    const boot = { remedy: "retry-as-boot-and-reboot" };
    await nothing(boot, { change: { rebootsByItself: false } });
    await nothing(boot, { change: { attended: true } });
  });

  test("nothing on a running system where only a boot may bring the change in", async () => {
    const loader: Ending = { phase: "ended refused pre-switch-check 1", log: "something odd\n" };
    const ran = await run([loader, deployed], () => ({ remedy: "stop-then-switch", units: ["odd.service"] }), {
      mode: "boot-only",
      machine: odd,
    });
    expect(activations(ran)).toMatchObject([{ operation: "boot" }]);
  });

  test("nothing by a run that was told to stop, and nothing where there is nobody to ask and no cause is known", async () => {
    const stop = new AbortController();
    const ran = await run([{ ...refused }, deployed], () => ({ remedy: "retry" }), {
      stop,
      machine: {
        onLook(this: StandInMachine) {
          if (this.done.some((one) => one.did === "activate")) stop.abort();
        },
      },
    });
    expect(activations(ran).length).toBe(1);
    const alone = await run([refused, deployed], () => ({ remedy: "retry" }), { session: "off" });
    expect([activations(alone).length, alone.asked.length]).toEqual([1, 0]);
  });
});

describe("it comes to an end", () => {
  test("the same remedy for ever is tried once", async () => {
    const ran = await run(
      Array.from({ length: 50 }, () => refused),
      () => ({ remedy: "retry" }),
    );
    expect([activations(ran).length, outcomeOf(ran)]).toEqual([2, "failed"]);
    expect(ran.made.outcome.reasons.at(-1)).toContain("it was tried before and did not help");
  });

  test("another one each time is bounded, whatever its order, and all of it is on the list", async () => {
    for (let turn = 0; turn < remedyKinds.length; turn += 1) {
      const ran = await run(
        Array.from({ length: 50 }, () => back),
        (n) => {
          const remedy = remedyKinds[(n + turn) % remedyKinds.length];
          return {
            remedy,
            units: remedy === "restart-units" || remedy === "stop-then-switch" ? ["odd.service"] : [],
            ...(remedy === "wait-until" ? { condition: "host-answers", waitSeconds: 60 } : {}),
          };
        },
        { machine: odd },
      );
      expect(activations(ran).length).toBeLessThanOrEqual(5);
      expect(
        activations(ran).every(
          (one) =>
            one.did === "activate" && ["switch", "boot"].includes(one.operation) && one.stopFirst.every((unit) => unit === "odd.service"),
        ),
      ).toBe(true);
      expect(["rolled-back", "failed"]).toContain(outcomeOf(ran));
    }
  });

  test("money ends it as well", async () => {
    const ran = await run(
      Array.from({ length: 9 }, () => refused),
      () => ({ remedy: "retry" }),
      { usd: 2.5 },
    );
    expect(activations(ran).length).toBe(1);
    expect(ran.made.outcome.reasons.at(-1)).toContain("$2.00 for recovery are used up");
  });
});
