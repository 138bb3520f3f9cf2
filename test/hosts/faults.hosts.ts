import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { booted, endure, type Fault } from "./fault.ts";
import { faultMatrix, type FaultRow } from "./fault-matrix.ts";
import type { HostSpec } from "./fleet.ts";
import type { LabHost } from "./host.ts";
import { type Lab, startLab } from "./lab.ts";
import { Lane, Lanes } from "./lane.ts";
import { broken, buildToplevel } from "./toplevels.ts";

/**
 * Whole runs of the gate on real hosts, and every way in which they can be hurt. After each: what the gate reported, what the host runs and boots, that it can be
 * reached, and that the next run brings it to a good system. The matrix is printed at the end.
 */
const singles = ["ant", "bee", "cat", "dog", "eel", "fox"];
const trio = ["kea", "lark", "mole"];
const rows = new Map<string, FaultRow>();
const scenarios: string[] = [];
let lab: Lab;
let lanes: Lanes;
let every: Lane[];

beforeAll(async () => {
  lab = await startLab({ hosts: [...singles, ...trio] });
  every = [...singles.map((name) => new Lane(lab, [name])), new Lane(lab, trio)];
  await Promise.all(every.map((lane) => lane.begin()));
  lanes = new Lanes(every);
});
afterAll(async () => {
  console.log(`\n${faultMatrix(scenarios.flatMap((name) => rows.get(name) ?? []))}\n`);
  for (const lane of every ?? []) lane.remove();
  await lab?.stop();
});

function fault(given: Fault, size = 1): void {
  scenarios.push(given.scenario);
  test.concurrent(
    given.scenario,
    async () => {
      try {
        const row = await lanes.use(size, (lane) => endure(given, lane));
        rows.set(given.scenario, row);
        console.log(`${row.scenario}: ${row.outcome}, then ${row.next}`);
      } catch (error) {
        // At once: the others go on for minutes.
        console.error(`${given.scenario}: ${error instanceof Error ? error.message : String(error)}`);
        throw error;
      }
    },
    900_000,
  );
}

/** Only in a switch: at boot nobody is in a hurry. */
const inSwitch = (script: string): HostSpec => ({ activation: `[ -z "\${NIXOS_ACTION:-}" ] || { ${script}; }` });
const slow = inSwitch("sleep 4");
/** By the host's own ledger, in seconds. */
async function lastAttempt(host: LabHost): Promise<{ from: number; to: number }> {
  const lines = (await host.sh("tail -n 2 /var/lib/nixos-deploy-gate/ledger.jsonl")).split("\n");
  const [from, to] = lines.map((line) => (JSON.parse(line) as { at: number }).at);
  return { from: from ?? 0, to: to ?? 0 };
}
const quick = { apply: { confirmSeconds: 12 } };
const rolledBack = { outcome: "rolled-back", exit: 1, runs: "old", boots: "old" } as const;
const deployed = { outcome: "deployed", exit: 0, runs: "new", boots: "new" } as const;
const killed = { outcome: "-", exit: 137, runs: "old", boots: "old" } as const;

