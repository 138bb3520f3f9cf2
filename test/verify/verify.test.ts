import { afterAll, describe, expect, test } from "vitest";
import type { Observation } from "../../src/target/observation.ts";
import { sysctlKeys, verifyHost } from "../../src/verify/verify.ts";
import { mount, observation, type Parts, running, stopped, World } from "./world.ts";

const world = new World();
afterAll(() => world.remove());

/** Family, subject and need of each miss, after a switch between two systems. */
function misses(from: Parts, to: Parts, before: Partial<Observation> = {}, after: Partial<Observation> = {}): string[] {
  const seen = world.switched(world.toplevel(from), world.toplevel(to), before, after);
  return verifyHost({ ...seen, store: world.store.files }).map((miss) => `${miss.family} ${miss.subject}: ${miss.found} (${miss.needs})`);
}
const web = (version: string, more = ""): string =>
  `[Unit]\n${more}[Service]\nExecStart=${world.path(`web-${version}`, version)}/bin/web\n`;
const unit = (text: string): Parts => ({ units: { "web.service": text }, wants: ["multi-user.target.wants/web.service"] });

test("a switch that took effect has no miss", () => {
  expect(misses({}, {})).toEqual([]);
});

describe("toplevel", () => {
  const [from, to, third] = [world.toplevel({}), world.toplevel({}), world.toplevel({})];
  const told = (after: Partial<Observation>, booted?: string): string[] => {
    const seen = world.switched(from, to, {}, after);
    const planned = booted === undefined ? seen.planned : { ...seen.planned, booted };
    return verifyHost({ ...seen, planned, store: world.store.files }).map((miss) => `${miss.subject}: ${miss.sentence}`);
  };
  test("success without effect is told as such", () => {
    expect(told({ current: from, profile: from })).toEqual([
      "current-system: The switch said that it succeeded, but nothing happened: the system from before is still active.",
      "profile: The boot default was not changed: the next boot brings the old system back.",
    ]);
  });
  test("another system is somebody else's", () => {
    expect(told({ current: third })[0]).toContain("somebody or something switched");
    expect(told({ current: undefined })).toEqual(["current-system: What is active on the host cannot be told."]);
    expect(told({ profile: third })[0]).toContain("neither");
  });
  test("what was booted is not what was active", () => {
    const seen = world.switched(from, to, { booted: third }, { current: from });
    expect(verifyHost({ ...seen, store: world.store.files })[0]?.sentence).toContain("nothing happened");
  });
  test("a reboot must end in the planned system", () => {
    expect(told({ booted: to }, to)).toEqual([]);
    expect(told({ booted: from }, to)[0]).toContain("has not: it is still the same boot");
    expect(told({ booted: from, bootId: "1" }, to)[0]).toContain("into the system that had been booted before");
    expect(told({ booted: third, bootId: "1" }, to)[0]).toContain("another system than the planned one");
  });
  test("a planned system that is not in this store cannot be compared", () => {
    const gone = `${world.store.prefix}/${"0".repeat(32)}-nixos-system-web-26.05`;
    const seen = world.switched(from, gone);
    expect(verifyHost({ ...seen, store: world.store.files }).map((miss) => miss.subject)).toEqual(["store"]);
  });
});

