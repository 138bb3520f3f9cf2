import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, copyFileSync, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { attempt, must, type Result, run, until } from "./command.ts";
import type { LabHost } from "./host.ts";
import { type Lab, startLab } from "./lab.ts";
import type { ToplevelSpec } from "./toplevels.ts";

const megabyte = 1 << 20;
/** A guest that does nothing but start again is not left to do so for ever. */
const mostStarts = 20;

/**
 * One host of a lab as a machine with a kernel of its own: QEMU without KVM, UEFI firmware, the real systemd-boot with its EFI variables, the real bootctl. What a container can
 * only play is real here: which entry boots, `uname -r`, a kernel that panics. It is slow (a boot takes half a minute), and everything inside is asked by ssh.
 */
export class Guest {
  readonly lab: Lab;
  readonly host: LabHost;
  readonly #firmware: string;
  readonly #home: string;
  #machine: ChildProcess | undefined;
  #stopped = false;
  #starts = 0;

  private constructor(lab: Lab, firmware: string) {
    this.lab = lab;
    const [host] = lab.hosts.values();
    if (host === undefined) throw new Error("The lab has no host");
    this.host = host;
    this.#firmware = firmware;
    this.#home = join(host.rootDirectory, "..", "guest");
  }

  /** Installs the toplevel as generation 1 onto disks and boots them. */
  static async start(spec: ToplevelSpec, firmware: string): Promise<Guest> {
    const lab = await startLab({ hosts: [spec], boot: false, bootBytes: 120 * megabyte });
    try {
      const guest = new Guest(lab, firmware);
      await guest.#makeDisks();
      guest.#start();
      await guest.up();
      return guest;
    } catch (error) {
      await lab.stop();
      throw error;
    }
  }

