import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run, until } from "./command.ts";
import type { LabHost } from "./host.ts";
import { type Lab, startLab } from "./lab.ts";
import { broken, buildToplevel, type ToplevelSpec } from "./toplevels.ts";

/** That the hosts are what the other tests take them for: real machines, which do what NixOS does where a deployer can see it. */
const checkout = resolve(import.meta.dirname, "../..");
let lab: Lab;
let alpha: LabHost;
let beta: LabHost;
let gamma: LabHost;

beforeAll(async () => {
  lab = await startLab({ hosts: [{ host: "alpha", services: { hello: {} } }, "beta", "gamma"], shares: [checkout] });
  [alpha, beta, gamma] = [lab.host("alpha"), lab.host("beta"), lab.host("gamma")];
});
afterAll(async () => {
  await lab.stop();
});

/** Builds a toplevel and brings it to the host. */
async function bring(host: LabHost, spec: Omit<ToplevelSpec, "host"> = {}): Promise<string> {
  const toplevel = await buildToplevel({ host: host.name, ...spec });
  const copied = await host.copy([toplevel]);
  expect(copied.stderr.replaceAll(/^copying .*\n/gm, "")).toBe("");
  expect(copied.exitCode).toBe(0);
  return toplevel;
}

describe("a host", () => {
  test("is a machine of its own that takes its key and shows its own", async () => {
    const ids = await Promise.all([alpha, beta, gamma].map((host) => host.ssh("cat /etc/machine-id /proc/sys/kernel/hostname; id -u")));
    expect(ids.map((id) => id.stdout)).toEqual([alpha, beta, gamma].map((host) => `${host.machineId}\n${host.name}\n0\n`));
    expect(new Set([alpha, beta, gamma].map((host) => host.machineId)).size).toBe(3);
    expect(new Set(await Promise.all([alpha, beta, gamma].map((host) => host.bootId()))).size).toBe(3);
    expect((await beta.ssh("sudo -n id -un; id -un", { user: "deploy" })).stdout).toBe("root\ndeploy\n");
    expect(lab.knownHosts.split("\n")[1]).toBe(`${beta.address} ${beta.hostKey}`);
  });

  test("looks like NixOS from inside", async () => {
    const { current, booted, profile, loader } = await beta.systems();
    expect(basename(current)).toMatch(/^[a-z0-9]{32}-nixos-system-beta-26\.05/);
    expect([booted, profile, loader]).toEqual([current, current, current]);
    expect(
      await beta.sh(
        "ls -d /etc/NIXOS; . /etc/os-release; echo $ID; systemctl is-system-running; readlink -f /etc/systemd/system/sshd.service | cut -d- -f2-",
      ),
    ).toBe("/etc/NIXOS\nnixos\nrunning\nsystem-units/sshd.service");
    expect(await beta.sh("uname -r; cat /proc/cmdline; systemctl show -p FragmentPath --value sshd.service")).toBe(
      `6.12.40\ninit=${current}/init loglevel=4\n/etc/systemd/system/sshd.service`,
    );
    expect(await beta.sh("ls /nix/var/nix/profiles; cat /boot/loader/loader.conf")).toMatch(
      /system\nsystem-1-link\ntimeout 0\ndefault nixos-generation-1\.conf$/,
    );
  });

  test("has no way out of the lab", async () => {
    expect(await beta.sh("ip -o route")).toBe(`${lab.network.prefix} dev host0 proto kernel scope link src ${beta.address}`);
  });

  test("has the directories that were shared with it, to read", async () => {
    const gate = await gamma.exec([`${checkout}/node_modules/.bin/node`, `${checkout}/src/cli.ts`, "--help"]);
    expect([gate.exitCode, gate.stderr]).toEqual([0, ""]);
    expect((await gamma.exec(["touch", `${checkout}/package.json`])).exitCode).toBe(1);
  });

  test("refuses unsigned paths by ssh-ng unless it is told not to check", async () => {
    const toplevel = await buildToplevel({ host: "gamma", revision: "unsigned" });
    const refused = await gamma.copy([toplevel], { checkSignatures: true });
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr).toMatch(/signature/);
  });
});

