import { describe, expect, test } from "vitest";
import { performAction } from "../../../src/goal/act/perform-action.ts";
import { endOfReboot } from "../../../src/goal/act/reboot-in-window.ts";
import type { ActionWorld } from "../../../src/goal/act/action-world.ts";
import type { ActionEnd } from "../../../src/goal/goal-report.ts";
import type { ActionKind } from "../../../src/policy-goals.ts";
import { actionKinds } from "../../../src/policy-goals.ts";
import type { Rebooted } from "../../../src/reboot/reboot-outcome.ts";
import { after, before } from "../../deploy/stand-in-machine.ts";
import { ActionMachine, actionWorld, deployedBefore, machineSeconds, unitShown } from "./action-machine.ts";

/** Actions on a machine that counts what is done to it: what is refused leaves no trace, and what is done is done once. */
const act = (
  world: ActionWorld,
  kind: ActionKind,
  unit = kind === "restart-unit" ? "app.service" : "",
  host = "web1",
): Promise<ActionEnd> => performAction({ kind, host, unit, reason: "" }, world);
/** One on which every action's preconditions hold, save a reboot's. */
function machine(over: Partial<ActionMachine> = {}): ActionMachine {
  return Object.assign(
    new ActionMachine({ phase: "waiting 0 5" }),
    { units: unitShown("app.service"), failed: ["app.service"], storeFree: 100_000, runs: before, boots: before },
    over,
  );
}
const touched = ({ acted, done }: ActionMachine): number => acted.length + done.length;

describe("nothing is done", () => {
  const odd: readonly (readonly [what: string, over: Partial<ActionMachine>, world: Parameters<typeof actionWorld>[1], why: RegExp])[] = [
    ["where the host does not answer", { silent: true }, {}, /could not be spoken to/],
    ["where it is another machine", { also: { hostname: "web2" } }, {}, /web2/],
    ["where the policy does not hand it over", {}, { policy: { hosts: { web1: { deploy: false } } } }, /policy hands to the gate/],
    ["where the policy does not know it", {}, { policy: { hosts: { web2: { deploy: true } } } }, /policy hands to the gate/],
    ["where it has no address", {}, { world: { addresses: new Map() } }, /no address/],
    ["while something holds the lock", { lockHeld: true }, {}, /lock of switch-to-configuration/],
    ["where the lock cannot be told", { also: { "switch-lock": "" } }, {}, /cannot be told/],
    ["while it goes down", { also: { "system-state": "stopping" } }, {}, /shutting down/],
    ["while it boots", { also: { "system-state": "starting" } }, {}, /is starting/],
    ["where its state cannot be told", { also: { "system-state": "" } }, {}, /cannot be told/],
    ["where the gate has deployed nothing yet", { ledger: undefined }, {}, /has not deployed web1 yet/],
    ["where the ledger cannot be read", { ledger: ["nonsense"] }, {}, /ledger of web1 cannot be read/],
    ["in a dry run", {}, { deploy: { dryRun: true } }, /dry run/],
    ["where the run was cancelled", {}, { deploy: { signal: AbortSignal.abort() } }, /cancelled/],
  ];
  for (const [what, over, world, why] of odd)
    test.each(actionKinds.filter((kind) => kind !== "reboot-in-window"))(`${what}: %s`, async (kind) => {
      const host = machine(over);
      const end = await act(actionWorld(host, world), kind);
      expect(end.end).toBe("refused");
      expect(end.reasons.join(" ")).toMatch(why);
      expect(touched(host)).toBe(0);
    });

  test.each<[string, Partial<ActionMachine>]>([
    ["sshd.service", {}],
    ["nixos-deploy-gate-activation.service", {}],
    ["nixos-upgrade.service", {}],
    ["nix-gc.service", {}],
    // Started, a timer makes up for what it missed.
    ["nix-gc.timer", {}],
    ["nixos-upgrade.timer", {}],
    ["comin-deploy.path", {}],
    ["systemd-tmpfiles-clean.timer", {}],
    ["docker-prune.service", {}],
    ["nh-clean.timer", {}],
    ["multi-user.target", {}],
    ["srv.mount", {}],
    ["-app.service", {}],
    ["app.service; reboot", {}],
    ["other.service", { units: unitShown("app.service") }],
    ["app.service", { units: unitShown("app.service", { ActiveState: "active", SubState: "running" }) }],
    ["app.service", { units: unitShown("app.service", { ActiveState: "activating", SubState: "start" }) }],
    ["app.service", { units: unitShown("app.service", { LoadState: "masked" }) }],
    ["app.service", { units: unitShown("app.service", { NeedDaemonReload: "yes" }) }],
    // Long ago, and it has run well since.
    [
      "app.service",
      {
        units: unitShown("app.service", {
          ActiveState: "active",
          SubState: "running",
          NRestarts: "9",
          ActiveEnterTimestamp: `@${machineSeconds - 7_200}`,
        }),
      },
    ],
  ])("to %s as it is", async (unit, over) => {
    const host = machine({ failed: [unit], units: unitShown(unit), ...over });
    const { end, reasons } = await act(actionWorld(host), "restart-unit", unit);
    expect([end, touched(host)], reasons.join(" ")).toEqual(["refused", 0]);
  });

  test("where a goal restarted the same unit within the hour, by the host's own clock; another unit and an older restart do not count", async () => {
    const line = (unit: string, ago: number): string =>
      JSON.stringify({ v: 1, event: "action", at: machineSeconds - ago, kind: "restart-unit", unit, goal: "incident" });
    const lately = machine({ ledger: [...deployedBefore(), line("app.service", 3_500)] });
    const end = await act(actionWorld(lately), "restart-unit");
    expect(end).toMatchObject({ end: "refused", reasons: [expect.stringContaining("restarted app.service 58 min ago")] });
    expect(touched(lately)).toBe(0);
    for (const earlier of [line("app.service", 3_700), line("db.service", 60)]) {
      const host = machine({ ledger: [...deployedBefore(), earlier] });
      expect(await act(actionWorld(host), "restart-unit")).toMatchObject({ end: "done" });
    }
  });

  test("where the group cannot spare it", async () => {
    const host = machine();
    const hosts = Object.fromEntries(["web1", "web2", "web3"].map((name) => [name, { deploy: true, group: "web" }]));
    // Nobody can ask the two others, so that they are away.
    const world = actionWorld(host, { policy: { hosts, groups: { web: { quorum: true } } } });
    for (const kind of ["restart-unit", "redeploy"] as const)
      expect(await act(world, kind)).toMatchObject({ end: "refused", reasons: [expect.stringContaining("no majority")] });
    expect(touched(host)).toBe(0);
  });
});