  /** Half a system in memory is none: the root directory becomes a file system on a disk, and /boot another one that firmware can read. */
  async #makeDisks(): Promise<void> {
    const root = this.host.rootDirectory;
    mkdirSync(this.#home);
    const bootctl = '#!/bin/sh\nLD_LIBRARY_PATH=/usr/lib/bootctl exec /usr/lib/bootctl/bootctl "$@"\n';
    await must(["sh", "-euc", disks, "disks", root, this.#home, this.#firmware, bootctl], { seconds: 180 });
    copyFileSync(join(this.#firmware, "OVMF_VARS_4M.fd"), join(this.#home, "variables.fd"));
  }

  /**
   * A reset of the guest ends QEMU, which is then started anew on the same disks and variables: an emulated processor keeps what it translated of the kernel before and checks each
   * write to those pages against it, so that firmware, which unpacks itself there, would take a quarter of an hour and not five seconds.
   */
  #start(): void {
    const { place } = this.lab;
    const disk = (name: string, more = ""): string[] => [
      "-drive",
      `if=none,id=${name},format=raw,cache=unsafe,file=${join(this.#home, `${name}.img`)}`,
      "-device",
      `virtio-blk-pci,drive=${name}${more}`,
    ];
    const flash = (file: string, more = ""): string[] => ["-drive", `if=pflash,format=raw,file=${file}${more}`];
    const tap = `vb-${place.bridge}-q`;
    const qemu = [
      "qemu-system-x86_64",
      // QEMU 7.2 now and then loses the flags of cmpxchg16b, on which Linux 6.12 panics early; a kernel that sees no such instruction does without.
      ..."-cpu qemu64,-cx16".split(" "),
      ..."-machine q35 -accel tcg -m 768 -smp 1 -no-reboot -nodefaults -display none -serial stdio".split(" "),
      ...flash(join(this.#firmware, "OVMF_CODE_4M.fd"), ",readonly=on"),
      ...flash(join(this.#home, "variables.fd")),
      ...disk("root"),
      ...disk("boot", ",bootindex=0"),
      ...`-netdev tap,id=net,ifname=${tap},script=no,downscript=no -device virtio-net-pci,netdev=net,romfile=`.split(" "),
      ..."-device virtio-rng-pci".split(" "),
    ];
    const cgroup = join(place.directory, "cgroup", place.bridge, "guest");
    mkdirSync(cgroup, { recursive: true });
    // A file, so that whoever wonders what the guest does can follow it while it does it.
    const console = openSync(this.consoleFile, "a");
    const child = spawn("setpriv", ["--pdeathsig", "KILL", "sh", "-euc", enter, "guest", cgroup, tap, place.bridge, ...qemu], {
      stdio: ["ignore", console, console],
    });
    closeSync(console);
    this.#machine = child;
    child.on("exit", (code) => {
      this.#machine = undefined;
      // Not where it was killed or could not run. Nothing here powers itself off.
      if (code === 0 && !this.#stopped && (this.#starts += 1) < mostStarts) this.#start();
    });
  }

  get consoleFile(): string {
    return join(this.#home, "console");
  }

  /** Everything that firmware, kernels and systemd have said. */
  console(): string {
    return existsSync(this.consoleFile) ? readFileSync(this.consoleFile, "utf8").replaceAll("\r", "") : "";
  }

  /** The last of it, for the message of whatever failed: only the console knows why a machine does not answer. */
  tail(characters = 3_000): string {
    return `The console ends with:\n${this.console().slice(-characters)}`;
  }

  /** Runs a shell program in the guest, by ssh as root. */
  async sh(program: string): Promise<string> {
    const result = await this.ssh(program);
    if (result.exitCode !== 0)
      throw new Error(`${program} ended with ${result.exitCode}: ${result.stderr}${result.stdout}\n${this.tail()}`);
    return result.stdout.trim();
  }

  ssh(program: string): Promise<Result> {
    return run(["ssh", ...this.host.sshArguments(), program], { seconds: 120 });
  }

  /** Waits until systemd has finished starting. An emulated processor on a busy machine is slower than anybody would think. */
  async up(seconds = 600): Promise<void> {
    const trouble = (): string => `The guest is not up. ${this.tail()}`;
    await until(trouble, seconds, async () => {
      if (this.#machine === undefined) throw new Error(`The guest is off. ${trouble()}`);
      if (!(await this.host.answers())) return undefined;
      const state = await run(["ssh", ...this.host.sshArguments(), "systemctl is-system-running"], { seconds: 20 });
      return /^(running|degraded)$/m.test(state.stdout) ? true : undefined;
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#machine?.kill("SIGKILL");
    await this.lab.stop();
  }
}

/** Why this machine cannot run a guest; undefined where it can. */
export function whyNoGuest(): string | undefined {
  for (const program of ["qemu-system-x86_64", "mkfs.ext4", "mkfs.vfat", "mcopy", "cpio"])
    if (attempt("sh", "-c", 'command -v "$0"', program) === "") return `there is no ${program} (sh .ci/setup guest installs it)`;
  if (process.arch !== "x64") return "its kernels are those of x86_64";
  try {
    readFileSync("/sys/class/misc/tun/dev");
  } catch {
    return "there is no /dev/net/tun";
  }
  return undefined;
}

const disks = `
root=$1 home=$2 firmware=$3
mkdir -p "$root/usr/lib/bootctl"
cp "$firmware"/bootctl/* "$root/usr/lib/bootctl/"
printf '%s' "$4" >"$root/usr/bin/bootctl"
chmod 755 "$root/usr/bin/bootctl"
mkfs.vfat -C "$home/boot.img" 131072 >/dev/null
mmd -i "$home/boot.img" ::/EFI ::/EFI/BOOT
mcopy -i "$home/boot.img" "$firmware/systemd-bootx64.efi" ::/EFI/BOOT/BOOTX64.EFI
mcopy -s -n -D s -i "$home/boot.img" "$root"/boot/* ::/
rm -rf "$root"/boot/*
# Nothing is newer than these: what a first boot makes anew of a Debian is not needed here.
touch "$root/etc/.updated" "$root/var/.updated"
truncate -s 2G "$home/root.img"
mkfs.ext4 -q -F -m 0 -E lazy_itable_init=1,lazy_journal_init=1 -d "$root" "$home/root.img"`;

/** Puts itself into the lab's control group, with which it is ended, and onto the lab's bridge. */
const enter = `
cgroup=$1 tap=$2 bridge=$3
shift 3
echo 0 >"$cgroup/cgroup.procs"
[ -e "/sys/class/net/$tap" ] || ip tuntap add dev "$tap" mode tap
ip link set dev "$tap" master "$bridge" up
exec "$@"`;
