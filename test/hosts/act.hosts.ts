import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { finishing } from "../../src/deploy/finishing.ts";
import { HostName } from "../../src/discover/host.ts";
import type { ActionWorld } from "../../src/goal/act/action-world.ts";
import { performAction } from "../../src/goal/act/perform-action.ts";
import type { ActionEnd } from "../../src/goal/goal-report.ts";
import type { Targets } from "../../src/io/ports.ts";
import { parsePolicy } from "../../src/policy.ts";
import type { ActionKind } from "../../src/policy-goals.ts";
import type { Address } from "../../src/target/address.ts";
import { pause } from "./command.ts";
import { Fleet, type HostSpec } from "./fleet.ts";
import type { LabHost } from "./host.ts";
import { type Lab, startLab } from "./lab.ts";
import { labTargets, nonceOf } from "./supervised-host.ts";
import { buildToplevel } from "./toplevels.ts";

/** Actions of a goal on a real host that the gate has deployed: what may be done is done once and seen to have worked, and nothing else is done at all. */
let lab: Lab;
let alpha: LabHost;
let fleet: Fleet;
let targets: Targets;
let close: () => Promise<void>;
let revision: string;
let deployed: string;
let base: string;

const needs = (file: string): string => `[ -e ${file} ] || { echo "${file} is not there" >&2; exit 3; }; exec sleep infinity`;
const spec = (version: string): HostSpec => ({
  services: {
    hello: { version },
    // Nobody wants them, so that no switch starts them.
    flaky: { script: needs("/run/well"), wantedBy: null },
    bad: { script: needs("/run/never"), wantedBy: null },
    worse: { script: needs("/run/never"), wantedBy: null },
    over: {
      script: needs("/run/over"),
      wantedBy: null,
      service: { Restart: "always", RestartSec: "300" },
      unit: { StartLimitIntervalSec: "0" },
    },
    needy: { wantedBy: null, unit: { Requires: "over.service" } },
    once: { script: "[ -e /run/once ]", wantedBy: null, service: { Type: "oneshot" } },
  },
});

beforeAll(async () => {
  lab = await startLab({ hosts: [{ host: "alpha", ...spec("1.0") }] });
  alpha = lab.host("alpha");
  ({ targets, close } = await labTargets(lab));
  fleet = new Fleet(lab);
  await fleet.begin();
  base = (await alpha.systems()).current;
  revision = await fleet.commit({ alpha: spec("2.0") });
  const { plan } = await fleet.deploy();
  expect(plan.hosts[0]?.outcome?.outcome).toBe("deployed");
  deployed = (await alpha.systems()).current;
});
afterAll(async () => {
  await close?.();
  fleet?.remove();
  await lab?.stop();
});
beforeEach(async () => {
  await alpha.sh("systemctl stop flaky bad worse over needy once 2>/dev/null; systemctl reset-failed; rm -f /run/well /run/over /run/once");
});

const address = (machineId = alpha.machineId): Address => ({
  host: HostName.parse("alpha"),
  hostname: alpha.address,
  port: 22,
  user: "root",
  sudo: false,
  jump: [],
  identity: { name: "alpha", machineId },
  hostKeys: [alpha.hostKey],
});

/** A run of a goal of its own each time. */
function world(over: { machineId?: string; policy?: object; deploy?: Partial<ActionWorld["deploy"]> } = {}): ActionWorld {
  const policy = parsePolicy({ hosts: { alpha: { deploy: true } }, apply: { soakSeconds: 1, confirmSeconds: 40 }, ...over.policy });
  const never = (): Promise<never> => Promise.reject(new Error("nobody asks this"));
  const stop = new AbortController();
  return {
    deploy: {
      targets,
      nix: { version: never, run: never },
      probe: { http: never, tcp: never },
      clock: { now: () => new Date() },
      pause: (seconds) => pause(seconds * 1000),
      signal: stop.signal,
      finishing: finishing(stop.signal),
      log: { progress: () => {}, debug: () => {}, mask: () => {} },
      store: { read: () => undefined, list: () => [], resolve: () => undefined, entry: () => undefined, entries: () => new Map() } as never,
      isAncestor: () => "unknown",
      apply: policy.apply,
      evidence: new Map(),
      recovery: undefined,
      random: nonceOf,
      dryRun: false,
      despite: [],
      ...over.deploy,
    },
    policy,
    addresses: new Map([[HostName.parse("alpha"), address(over.machineId)]]),
    runnerBootId: undefined,
    onDeployBranch: (commit) => Promise.resolve(commit === revision),
    repository: undefined,
    goal: "incident",
    begun: new Set(),
  };
}
const act = (kind: ActionKind, unit = "", inWorld = world(), host = "alpha"): Promise<ActionEnd> =>
  performAction({ kind, host, unit, reason: "the session says so" }, inWorld);
const started = async (unit: string): Promise<string> =>
  (await alpha.sh(`journalctl -b -q --no-pager -o cat _PID=1 UNIT=${unit} | grep -c '^Start' || :`)).trim();