describe("restart-unit", () => {
  test("is told the boot, the state, the ledger as it was seen and the unit, and once in a run", async () => {
    const host = machine();
    const world = actionWorld(host);
    expect(await act(world, "restart-unit")).toMatchObject({ end: "done" });
    const [bootId, how, , seen, entry, unit] = host.acted[0]?.words ?? [];
    expect([bootId, how, unit]).toEqual(["baff9136-f5ac-4acb-9b11-684014e6cf12", "failed", "app.service"]);
    expect(seen).toBe(deployedBefore()[1]);
    expect(JSON.parse(entry ?? "")).toEqual({
      v: 1,
      event: "action",
      at: machineSeconds,
      kind: "restart-unit",
      unit: "app.service",
      goal: "incident",
    });
    expect(await act(world, "restart-unit", "db.service")).toMatchObject({
      end: "refused",
      reasons: [expect.stringContaining("in this run already")],
    });
    expect(touched(host)).toBe(1);
    // What was only refused may be asked again, and another action on the same host is another one.
    expect(await act(world, "collect-garbage")).toMatchObject({ end: "done" });
  });

  test.each([
    ["auto-restart", { ActiveState: "activating", SubState: "auto-restart" }],
    [
      "a start every few minutes",
      { ActiveState: "active", SubState: "running", NRestarts: "3", ActiveEnterTimestamp: `@${machineSeconds - 300}` },
    ],
  ])("takes %s for flapping", async (_, shown) => {
    const host = machine({ units: unitShown("app.service", shown) });
    expect(await act(actionWorld(host), "restart-unit")).toMatchObject({ end: "done" });
    expect(host.acted[0]?.words[1]).toBe("flapping");
  });

  test.each<[string, Partial<ActionMachine>, ActionEnd["end"], RegExp]>([
    [
      "it fails again",
      { shown: "ActiveState=failed\nSubState=failed\nResult=exit-code", said: "Main process exited, status=3" },
      "no-effect",
      /is failed \(failed\), result exit-code\..*status=3/,
    ],
    ["systemd had to start it again", { shown: "ActiveState=active\nSubState=running\nNRestarts=2" }, "no-effect", /again 2 times/],
    ["it is not known what it is", { shown: "" }, "no-effect", /cannot be told/],
    ["it ended by itself", { shown: "ActiveState=inactive\nSubState=dead\nResult=success" }, "no-effect", /is inactive/],
    ["the host refused", { restart: { end: "refused", reason: "busy" } }, "refused", /An activation runs on web1/],
    ["the host says nothing", { restart: {} }, "failed", /did not say/],
    ["the connection broke", { lost: true }, "failed", /not known/],
  ])("where %s, says so", async (_, over, end, why) => {
    const made = await act(actionWorld(machine(over)), "restart-unit");
    expect(made.end).toBe(end);
    expect(made.reasons.join(" ")).toMatch(why);
  });

  test("a check that is not green afterwards is no success", async () => {
    const checks = [{ type: "tcp", address: "192.0.2.1", port: 80, retries: 0 }];
    const made = await act(actionWorld(machine(), { policy: { hosts: { web1: { deploy: true, checks } } } }), "restart-unit");
    expect(made).toMatchObject({
      end: "no-effect",
      reasons: [expect.stringContaining("started again and is active"), expect.stringContaining("is not green")],
    });
  });
});