describe("a switch", () => {
  test("restarts what changed, keeps what did not, and lasts over a reboot", async () => {
    const from = await alpha.systems();
    const keeps = { keeps: { version: "1.0" } };
    const first = await bring(alpha, { services: { hello: {}, ...keeps } });
    expect((await alpha.activate(first, "switch")).exitCode).toBe(0);
    const before = await alpha.sh(
      "systemctl show -p MainPID --value hello keeps; readlink -f /proc/$(systemctl show -p MainPID --value hello)/exe",
    );
    const to = await bring(alpha, { services: { hello: { version: "2.0" }, fresh: {}, ...keeps } });
    const dry = await alpha.activate(to, "dry-activate");
    expect(dry.stderr).toMatch(
      /^would stop the following units: hello\.service\nwould activate the configuration\.\.\.\nwould start the following units: hello\.service$/m,
    );
    expect((await alpha.systems()).current).toBe(first);

    const switched = await alpha.activate(to, "switch");
    expect(switched.exitCode).toBe(0);
    expect(switched.stdout).toBe("");
    expect(switched.stderr).toContain("stopping the following units: hello.service\nactivating the configuration...\n");
    expect(switched.stderr).toContain(
      "\nstarting the following units: hello.service\nthe following new units were started: fresh.service\n",
    );
    const after = await alpha.sh(
      "systemctl show -p MainPID --value hello keeps; readlink -f /proc/$(systemctl show -p MainPID --value hello)/exe",
    );
    expect(before.split("\n")[3]).toMatch(/-hello-1\.0\/bin\/hello$/);
    expect(after.split("\n")[3]).toMatch(/-hello-2\.0\/bin\/hello$/);
    expect(after.split("\n")[0]).not.toBe(before.split("\n")[0]);
    expect(after.split("\n")[2]).toBe(before.split("\n")[2]);
    expect(await alpha.systems()).toEqual({ current: to, booted: from.booted, profile: to, loader: to });

    const [bootId, since] = [await alpha.bootId(), alpha.boots];
    expect((await alpha.ssh("systemctl reboot")).exitCode).toBeOneOf([0, 255]);
    await alpha.rebooted(since);
    expect(await alpha.bootId()).not.toBe(bootId);
    expect(await alpha.systems()).toEqual({ current: to, booted: to, profile: to, loader: to });
    expect(await alpha.sh("systemctl is-active hello fresh keeps; systemctl is-system-running")).toBe("active\nactive\nactive\nrunning");
  });

  test("leaves a unit that must not be restarted on its old program, and says so", async () => {
    const stays = (version: string) => ({ stays: { version, service: { "X-RestartIfChanged": "false" } } });
    expect((await gamma.activate(await bring(gamma, { services: stays("1.0") }), "test")).exitCode).toBe(0);
    const switched = await gamma.activate(await bring(gamma, { services: stays("2.0") }), "test");
    expect(switched.exitCode).toBe(0);
    expect(switched.stderr).toContain("NOT restarting the following changed units: stays.service");
    expect(await gamma.sh("readlink /proc/$(systemctl show -p MainPID --value stays)/exe")).toMatch(/-stays-1\.0\//);
  });

  test("restarts in place, reloads, stops what went and knows pending words of triggers", async () => {
    const services = (version: string) => ({
      inplace: { version, service: { "X-StopIfChanged": "false" } },
      reloads: { reload: "touch /run/reloaded", unit: { "X-Reload-Triggers": version } },
      described: { description: version },
    });
    expect((await gamma.activate(await bring(gamma, { services: { ...services("1"), goes: {} } }), "test")).exitCode).toBe(0);
    const switched = await gamma.activate(await bring(gamma, { services: services("2") }), "test");
    expect(switched.exitCode).toBe(0);
    expect(switched.stderr).toMatch(/^stopping the following units: goes\.service$/m);
    expect(switched.stderr).toMatch(/^reloading the following units: reloads\.service$/m);
    expect(switched.stderr).toMatch(/^restarting the following units: inplace\.service$/m);
    expect(switched.stderr).not.toContain("described");
    expect(await gamma.sh("ls /run/reloaded; systemctl is-active reloads; systemctl show -p LoadState --value goes")).toBe(
      "/run/reloaded\nactive\nnot-found",
    );
  });

  test("applies sysctls, and of a mount's options those that a remount can apply", async () => {
    const options = (text: string, backlog: string) => ({
      fstab: [`scratch /srv tmpfs ${text} 0 0`],
      sysctl: { "net.core.somaxconn": backlog },
    });
    expect((await gamma.activate(await bring(gamma, options("size=1m,mode=700", "1000")), "test")).exitCode).toBe(0);
    expect(await gamma.sh("findmnt -no OPTIONS /srv; cat /proc/sys/net/core/somaxconn")).toMatch(/size=1024k,.*mode=700.*\n1000$/);
    const switched = await gamma.activate(await bring(gamma, options("size=2m,mode=755", "2000")), "test");
    expect(switched.exitCode).toBe(0);
    expect(switched.stderr).toMatch(/^reloading the following units: srv\.mount$/m);
    expect(await gamma.sh("findmnt -no OPTIONS /srv; cat /proc/sys/net/core/somaxconn")).toMatch(/size=2048k,.*mode=700.*\n2000$/);
    expect((await gamma.activate(await bring(gamma), "test")).stderr).toMatch(
      /^stopping the following units: srv\.mount, systemd-sysctl\.service$/m,
    );
  });
});

describe("exit codes", () => {
  test("1: an inhibitor, unless it is not asked", async () => {
    const to = await bring(beta, { inhibitors: { "dbus-implementation": "broker" } });
    const { current, loader } = await beta.systems();
    const refused = await beta.activate(to, "switch");
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain("dbus-implementation : dbus -> broker");
    expect(refused.stderr).toMatch(/Pre-switch check 'switchInhibitors' failed\nPre-switch checks failed\n$/);
    expect(await beta.systems()).toMatchObject({ current, loader, profile: to });
    expect((await beta.activate(to, "dry-activate")).exitCode).toBe(1);
    expect((await beta.activate(to, "dry-activate", { checks: false })).exitCode).toBe(0);
    expect((await beta.activate(to, "boot")).exitCode).toBe(0);
    expect(await beta.systems()).toMatchObject({ current, loader: to });
  });

  test("1: the boot loader, by a fault or because /boot is full", async () => {
    const { current, loader } = await beta.systems();
    await beta.sh("touch /boot/loader-broken");
    const to = await bring(beta, { kernel: "6.12.41" });
    const failed = await beta.activate(to, "switch");
    await beta.sh("rm /boot/loader-broken");
    expect([failed.exitCode, failed.stderr.split("\n").at(-2)]).toEqual([1, "Failed to install bootloader"]);
    await beta.fillDisk("boot", 8192);
    const full = await beta.activate(to, "boot");
    await beta.freeDisk("boot");
    expect(full.exitCode).toBe(1);
    expect(full.stderr).toContain("No space left on device");
    expect(await beta.systems()).toMatchObject({ current, loader, profile: to });
    expect((await beta.activate(to, "boot")).exitCode).toBe(0);
  });

  test("2: the activation script, and everything else goes on", async () => {
    const to = await bring(gamma, { ...broken.activation, services: { later: {} } });
    const switched = await gamma.activate(to, "test");
    expect(switched.exitCode).toBe(2);
    expect(switched.stderr).toContain("Failed to run activate script");
    expect((await gamma.systems()).current).toBe(to);
    expect(await gamma.sh("systemctl is-active later")).toBe("active");
  });

  test("4: a unit that fails, also where the activation script failed before", async () => {
    const to = await bring(gamma, { ...broken.activation, ...broken.unit });
    const switched = await gamma.activate(to, "test");
    expect(switched.exitCode).toBe(4);
    expect(switched.stderr).toContain("Failed to run activate script");
    expect(switched.stderr).toContain("warning: the following units failed: broken.service");
    expect((await gamma.systems()).current).toBe(to);
  });

  test("11: the lock is held", async () => {
    const to = await bring(gamma);
    const slow = await bring(gamma, { activation: "touch /run/activating; while [ -e /run/activating ]; do sleep 0.1; done" });
    const running = gamma.activate(slow, "test");
    await gamma.sh("while [ ! -e /run/activating ]; do sleep 0.05; done");
    const locked = await gamma.activate(to, "test");
    await gamma.sh("rm /run/activating");
    expect([locked.exitCode, locked.stderr]).toEqual([11, "Could not acquire lock\n"]);
    expect((await running).exitCode).toBe(0);
    expect((await gamma.activate(to, "test")).exitCode).toBe(0);
  });

  test("100: another init, after the boot loader was written", async () => {
    const to = await bring(gamma, { initInterfaceVersion: "systemd 3" });
    const { current } = await gamma.systems();
    expect((await gamma.activate(to, "test")).exitCode).toBe(100);
    expect((await gamma.activate(to, "switch")).exitCode).toBe(100);
    expect(await gamma.systems()).toMatchObject({ current, loader: to });
  });
});

describe("trouble", () => {
  test("a power cut boots what the loader says, which is not the profile and not what ran", async () => {
    const staged = await bring(beta, { kernel: "6.13.1", kernelParams: ["quiet"] });
    const tested = await bring(beta, { services: { tested: {} } });
    expect((await beta.activate(staged, "boot")).exitCode).toBe(0);
    expect((await beta.activate(tested, "test", { checks: false })).exitCode).toBe(0);
    await beta.sh("nix-env -p /nix/var/nix/profiles/system --set $1", tested);
    const bootId = await beta.bootId();
    await beta.powerOff();
    expect(beta.isOn).toBe(false);
    expect(beta.lastExit).toBe(137);
    expect(await beta.answers()).toBe(false);
    await beta.boot();
    expect(await beta.bootId()).not.toBe(bootId);
    expect(await beta.systems()).toEqual({ current: staged, booted: staged, profile: tested, loader: staged });
    expect(await beta.sh("uname -r; cat /proc/cmdline")).toBe(`6.13.1\ninit=${staged}/init quiet`);
  });

  test("a one-shot entry boots once; a kernel that panics does not come back by itself", async () => {
    const panics = await bring(beta, broken.kernel);
    const { loader } = await beta.systems();
    // An entry that is not there is passed over, as by the real boot loader.
    await beta.sh("bootctl set-oneshot nixos-generation-999.conf; ! [ -e /boot/loader-oneshot ]");
    expect((await beta.activate(panics, "boot")).exitCode).toBe(0);
    const entry = await beta.sh("sed -n 's/^default //p' /boot/loader/loader.conf");
    expect((await beta.activate(loader, "boot")).exitCode).toBe(0);
    await beta.sh('bootctl set-oneshot "$1"', entry);
    await beta.exec(["systemctl", "reboot"]);
    await beta.off();
    expect(beta.lastExit).toBe(1);
    expect(beta.console()).toContain(`loader: booting ${panics}\n`);
    await beta.boot();
    expect((await beta.systems()).booted).toBe(loader);
  });

  test("a poweroff stays off", async () => {
    await beta.exec(["systemctl", "poweroff"]);
    await beta.off();
    expect(beta.lastExit).toBe(0);
    await beta.boot();
  });

  test("a cut network is silent, and lasts over a reboot", async () => {
    beta.cutNetwork();
    expect(await beta.answers()).toBe(false);
    expect(await beta.sh("ip -br link show host0")).toContain("LOWER_UP");
    const since = beta.boots;
    await beta.exec(["systemctl", "reboot"]);
    await beta.rebooted(since);
    expect(await beta.answers()).toBe(false);
    beta.restoreNetwork();
    expect((await beta.ssh("true")).exitCode).toBe(0);
  });

  test("a firewall, a broken sshd and a network that goes down each cut ssh, and a switch back heals", async () => {
    const { current } = await beta.systems();
    for (const [change, exit] of [
      [broken.firewall, 0],
      [broken.sshd, 4],
      [broken.network, 0],
    ] as const) {
      const to = await bring(beta, change);
      expect((await beta.activate(to, "test", { checks: false })).exitCode, Object.keys(change)[0]).toBe(exit);
      expect(await beta.answers(), Object.keys(change)[0]).toBe(false);
      expect((await beta.systems()).current).toBe(to);
      const back = await beta.activate(current, "test", { checks: false });
      expect(back.exitCode, back.stderr).toBe(0);
      if (change === broken.network) await beta.sh("ip link set host0 up");
      expect(await beta.answers(), Object.keys(change)[0]).toBe(true);
    }
  });

  test("a firewall that closes port 22 leaves the connections that are there", async () => {
    const to = await bring(beta, broken.port22);
    const { current } = await beta.systems();
    const control = join(tmpdir(), `lab-${process.pid}`);
    const master = ["-o", `ControlPath=${control}`, ...beta.sshArguments()];
    expect((await run(["ssh", "-f", "-N", "-M", ...master])).exitCode).toBe(0);
    expect((await beta.activate(to, "test", { checks: false })).exitCode).toBe(0);
    expect(await beta.answers()).toBe(false);
    expect((await run(["ssh", ...master, "hostname"])).stdout).toBe("beta\n");
    expect((await beta.activate(current, "test", { checks: false })).exitCode).toBe(0);
    await run(["ssh", "-O", "exit", ...master]);
    expect(await beta.answers()).toBe(true);
  });

  test("a stop job that hangs holds the switch and its lock", async () => {
    const hangs = await bring(gamma, { services: { hangs: { stop: "sleep infinity", service: { TimeoutStopSec: "infinity" } } } });
    expect((await gamma.activate(hangs, "test")).exitCode).toBe(0);
    const to = await bring(gamma);
    const running = gamma.activate(to, "test", { seconds: 60 });
    await gamma.sh("until systemctl list-jobs --plain | grep -q 'hangs.service.*stop'; do sleep 0.05; done");
    expect((await gamma.activate(to, "test")).exitCode).toBe(11);
    await gamma.sh("systemctl kill --signal=KILL hangs.service");
    expect((await running).exitCode).toBe(0);
  });

  test("a full store takes no closure", async () => {
    const to = await buildToplevel({ host: "gamma", payloadBytes: 8 << 20 });
    await gamma.fillDisk("store", 4 << 20);
    const full = await gamma.copy([to]);
    await gamma.freeDisk("store");
    expect(full.exitCode).not.toBe(0);
    expect(full.stderr).toContain("No space left on device");
    expect((await gamma.copy([to])).exitCode).toBe(0);
  });
});

test("a lab that is killed leaves no machine, and the next one clears the rest", async () => {
  const program = `
    import { startLab } from ${JSON.stringify(join(import.meta.dirname, "lab.ts"))};
    const lab = await startLab({ hosts: ["killed"] });
    console.log(lab.key, lab.network.bridge);
    setInterval(() => {}, 1000);`;
  for (const signal of ["SIGKILL", "SIGINT"] as const) {
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: ["ignore", "pipe", "inherit"] });
    const told = await new Promise<string>((resolve) => child.stdout.once("data", (data: Buffer) => resolve(data.toString())));
    const [key = "", bridge = ""] = told.trim().split(" ");
    expect(existsSync(key)).toBe(true);
    const machines = () => run(["pgrep", "--full", `machine=${bridge}-`]).then((found) => found.exitCode);
    expect(await machines()).toBe(0);
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await gone;
    await until(
      () => "the machine still runs",
      10,
      async () => ((await machines()) === 1 ? true : undefined),
    );
    if (signal === "SIGKILL") await (await startLab({ hosts: ["next"], boot: false })).stop();
    expect(existsSync(key)).toBe(false);
    expect(existsSync(`/sys/class/net/${bridge}`)).toBe(false);
  }
});

test("a second lab runs beside the first, and leaves nothing behind", async () => {
  const other = await startLab({ hosts: ["delta"] });
  expect(other.network.prefix).not.toBe(lab.network.prefix);
  expect((await other.host("delta").ssh("hostname")).stdout).toBe("delta\n");
  await other.stop();
  expect(existsSync(other.key)).toBe(false);
  expect(readdirSync("/sys/class/net").filter((name) => name.includes(other.network.bridge))).toEqual([]);
  expect((await alpha.ssh("hostname")).stdout).toBe("alpha\n");
});