describe("failed units", () => {
  const told = (before: Partial<Observation>, after: Partial<Observation>): string[] => misses({}, {}, before, after);
  test("what had failed before is not blamed on the change, and what is fixed is fine", () => {
    expect(told({ failedUnits: ["backup.service"] }, { failedUnits: ["backup.service"] })).toEqual([]);
    expect(told({ failedUnits: ["backup.service"] }, { failedUnits: [] })).toEqual([]);
    const failed = stopped("web.service", { activeState: "failed", result: "exit-code", execMainStatus: 3 });
    expect(told({ failedUnits: ["backup.service"] }, { failedUnits: ["backup.service", "web.service"], units: [failed] })).toEqual([
      "unit web.service: failed with exit status 3 (restart)",
    ]);
  });
  test("our own activation is told by its outcome", () => {
    expect(told({}, { failedUnits: ["nixos-deploy-gate-activation.service"] })).toEqual([]);
  });
  test("a restart loop is no success", () => {
    const loop = running("web.service", {
      activeState: "activating",
      subState: "auto-restart",
      restarts: 4,
      result: "exit-code",
      execMainStatus: 1,
    });
    expect(told({}, { units: [loop] })).toEqual([
      "unit web.service: activating (auto-restart), restarted 4 times with exit status 1 (restart)",
    ]);
    expect(told({ units: [loop] }, { units: [loop] })).toEqual([]);
    // Up at the moment of the look.
    expect(told({}, { units: [running("web.service", { restarts: 3 })] })).toHaveLength(1);
    expect(told({ units: [running("web.service", { restarts: 40 })] }, { units: [running("web.service", { restarts: 40 })] })).toEqual([]);
    expect(told({ units: [running("web.service", { restarts: 40 })] }, { units: [running("web.service", { restarts: 1 })] })).toEqual([]);
  });
});

describe("units that are down", () => {
  const before = { units: [running("sshd.service"), running("web.service")] };
  const same = unit(web("1"));
  test("active before, still wanted, down now", () => {
    const after = { units: [running("sshd.service"), stopped("web.service")] };
    expect(misses(same, same, before, after)).toEqual(["unit web.service: inactive (dead) (restart)"]);
    expect(misses(same, same, before, { units: [running("sshd.service")] })).toEqual(["unit web.service: not loaded (restart)"]);
    // No longer wanted, gone, or down before already.
    expect(misses(same, { units: same.units ?? {} }, before, after)).toEqual([]);
    expect(misses(same, {}, before, after)).toEqual([]);
    expect(misses(same, same, after, after)).toEqual([]);
  });
  test("no list of units is no host without units", () => {
    expect(misses(same, same, before, { units: [] })).toEqual([]);
  });
  test("new and never started; not where a condition or its target keeps it down", () => {
    const never = stopped("web.service", { activeSince: undefined });
    expect(misses({}, same, {}, { units: [running("sshd.service"), never] })).toEqual(["unit web.service: inactive (dead) (restart)"]);
    // It has done its work, then and now.
    const ends = unit(`${web("1")}Type=oneshot\n`);
    expect(misses(ends, ends, before, { units: [running("sshd.service"), stopped("web.service")] })).toEqual([]);
    // Ran to its end by itself.
    expect(misses({}, same, {}, { units: [stopped("web.service")] })).toEqual([]);
    expect(misses({}, unit(web("1", "ConditionPathExists=/x\n")), {}, { units: [never] })).toEqual([]);
    expect(misses({}, same, {}, { units: [never, stopped("multi-user.target")] })).toEqual([]);
  });
});