describe("collect-garbage", () => {
  test("asks for no more than brings a quarter free, and counts what came back", async () => {
    const host = machine();
    expect(await act(actionWorld(host), "collect-garbage")).toMatchObject({
      end: "done",
      reasons: ["It freed 7.2 GiB; 22.2 % (7.6 GiB) are free now.", "All generations are there as before."],
    });
    expect(host.acted[0]?.words[1]).toBe(String(9_000_000 * 4096 * 0.25 - 100_000 * 4096));
  });

  test.each<[string, Partial<ActionMachine>, ActionEnd["end"], RegExp]>([
    ["there is room", { storeFree: 1_350_000 }, "refused", /There is room: 15.0 %/],
    ["it cannot be told", { also: { "space-store": "" } }, "refused", /cannot be told/],
    [
      "hardly anything came back",
      { garbage: { end: "done", gone: "", before: "4096 9000000 100000", after: "4096 9000000 189999", "said.exit": "0", written: "yes" } },
      "no-effect",
      /generations, or what is beside/,
    ],
    [
      "something is gone",
      {
        garbage: {
          end: "done",
          gone: ` ${before}`,
          before: "4096 9000000 100000",
          after: "4096 9000000 2000000",
          "said.exit": "0",
          written: "yes",
        },
      },
      "failed",
      /not valid there any more/,
    ],
    ["copies are on their way", { garbage: { end: "refused", reason: "copying" } }, "refused", /being copied/],
    ["numbers are none", { garbage: { end: "done", before: "x", after: "4096 9 9" } }, "failed", /not known/],
    ["the connection broke", { lost: true }, "failed", /not known/],
  ])("where %s, says so", async (_, over, end, why) => {
    const made = await act(actionWorld(machine(over)), "collect-garbage");
    expect(made.end).toBe(end);
    expect(made.reasons.join(" ")).toMatch(why);
  });

  test("a generation that is gone is a failure, however much came back", async () => {
    const host = machine();
    host.onLook = () => {
      if (host.acted.length > 0) host.generations = host.generations.slice(1);
    };
    expect(await act(actionWorld(host), "collect-garbage")).toMatchObject({
      end: "failed",
      reasons: expect.arrayContaining(["Generation 1 is gone."]) as string[],
    });
  });
});

