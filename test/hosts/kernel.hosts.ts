import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rebootAttempts } from "../../src/reboot/attempts.ts";
import type { LedgerEntry } from "../../src/target/ledger.ts";
import { Fleet, type HostSpec } from "./fleet.ts";
import { Guest, whyNoGuest } from "./guest.ts";
import { cachedFirmware } from "./root.ts";
import { buildToplevel } from "./toplevels.ts";

/**
 * Reboots of a machine with kernels of its own, which a container cannot have: UEFI firmware, the real systemd-boot and bootctl, two kernels of Debian. `uname -r` and the command
 * line are what the kernel says of itself, and a kernel that panics really does.
 */
const missing = whyNoGuest();
if (missing !== undefined) process.stderr.write(`test/hosts/kernel.hosts.ts cannot run on this machine: ${missing}.\n`);

describe.skipIf(missing !== undefined)("a machine with kernels of its own", () => {
  let guest: Guest;
  let fleet: Fleet;
  let firmware: string;
  /** A panic starts the machine again after a second; what it says before is on the console. */
  const spec = (kernel: "old" | "new", more: Partial<HostSpec> = {}): HostSpec => ({
    kernel: readFileSync(join(firmware, "kernels", kernel, "release"), "utf8"),
    realKernel: join(firmware, "kernels", kernel),
    services: { hello: { version: "1.0" } },
    masked: unneeded,
    ...more,
    kernelParams: ["console=ttyS0", "panic=1", "quiet", "systemd.show_status=error", "mitigations=off", ...(more.kernelParams ?? [])],
  });
  const bootId = (): Promise<string> => guest.sh("cat /proc/sys/kernel/random/boot_id");
  const ledger = async (): Promise<LedgerEntry[]> =>
    (await guest.sh("cat /var/lib/nixos-deploy-gate/ledger.jsonl")).split("\n").map((line) => JSON.parse(line) as LedgerEntry);
  const booted = (): Promise<string> => guest.sh("readlink -f /run/booted-system");
  /** Firmware's variables that choose an entry. Their values are bytes; which of them exist is enough. */
  const pinned = (): Promise<string> =>
    guest.sh("cd /sys/firmware/efi/efivars && ls -1 | grep -E '^LoaderEntry(Default|OneShot)-' || true");

  beforeAll(async () => {
    firmware = await cachedFirmware();
    guest = await Guest.start({ host: "alpha", ...spec("old") }, firmware);
    fleet = new Fleet(guest.lab, 900);
    await fleet.begin();
  }, 1_200_000);
  afterAll(async () => {
    fleet?.remove();
    await guest?.stop();
  });

  type Row = { readonly outcome: { readonly outcome: string; readonly reasons: readonly string[] }; readonly diagnosis?: object };
  async function reboot(...words: string[]): Promise<Row & { readonly exitCode: number; readonly stderr: string }> {
    const result = await fleet.gate("reboot", "--json", ...words);
    if (!result.stdout.startsWith("{")) throw new Error(`gate reboot ended with ${result.exitCode}: ${result.stderr}\n${guest.tail()}`);
    const [row] = (JSON.parse(result.stdout) as { hosts: Row[] }).hosts;
    if (row === undefined) throw new Error(`gate reboot named no host: ${result.stdout}`);
    return { ...row, exitCode: result.exitCode, stderr: result.stderr };
  }
  const told = ({ outcome, stderr }: Awaited<ReturnType<typeof reboot>>): string =>
    `${outcome.reasons.join(" ")}\n${stderr}\n${guest.tail()}`;
  const policy = (windows: unknown): object => ({
    hosts: { alpha: { reboot: { windows, expectedSeconds: 120, marginSeconds: 0, returnSeconds: 600 } } },
  });
  function window(from: number, to: number): object {
    const clock = (hours: number): string => new Date(Date.now() + hours * 3_600_000).toISOString().slice(11, 16);
    return { from: clock(from), to: clock(to), zone: "UTC" };
  }

  let staged = 0;
  /** What a deploy leaves that only sets the boot default: the host's own boot loader step, and its lines in the ledger. */
  async function stage(next: HostSpec): Promise<string> {
    const to = await buildToplevel({ host: "alpha", revision: String((staged += 1)), ...next });
    expect((await guest.host.copy([to], { seconds: 300 })).exitCode).toBe(0);
    await guest.sh(`nix-env -p /nix/var/nix/profiles/system --set ${to} && ${to}/bin/switch-to-configuration boot`);
    const at = Math.floor(Date.now() / 1000);
    const id = `deploy-${String(at)}-${staged}`;
    const lines = [
      { v: 1, event: "started", at, bootId: await bootId(), attempt: { id, host: "alpha", operation: "boot", from: {}, to } },
      { v: 1, event: "ended", at, id, outcome: "staged", reason: "as-planned" },
    ].map((line) => `${JSON.stringify(line)}\n`);
    await guest.sh(`mkdir -p /var/lib/nixos-deploy-gate; printf %s '${lines.join("")}' >>/var/lib/nixos-deploy-gate/ledger.jsonl`);
    return to;
  }

  test("another kernel waits for its window, comes in it, and is proven by what the kernel says of itself", async () => {
    const old = readFileSync(join(firmware, "kernels/old/release"), "utf8");
    const wanted = readFileSync(join(firmware, "kernels/new/release"), "utf8");
    expect(await guest.sh("/usr/bin/uname -r")).toBe(old);
    const to = await stage(spec("new", { kernelParams: ["gate.test=second"] }));
    await fleet.commit({ alpha: spec("new", { kernelParams: ["gate.test=second"], revision: String(staged) }) }, policy([window(3, 5)]));
    const before = await bootId();

    const early = await reboot();
    expect([early.exitCode, early.outcome.outcome], told(early)).toEqual([0, "reboot-pending"]);
    expect(await bootId()).toBe(before);

    await fleet.commit({ alpha: spec("new", { kernelParams: ["gate.test=second"], revision: String(staged) }) }, policy([window(-1, 2)]));
    const done = await reboot();
    expect([done.exitCode, done.outcome.outcome], told(done)).toEqual([0, "rebooted"]);
    expect(await bootId()).not.toBe(before);
    expect(await guest.sh("/usr/bin/uname -r")).toBe(wanted);
    expect(await guest.sh("cat /proc/cmdline")).toContain(`init=${to}/init`);
    expect(await guest.sh("cat /proc/cmdline")).toContain("gate.test=second");
    expect(await booted()).toBe(to);
    expect(rebootAttempts(await ledger()).at(-1)).toMatchObject({ end: { kind: "rebooted", ok: true } });
    // It was tried once; now that it is proven the boot loader's default is loader.conf's again.
    expect(await pinned()).toBe("");
    expect((await reboot()).outcome.outcome).toBe("unchanged");
  }, 1_200_000);

  test("a kernel that panics: the old one boots by itself, which is said, and it is not tried again", async () => {
    const good = await booted();
    const before = await bootId();
    await stage(spec("old", { initrd: "This is no initrd." }));
    await fleet.commit({ alpha: spec("new") }, policy("any"));
    const tried = await reboot("--now");
    expect([tried.exitCode, tried.outcome.outcome], told(tried)).toEqual([1, "reboot-failed"]);
    expect(tried.outcome.reasons[0]).toContain(`came back with ${good}`);
    // Tried once, and nobody touched the machine: the entry for one boot was used up, and the default that was pinned is the old one.
    expect(guest.console().match(/Kernel panic - not syncing/g)).toHaveLength(1);
    expect(await pinned()).toMatch(/^LoaderEntryDefault-[0-9a-f-]+$/);
    expect(await guest.sh("/usr/bin/uname -r")).toBe(readFileSync(join(firmware, "kernels/new/release"), "utf8"));
    const after = await bootId();
    expect([after === before, await booted()]).toEqual([false, good]);
    expect(rebootAttempts(await ledger()).at(-1)).toMatchObject({ end: { kind: "rebooted", ok: false } });

    const again = await reboot("--now");
    expect([again.exitCode, again.outcome.outcome], told(again)).toEqual([3, "reboot-held"]);
    expect(await bootId()).toBe(after);
  }, 1_200_000);
});

/** Of what systemd does at boot, what costs an emulated machine seconds and nobody here asks for. */
const unneeded = [
  "modprobe@.service",
  "systemd-modules-load.service",
  "dev-mqueue.mount",
  "dev-hugepages.mount",
  "sys-kernel-debug.mount",
  "sys-kernel-tracing.mount",
  "sys-kernel-config.mount",
  "sys-fs-fuse-connections.mount",
  "run-lock.mount",
  "proc-sys-fs-binfmt_misc.automount",
];