describe("processes", () => {
  const [one, two] = [unit(web("1")), unit(web("2"))];
  const program = (version: string): string => `${world.path(`web-${version}`, version)}/bin/web`;
  const before = { units: [running("web.service", { executable: program("1") })] };
  const fresh = new Date("2026-11-22T22:05:00Z");
  test("a process out of the old store path", () => {
    const old = { units: [running("web.service", { executable: program("1"), activeSince: fresh })] };
    expect(misses(one, two, before, old)).toEqual([`process web.service: ${program("1").slice(0, -8)} (restart)`]);
    const interpreter = {
      units: [running("web.service", { executable: "/nix/store/x/bin/bash", runs: [program("1")], activeSince: fresh })],
    };
    expect(misses(one, two, before, interpreter)).toHaveLength(1);
    const now = { units: [running("web.service", { executable: program("2"), activeSince: fresh })] };
    expect(misses(one, two, before, now)).toEqual([]);
    expect(misses(one, one, before, before)).toEqual([]);
  });
  test("a process from before the deploy, whatever it runs", () => {
    const changed = unit(`${web("1")}Environment=A=b\n`);
    expect(misses(one, changed, before, before)).toEqual([
      "process web.service: a process from 2026-11-22T21:00:00.000Z, before the deploy (restart)",
    ]);
    expect(misses(one, changed, before, { units: [running("web.service", { activeSince: fresh })] })).toEqual([]);
    // What a switch does not compare changes nothing.
    expect(misses(one, unit(web("1", "Description=Web\n")), before, before)).toEqual([]);
  });
  test("left running by design waits for the reboot", () => {
    const kept = `${web("2")}X-RestartIfChanged=false\n`;
    expect(misses(one, unit(kept), before, before)).toEqual([`process web.service: ${program("1").slice(0, -8)} (reboot)`]);
  });
  test("instances of a template", () => {
    const template = (version: string): Parts => ({ units: { "web@.service": web(version) } });
    const instance = { units: [running("web@a.service", { executable: program("1") })] };
    expect(misses(template("1"), template("2"), instance, instance)).toHaveLength(1);
  });
  test("unit files that systemd has not read are one miss", () => {
    const stale = {
      units: [running("web.service", { needDaemonReload: true, activeSince: fresh }), running("other.service", { needDaemonReload: true })],
    };
    expect(misses(one, one, {}, stale)).toEqual(["process web.service: one unit that it has not read (daemon-reload)"]);
  });
  test("a program that was collected as garbage", () => {
    const gone = { units: [running("web.service", { executable: `${program("0")} (deleted)` })] };
    expect(misses(one, one, before, gone)).toEqual([`process web.service: ${program("0")} (deleted) (restart)`]);
    expect(misses(one, one, gone, gone)).toEqual([]);
  });
});

describe("kernel settings", () => {
  const setting = (text: string): Parts => ({ etc: { "sysctl.d/60-nixos.conf": text } });
  const told = (found: Record<string, string>, text = "net.ipv4.ip_forward=1\n"): string[] =>
    misses(setting("net.ipv4.ip_forward=0\nkernel.a=1\n"), setting(`${text}kernel.a=1\n`), {}, { sysctl: new Map(Object.entries(found)) });
  test("a changed setting must have its value", () => {
    expect(told({ "net.ipv4.ip_forward": "1" })).toEqual([]);
    expect(told({ "net.ipv4.ip_forward": "0" })).toEqual(["sysctl net.ipv4.ip_forward: 0 (restart)"]);
    expect(told({})).toEqual(["sysctl net.ipv4.ip_forward: not known (nothing)"]);
    expect(told({ "net.ipv4.ip_forward": "16" }, "net.ipv4.ip_forward=0x10\n")).toEqual([]);
    expect(told({ "kernel.kexec_load_disabled": "1" }, "kernel.kexec_load_disabled=0\n")).toEqual([
      "sysctl kernel.kexec_load_disabled: 1 (reboot)",
    ]);
  });
  test("the keys to ask for are those that changed, patterns left out", () => {
    const from = world.toplevel(setting("kernel.a=1\nkernel.b=1\n"));
    const to = world.toplevel(setting("kernel.a=1\nkernel.b=2\nnet/ipv4/conf/eth0.1/forwarding=1\nnet.ipv4.conf.*.rp_filter=2\n"));
    const { planned, before } = world.switched(from, to);
    expect(sysctlKeys(planned, before, world.store.files)).toEqual(["kernel.b", "net.ipv4.conf.eth0/1.forwarding"]);
    expect(sysctlKeys(planned, observation(), world.store.files)).toEqual([]);
  });
});