describe("redeploy", () => {
  const back = { phase: "ended deployed confirmed 0", runs: after, boots: after };
  const drifted = (over: Partial<ActionMachine> = {}): ActionMachine =>
    Object.assign(new ActionMachine(back), { runs: before, boots: before }, over);

  test("brings back what the gate deployed last, and copies nothing", async () => {
    const host = drifted();
    const end = await act(actionWorld(host), "redeploy");
    expect(end, end.reasons.join(" ")).toMatchObject({ end: "done", reasons: ["web1 runs and boots aaaaaaaaa again."] });
    expect(host.done).toMatchObject([{ did: "activate", operation: "switch", activate: after }]);
  });

  test("what was staged is staged again, and what waits for its reboot is left to that", async () => {
    const host = Object.assign(new ActionMachine({ phase: "ended staged boot-default-set 0", boots: after }), {
      runs: before,
      boots: before,
      ledger: deployedBefore(after, before, "staged"),
    });
    expect(await act(actionWorld(host), "redeploy")).toMatchObject({ end: "done" });
    expect(host.done).toMatchObject([{ did: "activate", operation: "boot" }]);
    expect(await act(actionWorld(host), "redeploy")).toMatchObject({
      end: "refused",
      reasons: [expect.stringContaining("a reboot brings it in")],
    });
    expect(host.done.length).toBe(1);
  });

  test.each<[string, Partial<ActionMachine>, Parameters<typeof actionWorld>[1], RegExp]>([
    ["has not drifted", { runs: after, boots: after }, {}, /has not drifted/],
    [
      "was switched by hand",
      { runs: `/nix/store/${"2".repeat(32)}-nixos-system-web1-3` },
      {},
      /runs a system that its ledger does not know/,
    ],
    ["has it no more", { generations: [] }, {}, /no generation of web1/],
    ["runs what the branch does not hold", {}, { world: { onDeployBranch: () => Promise.resolve(false) } }, /not on the deploy branch/],
    ["runs what nobody can tell", {}, { world: { onDeployBranch: () => Promise.resolve("unknown") } }, /cannot be told/],
    ["carries the gate", {}, { world: { runnerBootId: "baff9136-f5ac-4acb-9b11-684014e6cf12" } }, /carries the gate/],
    ["ended otherwise", { ledger: deployedBefore(after, before, "left-unconfirmed") }, {}, /left-unconfirmed/],
  ])("a host that %s is left alone", async (_, over, world, why) => {
    const host = drifted(over);
    const end = await act(actionWorld(host, world), "redeploy");
    expect([end.end, touched(host)]).toEqual(["refused", 0]);
    expect(end.reasons.join(" ")).toMatch(why);
  });

  test("what does not stay is without effect, and what is half done a failure", async () => {
    const stays = Object.assign(new ActionMachine({ phase: "ended rolled-back not-confirmed 4" }), { runs: before, boots: before });
    expect(await act(actionWorld(stays), "redeploy")).toMatchObject({ end: "no-effect" });
    const half = Object.assign(new ActionMachine({ phase: "ended live-but-old-boots loader-failed 1", runs: after }), {
      runs: before,
      boots: before,
    });
    expect(await act(actionWorld(half), "redeploy")).toMatchObject({ end: "failed" });
  });
});

describe("reboot-in-window", () => {
  const pending = (): ActionMachine =>
    Object.assign(new ActionMachine(), { runs: before, ledger: deployedBefore(after, before, "staged") });
  const reboot = (said: object): Parameters<typeof actionWorld>[1] => ({ policy: { hosts: { web1: { deploy: true, reboot: said } } } });
  const night = [{ from: "02:00", to: "04:00", zone: "UTC" }];

  test.each<[string, ActionMachine, Parameters<typeof actionWorld>[1], RegExp]>([
    ["nothing waits", Object.assign(new ActionMachine(), { also: { booted: after } }), reboot({ windows: "any" }), /Nothing on web1 waits/],
    ["the window is shut", pending(), reboot({ windows: night }), /^It reboots in /],
    ["a person reboots it", pending(), reboot({ windows: "never" }), /leaves reboots to a person/],
    ["somebody has to be there", pending(), reboot({ windows: "any", attended: true }), /Somebody has to be there/],
    ["a timer does it", pending(), reboot({ windows: "any", trigger: "timer" }), /a timer on the host/],
    ["the clocks are apart", pending(), { ...reboot({ windows: "any" }), now: "2026-11-19T02:00:00Z" }, /no window can be kept/],
    [
      "it carries the gate",
      pending(),
      { policy: { hosts: { web1: { deploy: true, carries: ["runner"], reboot: { windows: "any" } } } } },
      /carries the gate/,
    ],
    ["it is a dry run", pending(), { ...reboot({ windows: "any" }), deploy: { dryRun: true } }, /dry run/],
  ])("is refused where %s", async (_, host, world, why) => {
    const end = await act(actionWorld(host, world), "reboot-in-window");
    expect([end.end, touched(host)], end.reasons.join(" ")).toEqual(["refused", 0]);
    expect(end.reasons.join(" ")).toMatch(why);
  });

  test("what a run of reboots says of it is what the action came to", () => {
    const rebooted = (outcome: Rebooted["outcome"]["outcome"], moved: boolean): string =>
      endOfReboot({ outcome: { outcome, reasons: ["x"], misses: [], attempts: [] }, moved } as unknown as Rebooted).end;
    expect([rebooted("rebooted", true), rebooted("reboot-failed", true), rebooted("unreachable", false)]).toEqual([
      "done",
      "failed",
      "failed",
    ]);
    expect([rebooted("reboot-pending", false), rebooted("reboot-held", true), rebooted("unchanged", false)]).toEqual([
      "refused",
      "no-effect",
      "refused",
    ]);
  });
});