/** A service of type simple fails after `systemctl start` has said that all is well. */
const failing = async (unit: string): Promise<void> => {
  await alpha.sh(
    `systemctl start ${unit} || :; for n in 1 2 3 4 5 6 7 8 9; do systemctl is-failed -q ${unit} && exit 0; sleep 0.3; done; exit 1`,
  );
};

test("a unit that failed is started again and comes up, and within the hour it is not done again", async () => {
  await failing("flaky.service");
  await alpha.sh("touch /run/well");
  const done = await act("restart-unit", "flaky.service");
  expect(done, done.reasons.join(" ")).toMatchObject({
    end: "done",
    reasons: ["flaky.service was started again and is active (running)."],
  });
  expect((await alpha.sh("tail -n 1 /var/lib/nixos-deploy-gate/ledger.jsonl")).trim()).toMatch(
    /^\{"v":1,"event":"action","at":\d+,"kind":"restart-unit","unit":"flaky\.service","goal":"incident"\}$/,
  );
  // What runs is left alone, and what fails anew is a person's.
  expect(await act("restart-unit", "flaky.service")).toMatchObject({ end: "refused" });
  await alpha.sh("rm /run/well; systemctl stop flaky; systemctl reset-failed");
  await failing("flaky.service");
  const before = await started("flaky.service");
  const again = await act("restart-unit", "flaky.service");
  expect(again).toMatchObject({ end: "refused", reasons: [expect.stringMatching(/^A goal restarted flaky\.service \d min ago/)] });
  expect(await started("flaky.service")).toBe(before);
});

test("one that fails again is without effect, with what it says", async () => {
  await failing("bad.service");
  const end = await act("restart-unit", "bad.service");
  expect(end.end, end.reasons.join(" ")).toBe("no-effect");
  expect(end.reasons[0]).toMatch(/^bad\.service was started again and is failed/);
  expect(end.reasons.join(" ")).toContain("/run/never is not there");
});

test("a restart that would take along what runs is refused", async () => {
  await alpha.sh("touch /run/over; systemctl start over needy; rm /run/over; systemctl kill -s KILL over; sleep 1");
  expect(await alpha.sh("systemctl show -p SubState --value over needy | xargs")).toBe("auto-restart running");
  const running = await alpha.sh("systemctl show -p MainPID needy");
  const end = await act("restart-unit", "over.service");
  expect(end, end.reasons.join(" ")).toMatchObject({ end: "refused", reasons: [expect.stringContaining("would restart others that run")] });
  expect(await alpha.sh("systemctl show -p MainPID needy")).toBe(running);
});

test("one that systemd starts over and over is restarted", async () => {
  await alpha.sh("systemctl start over; sleep 1; systemctl show -p SubState --value over | grep -q auto-restart; touch /run/over");
  const end = await act("restart-unit", "over.service");
  expect(end.end, end.reasons.join(" ")).toBe("done");
});

test("a oneshot that ends well the second time is done", async () => {
  await alpha.sh("systemctl start once || touch /run/once");
  const end = await act("restart-unit", "once.service");
  expect(end, end.reasons.join(" ")).toMatchObject({ end: "done", reasons: ["once.service ran once more and ended well."] });
});

test("what is well, what the host stands on, another host and a lock that is held are left alone", async () => {
  const running = await alpha.sh("systemctl show -p MainPID hello ssh sshd 2>/dev/null");
  await failing("worse.service");
  const why = async (promised: Promise<ActionEnd>): Promise<string> => {
    const { end, reasons } = await promised;
    expect(end).toBe("refused");
    return reasons.join(" ");
  };
  expect(await why(act("restart-unit", "hello.service"))).toBe("hello.service runs and does not fail; what is well is not restarted.");
  expect(await why(act("restart-unit", "sshd.service"))).toContain("nothing restarts by itself");
  expect(await why(act("restart-unit", "worse.service", world(), "beta"))).toContain("no host that the policy hands to the gate");
  expect(await why(act("restart-unit", "worse.service", world({ machineId: "0".repeat(32) })))).toContain("machine id");
  expect(await why(act("restart-unit", "worse.service", world({ policy: { hosts: { alpha: { deploy: false } } } })))).toContain("deploy");
  expect(await why(act("restart-unit", "worse.service", world({ deploy: { dryRun: true } })))).toContain("dry run");
  expect(await why(act("restart-unit", "once.service"))).toContain("What is stopped is not started");
  await alpha.sh("systemd-run --quiet --unit=holder flock /run/nixos/switch-to-configuration.lock sleep 60; sleep 0.5");
  expect(await why(act("restart-unit", "worse.service"))).toContain("lock of switch-to-configuration");
  expect(await why(act("collect-garbage"))).toContain("lock of switch-to-configuration");
  await alpha.sh("systemctl stop holder");
  expect(await alpha.sh("systemctl show -p MainPID hello ssh sshd 2>/dev/null")).toBe(running);
});