describe("sshd", () => {
  const config = (text: string): Parts => ({ etc: { "ssh/sshd_config": text } });
  const told = (from: string, to: string, shown: string[]): string[] =>
    misses(config(from), config(to), { sshd: ["port 22"] }, { sshd: shown });
  test("a changed directive must be in what sshd says", () => {
    expect(told("PermitRootLogin yes\n", "PermitRootLogin prohibit-password\n", ["permitrootlogin without-password"])).toEqual([]);
    expect(told("PermitRootLogin yes\n", "PermitRootLogin no\n", ["permitrootlogin yes"])).toEqual(["sshd permitrootlogin: yes (restart)"]);
    expect(told("", "Port 22\nPort 2222\n", ["port 22", "port 2222"])).toEqual([]);
    expect(told("", "Port 22\nPort 2222\n", ["port 22"])).toEqual(["sshd port: 22 (restart)"]);
    expect(told("", "AllowUsers ann bob\n", ["allowusers ann", "allowusers bob"])).toEqual([]);
    expect(told("", "LoginGraceTime 2m\n", ["logingracetime 120"])).toEqual([]);
    expect(told("", 'Subsystem sftp "/x/sftp-server"\n', ["subsystem sftp /x/sftp-server"])).toEqual([]);
    expect(told("", "Ciphers +aes128-cbc\nMatch User ann\n  X11Forwarding yes\n", ["ciphers a,b", "x11forwarding no"])).toEqual([]);
    expect(told("", "ListenAddress 10.0.0.1\n", ["listenaddress 10.0.0.1:22"])).toEqual([]);
  });
  test("an sshd that says nothing any more is the worst", () => {
    expect(told("UseDNS no\n", "Nonsense yes\n", [])).toEqual(["sshd sshd_config: no answer (person)"]);
    expect(told("UseDNS no\n", "UseDNS no\n", [])).toEqual([]);
  });
});

describe("ports", () => {
  const listening = (...ports: number[]): Partial<Observation> => ({
    listening: ports.map((port) => ({ protocol: "tcp", address: "0.0.0.0", port })),
    units: [running("sshd.service"), running("web.service")],
  });
  const same = unit(web("1"));
  test("lost without a reason in the change", () => {
    expect(misses(same, same, listening(22, 443), listening(22))).toEqual(["port tcp/443: nobody listens (person)"]);
    expect(misses(same, same, listening(22, 40_001), listening(22))).toEqual([]);
    expect(misses(same, same, listening(22), listening(22, 80))).toEqual([]);
    expect(misses(same, same, listening(22, 443), { listening: [], units: listening(22).units ?? [] })).toEqual([]);
  });
  test("lost with the service that went, unless the firewall lets it through", () => {
    expect(misses(same, {}, listening(22, 443), { ...listening(22), units: [running("sshd.service")] })).toEqual([]);
    const firewall = {
      units: {
        "firewall.service": `[Service]\nExecStart=${world.path("firewall-start", "ip46tables -A nixos-fw -p tcp --dport 443 -j nixos-fw-accept\n")}\n`,
      },
    };
    expect(misses({ ...same, units: { ...same.units, ...firewall.units } }, firewall, listening(22, 443), listening(22))).toEqual([
      "port tcp/443: nobody listens (person)",
    ]);
  });
  test("only this machine can reach it now", () => {
    const local = { protocol: "tcp" as const, address: "127.0.0.1", port: 443 };
    const after = { ...listening(22), listening: [...(listening(22).listening ?? []), local] };
    expect(misses(same, same, listening(22, 443), after)).toEqual(["port tcp/443: listens on the machine itself (person)"]);
  });
});

test("the worst comes first, what cannot be told last", () => {
  const from = { etc: { fstab: "/dev/vda1 / ext4\n" } };
  const to = {
    etc: {
      fstab: "/dev/vda1 / ext4\n/dev/vdb /srv ext4\n/dev/disk/by-label/x none swap\n",
      "sysctl.d/60-nixos.conf": "kernel.a=1\nkernel.b=1\n",
    },
  };
  const told = misses(
    from,
    to,
    {},
    { failedUnits: ["web.service"], sysctl: new Map([["kernel.a", "0"]]), mounts: [mount("/", "/dev/vda1", "ext4")] },
  );
  expect(told).toEqual([
    "unit web.service: failed (restart)",
    "mount /srv: not mounted (person)",
    "sysctl kernel.a: 0 (restart)",
    "mount /dev/disk/by-label/x: not known (nothing)",
    "sysctl kernel.b: not known (nothing)",
  ]);
});