describe("what a change can do", () => {
  fault({ scenario: "clean switch", expects: deployed });
  fault({ scenario: "a unit fails", change: broken.unit, expects: { ...rolledBack, says: /broken\.service failed/ } });
  fault({
    scenario: "the activation script fails",
    change: broken.activation,
    expects: { ...rolledBack, says: /activation script failed/ },
  });
  fault({
    scenario: "a switch inhibitor",
    change: { inhibitors: { "dbus-implementation": "broker" } },
    expects: { outcome: "staged", exit: 0, runs: "old", boots: "new" },
  });
  fault({ scenario: "sshd does not start", change: broken.sshd, policy: quick, expects: rolledBack });
  fault({
    scenario: "a firewall closes port 22, and the token is used again",
    change: broken.port22,
    policy: quick,
    approve: true,
    replay: true,
    expects: rolledBack,
  });
  fault({ scenario: "every packet is dropped", change: broken.firewall, policy: quick, approve: true, expects: rolledBack });
  fault({
    scenario: "the network goes down",
    extra: inSwitch("ip link set host0 up"),
    change: broken.network,
    policy: quick,
    expects: rolledBack,
  });
  fault({
    scenario: "a stop job hangs",
    extra: { services: { hangs: { stop: "[ ! -e /run/hang ] || sleep infinity", service: { TimeoutStopSec: "infinity" } } } },
    change: {
      services: { hangs: { version: "2.0", stop: "[ ! -e /run/hang ] || sleep infinity", service: { TimeoutStopSec: "infinity" } } },
    },
    policy: { apply: { activationSeconds: 30 } },
    before: (lane) => lane.host.sh("touch /run/hang").then(() => {}),
    heal: (lane) => lane.host.sh("rm /run/hang").then(() => {}),
    expects: rolledBack,
  });
  fault({
    scenario: "a mount option that only a reboot applies",
    extra: { fstab: ["tmpfs /srv/data tmpfs uid=1001 0 0"] },
    change: { fstab: ["tmpfs /srv/data tmpfs uid=1002 0 0"] },
    approve: true,
    expects: { outcome: "deployed-with-misses", exit: 1, runs: "new", boots: "new", says: /fstab says uid=1002/ },
  });
  fault({
    scenario: "a process stays on the old binary",
    extra: { services: { stays: { version: "1.0", service: { "X-RestartIfChanged": "false" } } } },
    change: { services: { stays: { version: "2.0", service: { "X-RestartIfChanged": "false" } } } },
    expects: { outcome: "deployed-reboot-pending", exit: 0, runs: "new", boots: "new" },
    // It is left running again.
    next: "deployed-reboot-pending",
  });
  fault({
    scenario: "a unit wants a module of the new kernel",
    change: {
      kernel: "6.12.41",
      services: {
        wants: {
          script: "echo 'modprobe: FATAL: Module overlay not found in directory /lib/modules/6.12.40' >&2; exit 1",
          service: { Type: "oneshot", RemainAfterExit: "yes" },
        },
      },
    },
    approve: true,
    expects: { outcome: "deployed-reboot-pending", exit: 0, runs: "new", boots: "new" },
    // Back to the kernel that runs, but another than the one that would boot until now.
    next: "deployed-reboot-pending",
  });
  fault({
    scenario: "a busy mount is freed first",
    extra: {
      units: { "srv-data.mount": "[Mount]\nWhat=tmpfs\nWhere=/srv/data\nType=tmpfs\n" },
      wants: ["multi-user.target.wants/srv-data.mount"],
      services: { holder: { script: "cd /srv/data && exec sleep infinity", unit: { After: "srv-data.mount" } } },
    },
    change: { units: { "srv-data.mount": "[Mount]\nWhat=none\nWhere=/srv/data\nType=tmpfs\n" } },
    expects: { ...deployed, says: /holder\.service/ },
  });
  fault({
    scenario: "an irreversible change fails",
    change: { ...broken.unit, etc: { "tmpfiles.d/purge.conf": "R /var/lib/thing - - - - -\n" } },
    policy: quick,
    approve: true,
    expects: { outcome: "left-unconfirmed", exit: 1, runs: "new", boots: "new" },
  });
});

