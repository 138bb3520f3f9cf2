import { expect, test } from "vitest";
import { followActivation, readPhase } from "../../src/apply/follow-activation.ts";
import { HostName } from "../../src/discover/host.ts";
import type { RemoteResult, RemoteRun, Targets } from "../../src/io/ports.ts";
import type { Address } from "../../src/target/address.ts";

const address: Address = {
  host: HostName.parse("web"),
  hostname: "web.example.org",
  port: 22,
  user: "root",
  sudo: false,
  jump: [],
  identity: { name: "web", machineId: undefined },
  hostKeys: [],
};
type Answer = { readonly result: RemoteResult; readonly seconds: number };

/** A host and a clock that moves only by what is waited for. */
function world(answers: readonly Answer[]) {
  let now = 0;
  const runs: RemoteRun[] = [];
  const targets = {
    run: (run: RemoteRun): Promise<RemoteResult> => {
      runs.push(run);
      const { result, seconds } = answers[Math.min(runs.length, answers.length) - 1] ?? { result: lost, seconds: 1 };
      now += seconds * 1000;
      for (const record of result.records) run.onRecord?.(record);
      return Promise.resolve(result);
    },
  } as unknown as Targets;
  return {
    targets,
    runs,
    elapsed: () => now / 1000,
    clock: { now: () => new Date(now) },
    pause: (seconds: number): Promise<void> => {
      now += seconds * 1000;
      return Promise.resolve();
    },
  };
}
const lost: RemoteResult = { ok: false, trouble: "unreachable", detail: "no route", records: [] };
const put = (...records: [string, string][]): RemoteResult => ({
  ok: true,
  exitCode: 0,
  stderr: "",
  records: records.map(([name, value]) => ({ name, value })),
});
const path = "/nix/store/00000000000000000000000000000000-nixos-system-web-26.05";

test("a lost connection is made again, and the log goes on where it was", async () => {
  const pieces: string[] = [];
  const it = world([
    {
      result: {
        ...lost,
        trouble: "lost",
        records: [
          { name: "log", value: "one\n" },
          { name: "log-at", value: "4" },
        ],
      },
      seconds: 5,
    },
    { result: lost, seconds: 15 },
    { result: put(["log", "two\u001b[31m\n"], ["log-at", "9"], ["phase", `waiting 0 ${path}`]), seconds: 1 },
  ]);
  const followed = await followActivation(it.targets, address, "attempt-1", {
    ...it,
    until: "waiting",
    timeoutSeconds: 300,
    onLog: (piece) => pieces.push(piece),
  });
  expect(followed).toEqual({ kind: "phase", phase: { phase: "waiting", exit: 0, current: path }, log: "one\ntwo\n" });
  expect(pieces).toEqual(["one\n", "two\n"]);
  expect(it.runs[2]?.arguments[2]).toBe("4");
});

test("at its limit it says where the attempt is, and never later", async () => {
  const it = world([{ result: put(["phase", "activating"]), seconds: 100 }]);
  expect(await followActivation(it.targets, address, "attempt-1", { ...it, until: "ended", timeoutSeconds: 300 })).toMatchObject({
    kind: "phase",
    phase: { phase: "activating" },
  });
  expect(it.elapsed()).toBe(300);
  const silent = world([{ result: lost, seconds: 20 }]);
  expect(await followActivation(silent.targets, address, "attempt-1", { ...silent, until: "ended", timeoutSeconds: 100 })).toMatchObject({
    kind: "lost",
  });
  expect(silent.elapsed()).toBeLessThan(130);
});

test("a host key that is another one is not waited out", async () => {
  const it = world([{ result: { ...lost, trouble: "host-key-changed" }, seconds: 1 }]);
  expect(await followActivation(it.targets, address, "attempt-1", { ...it, until: "ended", timeoutSeconds: 300 })).toMatchObject({
    kind: "lost",
  });
  expect(it.runs).toHaveLength(1);
});

test("where nothing is left on the host the ledger tells, and only of this attempt", async () => {
  const line = (id: string): string =>
    JSON.stringify({ v: 1, event: "ended", at: 1, id, outcome: "rolled-back", reason: "not-confirmed", exit: 0 });
  const gone = (ledger: string) =>
    readPhase(world([{ result: put(["ledger", ledger], ["gone", "yes"]), seconds: 1 }]).targets, address, "attempt-1");
  expect(await gone(line("attempt-1"))).toMatchObject({ kind: "phase", phase: { outcome: "rolled-back", exit: 0 } });
  expect(await gone(line("attempt-2"))).toEqual({ kind: "gone" });
  expect(await gone("{")).toEqual({ kind: "gone" });
  expect(await readPhase(world([{ result: put(["phase", "ended wonderful"]), seconds: 1 }]).targets, address, "attempt-1")).toMatchObject({
    kind: "lost",
  });
});
