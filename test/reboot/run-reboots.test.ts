import { describe, expect, test } from "vitest";
import { HostName } from "../../src/discover/host.ts";
import { finishing } from "../../src/deploy/finishing.ts";
import type { Log, Probe, RemoteResult, RemoteRun, StoreFiles, Targets } from "../../src/io/ports.ts";
import { parsePolicy } from "../../src/policy.ts";
import { policyFor } from "../../src/reboot/reboot-fleet.ts";
import type { RebootWorld } from "../../src/reboot/reboot-world.ts";
import { rebootSentence } from "../../src/reboot/reboot-sentence.ts";
import { beginProgram, giveUpProgram, rebootProgram, settleProgram } from "../../src/reboot/reboot-program.ts";
import { runReboots } from "../../src/reboot/run-reboots.ts";
import type { Rebooted } from "../../src/reboot/reboot-outcome.ts";
import type { LedgerEntry } from "../../src/target/ledger.ts";
import { observeProgram } from "../../src/target/observe-program.ts";
import type { Observation } from "../../src/target/observation.ts";
import { boot1, boot2, deployed, newSystem, night, observed, oldSystem, policyOf } from "./sample.ts";

/** The loop with a host that is a few variables: what it is asked, in which order, and what comes of an answer that never arrives. */

const web1 = HostName.parse("web1");
const deploy = deployed("deploy-0000000001", newSystem, new Date("2026-11-20T01:30:00Z"));

class FakeHost {
  bootId: string = boot1;
  booted = oldSystem;
  readonly ledger: LedgerEntry[] = [...deploy];
  readonly asked: string[] = [];
  /** By word: the answer is lost, after it was done. */
  readonly lost = new Set<string>();
  fails = "";
  onAsk: (word: string) => void = () => {};
  /** Seconds that have passed for everybody. */
  passed = 0;
  get now(): Date {
    return new Date(night.getTime() + this.passed * 1000);
  }

  run = (run: RemoteRun): Promise<RemoteResult> => {
    const word = this.#word(run);
    if (word !== "look" && word !== "other") this.asked.push(word);
    const records = this.#answer(word, run);
    this.onAsk(word);
    if (this.lost.has(word)) return Promise.resolve({ ok: false, trouble: "lost", detail: "", records: [] });
    return Promise.resolve({
      ok: true,
      exitCode: 0,
      stderr: "",
      records: Object.entries(records).map(([name, value]) => ({ name, value })),
    });
  };

  #word({ program, arguments: words }: RemoteRun): string {
    const programs = new Map([
      [observeProgram, "look"],
      [beginProgram, "begin"],
      [rebootProgram, "reboot"],
      [giveUpProgram, "give-up"],
      [settleProgram, "settle"],
    ]);
    if (program.includes("put_output said")) return words[1] ?? "";
    return programs.get(program) ?? (program.includes("put appended yes") ? "note" : "other");
  }

  #answer(word: string, { arguments: words }: RemoteRun): Record<string, string> {
    switch (word) {
      case "look":
        return {
          hostname: "web1\n",
          "machine-id": "3d1219c7c4c5404aaa1f6d2a48adfda4\n",
          "boot-id": `${this.bootId}\n`,
          nixos: "yes",
          current: this.booted === newSystem ? newSystem : oldSystem,
          booted: this.booted,
          profile: newSystem,
          "switch-lock": "free",
          "system-state": "running\n",
          failed: "",
          units: "",
          clock: `${Math.floor(this.now.getTime() / 1000)}\n`,
          "ledger-state": "read",
          ledger: this.ledger.map((entry) => `${JSON.stringify(entry)}\n`).join(""),
          done: "yes",
        };
      case "begin":
      case "give-up":
        this.ledger.push(JSON.parse(words[1] ?? "") as LedgerEntry);
        return { result: "yes", reason: word };
      case "note":
        this.ledger.push(JSON.parse(words[0] ?? "") as LedgerEntry);
        return { appended: "yes" };
      case "reboot":
        this.bootId = boot2;
        this.booted = newSystem;
        return { result: "yes", reason: "ordered" };
      case "settle":
        return { result: "yes", reason: "settled" };
      default:
        return { said: "no", "said.exit": this.fails === word ? "3" : "0" };
    }
  }
}

const nobody = (): never => {
  throw new Error("nobody asks this");
};
type Run = { host?: FakeHost; reboot?: object; skewSeconds?: number; stop?: AbortController; dryRun?: boolean };

async function run({
  host = new FakeHost(),
  reboot = {},
  skewSeconds = 0,
  stop = new AbortController(),
  dryRun = false,
}: Run): Promise<Rebooted> {
  const targets = {
    run: host.run,
    copyTo: nobody,
    copyFrom: nobody,
    roundTrips: () => 0,
    close: () => Promise.resolve(),
  } satisfies Targets;
  const log: Log = { progress: () => {}, debug: () => {}, mask: () => {} } as unknown as Log;
  const store = {
    prefix: "/nix/store",
    entry: () => undefined,
    resolve: () => undefined,
    read: () => undefined,
    list: () => [],
  } as unknown as StoreFiles;
  const clock = { now: () => new Date(host.now.getTime() + skewSeconds * 1000) };
  const pause = (seconds: number): Promise<void> => {
    host.passed += seconds;
    return Promise.resolve();
  };
  const world: RebootWorld = {
    targets,
    clock,
    store,
    log,
    pause,
    dryRun,
    probe: { http: nobody, tcp: nobody } satisfies Probe,
    signal: stop.signal,
    finishing: finishing(stop.signal),
    parallel: 2,
  };
  const address = {
    host: web1,
    hostname: "192.0.2.1",
    port: 22,
    user: "root",
    sudo: false,
    jump: [],
    identity: { name: "web1", machineId: undefined },
    hostKeys: [],
  };
  const member = { host: web1, address, group: undefined, policy: policyOf(reboot), checks: [], carries: false };
  const seen: Observation = observed({ current: oldSystem, booted: host.booted, bootId: host.bootId, profile: newSystem });
  const policy = parsePolicy({ hosts: { web1: { deploy: true } } });
  const [one] = await runReboots(
    { members: [member], policy, chosen: new Set([web1]), asked: new Map([[web1, seen]]), silent: new Map(), byHand: false },
    world,
  );
  if (one === undefined) throw new Error("There is no outcome.");
  return one;
}