describe("what can happen to the host", () => {
  fault({
    scenario: "the lock is held",
    before: async (lane) => {
      await lane.host.sh(
        "mkdir -p /run/nixos; setsid flock /run/nixos/switch-to-configuration.lock sh -c 'echo $$ >/run/holder; exec sleep 600' </dev/null >/dev/null 2>&1 &",
      );
      await lane.host.sh("until [ -s /run/holder ]; do sleep 0.05; done");
    },
    heal: (lane) => lane.host.sh("kill $(cat /run/holder); rm /run/holder").then(() => {}),
    same: true,
    expects: { outcome: "held", exit: 3, runs: "old", boots: "old", says: /holds the lock/ },
  });
  fault({
    scenario: "power is lost in the switch",
    change: slow,
    during: async (lane, _, known) => {
      await lane.phase("activating", known);
      await lane.host.powerOff();
      await lane.host.boot();
    },
    losesLog: true,
    same: true,
    expects: rolledBack,
  });
  fault({
    scenario: "power is lost while it waits",
    policy: { apply: { soakSeconds: 8 } },
    during: async (lane, _, known) => {
      await lane.phase("waiting", known);
      await lane.host.powerOff();
      await lane.host.boot();
    },
    losesLog: true,
    same: true,
    expects: rolledBack,
  });
  fault({
    // By the rule on what the host said when it was asked, or by preflight where a little became free and not enough.
    scenario: "the disk is full before",
    before: (lane) => lane.host.fillDisk("store"),
    heal: (lane) => lane.host.freeDisk("store"),
    same: true,
    expects: { outcome: "held", exit: 3, runs: "old", boots: "old", says: /store-space|are free on \/nix/ },
  });
  fault({
    scenario: "the disk fills up in the copy",
    change: { payloadBytes: 60_000_000 },
    during: async (lane, run) => {
      await run.says(/ copying/);
      await lane.host.fillDisk("store");
    },
    heal: (lane) => lane.host.freeDisk("store"),
    same: true,
    expects: { outcome: "failed", exit: 1, runs: "old", boots: "old", says: /disk|space|room/i },
  });
  fault({
    scenario: "garbage is collected while it waits",
    policy: { apply: { soakSeconds: 5 } },
    during: async (lane, _, known) => {
      await lane.phase("waiting", known);
      await lane.host.sh("nix-collect-garbage -d >/dev/null 2>&1");
    },
    expects: deployed,
  });
  fault({
    scenario: "garbage is collected after the copy",
    // What the host runs between the copy and the supervisor is the new system's own dry activation. While that runs, the process itself is a root: so the gate is held
    // until it is over.
    change: { dryActivation: "touch /run/dry; sleep 5; rm /run/dry" },
    during: async (lane, run) => {
      await lane.host.sh("until [ -e /run/dry ]; do sleep 0.1; done");
      run.kill("SIGSTOP");
      await lane.host.sh("while [ -e /run/dry ] || pgrep -f '[d]ry-activate'; do sleep 0.1; done");
      expect(await lane.host.sh("nix-collect-garbage -d 2>&1")).toMatch(/store paths? deleted/);
      run.kill("SIGCONT");
    },
    expects: deployed,
  });
  fault({
    scenario: "garbage is collected before the reboot",
    change: { inhibitors: { "dbus-implementation": "broker" } },
    after: async ({ host }) => {
      await host.sh("nix-collect-garbage -d >/dev/null 2>&1");
      const { profile } = await host.systems();
      await booted(host);
      expect((await host.systems()).current).toBe(profile);
    },
    expects: { outcome: "staged", exit: 0, runs: "old", boots: "new" },
    // The other implementation again.
    next: "staged",
  });
  fault({
    scenario: "a person switches while it waits",
    policy: { apply: { soakSeconds: 8 } },
    during: async (lane, _, known) => {
      const theirs = await buildToplevel({ host: lane.host.name, revision: "a person's" });
      await lane.host.copy([theirs]);
      await lane.phase("waiting", known);
      await lane.host.sh("rm -f /run/nixos/switch-to-configuration.lock");
      await lane.host.activate(theirs, "test");
    },
    expects: { outcome: "superseded", exit: 1, runs: "other", boots: "old" },
  });
  fault({
    scenario: "the boot loader fails",
    policy: { apply: { soakSeconds: 3 } },
    during: async (lane, _, known) => {
      await lane.phase("waiting", known);
      await lane.host.sh("touch /boot/loader-broken");
    },
    heal: (lane) => lane.host.sh("rm /boot/loader-broken").then(() => {}),
    same: true,
    expects: { outcome: "live-but-old-boots", exit: 1, runs: "new", boots: "old" },
  });
});