test("a lock that is taken after the look is seen as well", async () => {
  await failing("worse.service");
  const before = await started("worse.service");
  // Between the look and the program the supervisor takes its own lock.
  const late: Targets = {
    ...targets,
    run: async (run) => {
      if (run.verb === "act-restart")
        await alpha.sh("systemd-run --quiet --unit=holder flock /run/nixos-deploy-gate/lock sleep 60; sleep 0.5");
      return await targets.run(run);
    },
  };
  const end = await act("restart-unit", "worse.service", world({ deploy: { targets: late } }));
  await alpha.sh("systemctl stop holder 2>/dev/null || :");
  expect(end).toMatchObject({ end: "refused", reasons: [expect.stringContaining("An activation runs on alpha")] });
  expect(await started("worse.service")).toBe(before);
});

test("garbage is collected where the disk is nearly full, and every generation stays", async () => {
  expect(await act("collect-garbage")).toMatchObject({ end: "refused", reasons: [expect.stringMatching(/^There is room/)] });
  const generations = await alpha.sh("readlink -f /nix/var/nix/profiles/system-*-link");
  const path = (await alpha.sh("head -c 12582912 /dev/urandom >/root/garbage; nix-store --add /root/garbage; rm /root/garbage")).trim();
  await alpha.fillDisk("store", 3 << 20);
  try {
    const end = await act("collect-garbage");
    expect(end.end, end.reasons.join(" ")).toBe("done");
    expect(end.reasons[0]).toMatch(/^It freed 1[12]\.\d MiB/);
    expect(alpha.has(path)).toBe(false);
    // Nothing is left that could go.
    await alpha.fillDisk("store", 256 << 10);
    expect(await act("collect-garbage")).toMatchObject({ end: "no-effect" });
  } finally {
    await alpha.freeDisk("store");
  }
  expect(await alpha.sh("readlink -f /nix/var/nix/profiles/system-*-link")).toBe(generations);
  await alpha.sh("nix-store --check-validity $(readlink -f /nix/var/nix/profiles/system-*-link /run/current-system /run/booted-system)");
  expect(await alpha.sh("ls /nix/var/nix/gcroots/nixos-deploy-gate")).not.toContain("copy-");
});

test("a host that drifted is brought back; one that has not, and one that somebody switched to something new, are not", async () => {
  const settled = await act("redeploy");
  expect(settled).toMatchObject({ end: "refused", reasons: [expect.stringContaining("has not drifted")] });
  await alpha.activate(base, "switch");
  expect(await alpha.systems()).toMatchObject({ current: base, profile: base });
  const end = await act("redeploy");
  expect(end, end.reasons.join(" ")).toMatchObject({ end: "done", reasons: [`alpha runs and boots ${revision.slice(0, 9)} again.`] });
  expect(await alpha.systems()).toMatchObject({ current: deployed, profile: deployed, loader: deployed });
  const other = await buildToplevel({ host: "alpha", ...spec("3.0") });
  await alpha.copy([other]);
  await alpha.activate(other, "switch");
  const foreign = await act("redeploy");
  expect(foreign).toMatchObject({ end: "refused", reasons: [expect.stringContaining("its ledger does not know")] });
  expect(await alpha.systems()).toMatchObject({ current: other });
});

test("a host reboots where a reboot is pending, in its window and not outside of it", async () => {
  const to = await buildToplevel({ host: "alpha", ...spec("2.0"), kernel: "6.12.44" });
  expect((await alpha.copy([to])).exitCode).toBe(0);
  const clock = (hours: number): string => new Date(Date.now() + hours * 3_600_000).toISOString().slice(11, 16);
  const inPolicy = (reboot: object): ActionWorld =>
    world({
      policy: {
        hosts: { alpha: { deploy: true, reboot: { windows: "any", expectedSeconds: 30, marginSeconds: 0, returnSeconds: 60, ...reboot } } },
      },
    });
  await alpha.activate(deployed, "switch");
  const booted = alpha.boots;
  const nothing = await act("reboot-in-window", "", inPolicy({}));
  expect(nothing).toMatchObject({ end: "refused", reasons: ["Nothing on alpha waits for a reboot."] });
  await alpha.activate(to, "boot");
  const later = await act("reboot-in-window", "", inPolicy({ windows: [{ from: clock(3), to: clock(5), zone: "UTC" }] }));
  expect(later, later.reasons.join(" ")).toMatchObject({ end: "refused", reasons: [expect.stringMatching(/^It reboots in 3 hours/)] });
  const attended = await act("reboot-in-window", "", inPolicy({ attended: true }));
  expect(attended).toMatchObject({ end: "refused", reasons: [expect.stringContaining("Somebody has to be there")] });
  expect(alpha.boots).toBe(booted);
  const done = await act("reboot-in-window", "", inPolicy({}));
  expect(done.end, done.reasons.join(" ")).toBe("done");
  expect([alpha.boots, (await alpha.systems()).booted]).toEqual([booted + 1, to]);
});