const commands = { drain: ["drain"], undrain: ["undrain"] };

describe("one host", () => {
  test("goes all the way, and is undrained only when it is verified", async () => {
    const host = new FakeHost();
    const done = await run({ host, reboot: commands });
    expect([done.outcome.outcome, done.moved, done.pending]).toEqual(["rebooted", true, undefined]);
    expect(host.asked).toEqual(["begin", "drain", "reboot", "undrain", "settle", "note"]);
    expect(host.ledger.at(-1)).toMatchObject({ event: "rebooted", ok: true });
  });
  test("a runner whose clock is wrong begins nothing", async () => {
    for (const skewSeconds of [600, -600]) {
      const host = new FakeHost();
      const held = await run({ host, skewSeconds });
      expect([held.outcome.outcome, held.moved, host.asked]).toEqual(["reboot-held", false, []]);
      expect(held.outcome.reasons[0]).toContain("apart");
    }
  });
  test("a dry run asks and does nothing", async () => {
    const host = new FakeHost();
    expect((await run({ host, dryRun: true })).outcome.outcome).toBe("would-reboot");
    expect(host.asked).toEqual([]);
  });
  test("an answer that is lost on the way: a beginning stays for the next run, an order is watched", async () => {
    const host = new FakeHost();
    host.lost.add("begin");
    expect((await run({ host })).outcome.outcome).toBe("reboot-pending");
    expect(host.asked).toEqual(["begin"]);
    const other = new FakeHost();
    other.lost.add("reboot");
    expect((await run({ host: other })).outcome.outcome).toBe("rebooted");
  });
  test("a drain that fails is undone and written down, and the host is not rebooted", async () => {
    const host = new FakeHost();
    host.fails = "drain";
    const held = await run({ host, reboot: commands });
    expect([held.outcome.outcome, host.bootId]).toEqual(["reboot-held", boot1]);
    expect(host.asked).toEqual(["begin", "drain", "undrain", "give-up"]);
    expect(host.ledger.at(-1)).toMatchObject({ event: "ended", reason: "drain-failed" });
  });
  test("an inhibitor that says no keeps it from being begun", async () => {
    const host = new FakeHost();
    host.fails = "backup-is-done";
    const waits = await run({ host, reboot: { inhibit: [["backup-is-done"]] } });
    expect([waits.outcome.outcome, host.asked]).toEqual(["reboot-pending", ["backup-is-done"]]);
    expect(waits.outcome.reasons[0]).toContain("backup-is-done ended with 3: no");
  });
  test.each([
    ["begin", ["begin", "give-up"], "reboot-pending"],
    ["drain", ["begin", "drain", "undrain", "give-up"], "reboot-pending"],
    ["reboot", ["begin", "drain", "reboot", "undrain", "settle", "note"], "rebooted"],
  ])("cancelled at its %s", async (word, asked, outcome) => {
    const [host, stop] = [new FakeHost(), new AbortController()];
    host.onAsk = (at) => void (at === word && stop.abort());
    expect((await run({ host, reboot: commands, stop })).outcome.outcome).toBe(outcome);
    expect(host.asked).toEqual(asked);
  });
  test("a mistake of ours is that host's value, and what it was in the middle of is said", async () => {
    const host = new FakeHost();
    host.onAsk = (word) => {
      if (word === "drain") throw new Error("a defect");
    };
    const broke = await run({ host, reboot: commands });
    expect([broke.outcome.outcome, broke.outcome.failure?.code]).toEqual(["reboot-failed", "reboot-failed"]);
    expect(broke.outcome.reasons[0]).toContain("while it was draining");
  });
});

describe("policy", () => {
  const policy = parsePolicy({
    hosts: {
      web1: { group: "web" },
      vault: { reboot: { attended: true, windows: "never" } },
      plain: {},
    },
    groups: {
      web: {
        reboot: {
          trigger: "timer",
          blackout: ["2026-12-24"],
          windows: [{ days: ["sun"], from: "02:00", to: "04:00", zone: "Europe/Berlin" }],
        },
      },
    },
  });
  const vault = HostName.parse("vault");
  test("now sets windows and blackouts aside, and attended only for a name that was typed", () => {
    const byHand = { named: new Set(["vault", "web*"]) };
    expect(policyFor(policy, web1, byHand)).toMatchObject({ windows: "any", blackout: [], trigger: "gate", attended: false });
    expect(policyFor(policy, vault, byHand)).toMatchObject({ windows: "any", attended: false });
    expect(policyFor(policy, vault, { named: new Set(["va*"]) })).toMatchObject({ windows: "any", attended: true });
    expect(policyFor(policy, vault, undefined)).toMatchObject({ windows: "never", attended: true });
  });
  test("when a change's reboot comes", () => {
    expect(rebootSentence(policy, web1, night)).toEqual({
      when: "Sun 02:00–04:00 Europe/Berlin, but on one blackout",
      byHand: false,
      next: night,
    });
    expect(rebootSentence(policy, vault, night)).toMatchObject({ byHand: true, next: undefined });
    expect(rebootSentence(policy, HostName.parse("plain"), night)).toMatchObject({ byHand: true });
  });
});