describe("what can happen to the gate", () => {
  for (const step of ["asking", "copying"] as const)
    fault({
      scenario: `killed while ${step}`,
      during: async (_, run) => {
        await run.says(new RegExp(`\\w+ ${step}`));
        run.kill("SIGKILL");
      },
      same: true,
      expects: killed,
    });
  for (const phase of ["activating", "waiting", "installing"] as const)
    fault({
      scenario: `killed while ${phase}`,
      ...(phase === "activating" ? { change: slow } : {}),
      policy: { apply: { confirmSeconds: 10, soakSeconds: phase === "waiting" ? 6 : 1 } },
      during: async (lane, run, known) => {
        await lane.phase(phase, known);
        run.kill("SIGKILL");
      },
      same: true,
      expects: phase === "installing" ? { ...killed, runs: "new", boots: "new" } : killed,
      ...(phase === "installing" ? { next: "unchanged" } : {}),
    });
  fault({
    scenario: "killed while verifying",
    during: async (_, run) => {
      await run.says(/\w+ verifying/);
      run.kill("SIGKILL");
    },
    same: true,
    expects: { ...killed, runs: "new", boots: "new" },
    next: "unchanged",
  });
  fault({
    scenario: "interrupted while activating",
    change: slow,
    during: async (lane, run, known) => {
      await lane.phase("activating", known);
      run.kill("SIGINT");
    },
    expects: deployed,
  });
  fault({
    scenario: "the host carries the runner",
    policy: ({ host }) => ({ hosts: { [host.name]: { carries: ["runner"] } } }),
    expects: deployed,
  });
  fault({
    scenario: "two gates at once",
    policy: { apply: { confirmSeconds: 120, soakSeconds: 2 } },
    during: async (lane, run, known) => {
      await lane.phase("waiting", known);
      // However slow this machine is: the first one is in the middle for as long as the second one takes.
      run.kill("SIGSTOP");
      const second = lane.deploy();
      const told = [await second.exitCode(), (await second.host(lane.host.name)).outcome?.outcome];
      run.kill("SIGCONT");
      expect(told).toEqual([3, "held"]);
    },
    expects: deployed,
  });
  fault({
    scenario: "a wrong host key",
    words: (lane) => {
      const file = join(lane.fleet.repository, "ssh", "stranger");
      writeFileSync(file, `${lane.host.address} ${lab.host("kea").hostKey}\n`);
      return ["--known-hosts", file];
    },
    same: true,
    expects: { outcome: "unreachable", exit: 1, runs: "old", boots: "old" },
  });
  fault({
    scenario: "another machine",
    policy: ({ host }) => ({ hosts: { [host.name]: { target: { hostname: host.address, machineId: "0".repeat(32) } } } }),
    expects: { outcome: "failed", exit: 1, runs: "old", boots: "old" },
  });
});

describe("how hosts are reached", () => {
  fault({
    scenario: "a user who is not root",
    policy: ({ host }) => ({ hosts: { [host.name]: { target: { hostname: host.address, machineId: host.machineId, user: "deploy" } } } }),
    after: async ({ host }) => {
      expect(await host.sh("journalctl -b -o cat | grep -c 'Accepted publickey for deploy'")).not.toBe("0");
      expect(await host.sh("stat -c '%U %a' /var/lib/nixos-deploy-gate/ledger.jsonl")).toBe("root 600");
    },
    expects: deployed,
  });
  fault({
    scenario: "a port other than 22",
    extra: { sshd: "Port 2222" },
    policy: ({ host }) => ({
      hosts: {
        [host.name]: { target: { hostname: host.address, machineId: host.machineId, port: 2222, hostKeys: [host.hostKey] } },
      },
    }),
    // Nothing of the deploy may lean on port 22.
    before: (lane) =>
      lane.host.sh("nft 'table inet only { chain in { type filter hook input priority 0; tcp dport 22 drop; }; }'").then(() => {}),
    after: (lane) => lane.host.sh("nft delete table inet only").then(() => {}),
    expects: deployed,
  });
});

describe("what people approve", () => {
  const risky = { etc: { "tmpfiles.d/purge.conf": "R /var/lib/thing - - - - -\n" } };
  fault({ scenario: "a risk is held", change: risky, expects: { outcome: "held", exit: 3, runs: "old", boots: "old" } });
  fault({ scenario: "a risk is approved", change: risky, approve: true, expects: deployed });
});

describe("what happens to a fleet", () => {
  const [first = "", second = "", third = ""] = trio;
  fault(
    {
      scenario: "one of three is dead",
      before: (lane) => lane.hosts[1]?.powerOff() ?? Promise.resolve(),
      heal: (lane) => lane.hosts[1]?.boot() ?? Promise.resolve(),
      expects: { outcome: "deployed", exit: 1, runs: "new", boots: "new", others: ["deployed", "unreachable", "deployed"] },
    },
    3,
  );
  fault(
    {
      scenario: "two of five were never there",
      strangers: ["nobody", "refuses"],
      policy: ({ hosts: [live] }) => ({
        hosts: {
          // Nobody has that address; at the other one something lives that does not listen there.
          nobody: { target: { hostname: `${live?.address.replace(/[0-9]+$/, "")}251` } },
          refuses: { target: { hostname: live?.address, port: 9 } },
        },
      }),
      expects: {
        outcome: "deployed",
        exit: 1,
        runs: "new",
        boots: "new",
        others: ["deployed", "deployed", "deployed", "unreachable", "unreachable"],
      },
    },
    3,
  );
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    fault(
      {
        scenario: `${signal} while two of three are in the middle`,
        change: slow,
        policy: { apply: { parallel: 2 } },
        during: async (lane, run) => {
          await Promise.all(lane.hosts.slice(0, 2).map((host) => lane.phase("activating", [], host)));
          run.kill(signal);
        },
        expects: { ...deployed, exit: 1, others: ["deployed", "deployed", "not-reached"] },
      },
      3,
    );
  fault(
    {
      scenario: "a quorum goes one by one",
      policy: {
        groups: { etcd: { quorum: true } },
        hosts: Object.fromEntries(trio.map((name) => [name, { group: "etcd" }])),
      },
      after: async (lane) => {
        const away = await Promise.all(lane.hosts.map(lastAttempt));
        const inOrder = away.toSorted((a, b) => a.from - b.from);
        for (const [n, one] of inOrder.entries()) expect(one.from).toBeGreaterThanOrEqual(inOrder[n - 1]?.to ?? 0);
      },
      expects: { ...deployed, others: ["deployed", "deployed", "deployed"] },
    },
    3,
  );
  fault(
    {
      scenario: "the canary fails",
      changes: { [first]: broken.unit },
      policy: { hosts: { [first]: { canary: true } } },
      expects: { ...rolledBack, others: ["rolled-back", "not-reached", "not-reached"] },
    },
    3,
  );
  fault(
    {
      scenario: "a quorum with one member dead",
      policy: {
        groups: { etcd: { quorum: true } },
        hosts: Object.fromEntries([first, second, third].map((name) => [name, { group: "etcd" }])),
      },
      before: (lane) => lane.hosts[2]?.powerOff() ?? Promise.resolve(),
      heal: (lane) => lane.hosts[2]?.boot() ?? Promise.resolve(),
      expects: { outcome: "held", exit: 1, runs: "old", boots: "old" },
    },
    3,
  );
});
