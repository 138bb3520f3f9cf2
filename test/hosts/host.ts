import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statfsSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { attempt, must, pause, type Result, run, until } from "./command.ts";
import { endGroup, type Place } from "./place.ts";

const megabyte = 1 << 20;

/** Sizes of the file systems that a test may fill. */
const sizes = { store: 512 * megabyte, boot: 16 * megabyte };

/**
 * One machine. What happens to it in a test, it notices only as a real one would: `exec` comes in by the kernel and not by the network, so that it works when
 * ssh does not.
 */
export class LabHost {
  readonly name: string;
  readonly address: string;
  readonly machineId = randomBytes(16).toString("hex");
  /** The host's / as it is seen from here, its /nix and /boot included. What is mounted by the host itself is not in it. */
  readonly rootDirectory: string;
  /** `ssh-ed25519 AAAA…` */
  hostKey = "";
  /** How often the machine was started or started itself. */
  boots = 0;
  /** Why it is off: the exit code of its last run. 0 is a poweroff, 1 a loader or kernel that gave up, 137 a power cut. */
  lastExit: number | undefined;

  readonly #place: Place;
  readonly #index: number;
  readonly #key: string;
  #machine: ChildProcess | undefined;
  #console: Buffer[] = [];
  #cut = false;

  constructor(place: Place, index: number, name: string, key: string) {
    this.#place = place;
    this.#index = index;
    this.#key = key;
    this.name = name;
    this.address = `${place.network}.${10 + index}`;
    this.rootDirectory = join(place.directory, "hosts", name, "root");
  }

  get #directory(): string {
    return join(this.#place.directory, "hosts", this.name);
  }
  get #machineName(): string {
    return `${this.#place.bridge}-${this.#index}`;
  }
  get #interface(): string {
    return `vb-${this.#machineName}`;
  }

  /** Lays the host's own layer over the root directory, with a file system each for /nix and /boot, and installs `toplevel` from this process's store as generation 1. */
  async install(base: string, toplevel: string): Promise<void> {
    for (const name of ["root", "upper", "work", "nix", "boot"]) mkdirSync(join(this.#directory, name), { recursive: true });
    const layers = `lowerdir=${base},upperdir=${join(this.#directory, "upper")},workdir=${join(this.#directory, "work")}`;
    await must(["mount", "-t", "overlay", "-o", layers, "overlay", this.rootDirectory]);
    for (const [name, size] of [["nix", sizes.store] as const, ["boot", sizes.boot] as const])
      await must(["mount", "-t", "tmpfs", "-o", `size=${size},mode=755`, name, join(this.rootDirectory, name)]);

    const file = (path: string, text: string, mode = 0o644) => writeFileSync(join(this.rootDirectory, path), text, { mode });
    file("etc/machine-id", `${this.machineId}\n`, 0o444);
    file("etc/machine-network", `${this.address}/24\n`);
    await must([
      "ssh-keygen",
      "-q",
      "-t",
      "ed25519",
      "-N",
      "",
      "-C",
      this.name,
      "-f",
      join(this.rootDirectory, "etc/ssh/ssh_host_ed25519_key"),
    ]);
    this.hostKey = readFileSync(join(this.rootDirectory, "etc/ssh/ssh_host_ed25519_key.pub"), "utf8").split(" ").slice(0, 2).join(" ");

    const closure = (await must(["nix-store", "--query", "--requisites", toplevel])).trim().split("\n");
    await must(["unshare", "--mount", "sh", "-euc", provision, "provision", this.rootDirectory, toplevel, `${this.#key}.pub`, ...closure], {
      seconds: 120,
    });
  }

  /** Turns the machine on and waits until it is up; `wait: false` returns at once. */
  async boot(options: { wait?: boolean; seconds?: number } = {}): Promise<void> {
    if (this.#machine !== undefined) throw new Error(`${this.name} is on`);
    this.#start();
    if (options.wait !== false) await this.up(options.seconds);
  }

  #start(): void {
    const cgroup = join(this.#place.directory, "cgroup", this.#place.bridge, String(this.#index));
    endGroup(join(this.#place.directory, "cgroup"), join(this.#place.bridge, String(this.#index)));
    mkdirSync(cgroup, { recursive: true });
    // The last machine's interface outlives it by a moment.
    attempt("ip", "link", "delete", this.#interface);
    const nspawn = [
      "systemd-nspawn",
      "--quiet",
      "--register=no",
      "--keep-unit",
      `--directory=${this.rootDirectory}`,
      `--machine=${this.#machineName}`,
      `--hostname=${this.name}`,
      `--network-bridge=${this.#place.bridge}`,
      "--kill-signal=SIGRTMIN+3",
      "--link-journal=no",
      "--resolv-conf=off",
      "--timezone=off",
      "--console=read-only",
      "--",
      "/usr/sbin/loader",
    ];
    // Dies with this process, so that a test that is killed leaves no machine running.
    const child = spawn("setpriv", ["--pdeathsig", "KILL", "unshare", "--mount", "sh", "-euc", enter, "machine", cgroup, ...nspawn], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", TERM: "dumb" },
    });
    this.#machine = child;
    this.boots++;
    this.lastExit = undefined;
    const keep = (chunk: Buffer) => {
      this.#console.push(chunk);
      if (this.#console.length > 4000) this.#console = [Buffer.concat(this.#console).subarray(-megabyte)];
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.on("exit", (code, signal) => {
      if (this.#machine !== child) return;
      this.#machine = undefined;
      // 133 is how nspawn says that the machine wants to start again.
      if (code === 133) this.#start();
      else this.lastExit = code ?? (signal === "SIGKILL" ? 137 : 143);
    });
    if (this.#cut) void this.#keepCut(child);
  }

  /** A new run of a machine comes with a new interface, which nspawn puts onto the bridge. */
  async #keepCut(child: ChildProcess): Promise<void> {
    while (this.#cut && this.#machine === child) {
      attempt("ip", "link", "set", this.#interface, "nomaster");
      await pause(100);
    }
  }

  get isOn(): boolean {
    return this.#machine !== undefined;
  }

  /** Everything that the machine and its loader have put on the console since the lab began, the newest megabyte. */
  console(): string {
    return Buffer.concat(this.#console).toString().replaceAll("\r", "");
  }

  /** Waits until systemd has finished starting, well or not (`degraded` is up), and sshd answers where the network is not cut. */
  async up(seconds = 60): Promise<void> {
    const trouble = () => `${this.name} is not up. Its console ends with:\n${this.console().slice(-2000)}`;
    await until(trouble, seconds, async () => {
      if (this.#machine === undefined) throw new Error(`${this.name} is off (${this.lastExit}). ${trouble()}`);
      const state = await this.exec(["systemctl", "is-system-running"], { seconds: 5 }).catch(() => undefined);
      return state !== undefined && /^(running|degraded|maintenance)$/m.test(state.stdout) ? true : undefined;
    });
    if (!this.#cut)
      await until(
        () => `sshd of ${this.name} does not answer`,
        seconds,
        async () => ((await this.answers()) ? true : undefined),
      );
  }

  /** Waits until the machine has started itself again since `boots` was `since`, and is up. */
  async rebooted(since: number, seconds = 60): Promise<void> {
    await until(
      () => `${this.name} does not reboot`,
      seconds,
      () => (this.boots > since ? true : undefined),
    );
    await this.up(seconds);
  }

  /** Waits until the machine is off, by itself. */
  async off(seconds = 60): Promise<void> {
    await until(
      () => `${this.name} does not go off`,
      seconds,
      () => (this.#machine === undefined ? true : undefined),
    );
  }

  /** Does sshd's banner come within two seconds? */
  answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect({ host: this.address, port: 22, timeout: 2000 });
      const end = (answer: boolean) => {
        socket.destroy();
        resolve(answer);
      };
      socket.on("data", (data) => end(data.toString().startsWith("SSH-")));
      socket.on("error", () => end(false));
      socket.on("timeout", () => end(false));
      socket.on("close", () => end(false));
    });
  }

  /** Process 1 of the machine as this one counts. */
  get leader(): number | undefined {
    const pid = this.#machine?.pid;
    if (pid === undefined) return undefined;
    try {
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean);
      const found = children.find((child) => /^NSpid:\t.*\t1$/m.test(readFileSync(`/proc/${child}/status`, "utf8")));
      return found === undefined ? undefined : Number(found);
    } catch {
      return undefined;
    }
  }

  /** Runs a program inside as root, by the kernel and not by ssh. Rejects where the machine is off. */
  async exec(argv: readonly string[], options: { input?: string; seconds?: number } = {}): Promise<Result> {
    const leader = this.leader;
    if (leader === undefined) throw new Error(`${this.name} is off`);
    const inside = [
      "nsenter",
      "--target",
      String(leader),
      "--mount",
      "--uts",
      "--ipc",
      "--net",
      "--pid",
      "--cgroup",
      "--",
      "env",
      "--chdir=/",
    ];
    return await run([...inside, ...argv], {
      ...options,
      env: {
        PATH: "/run/current-system/sw/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        HOME: "/root",
        LANG: "C.UTF-8",
      },
    });
  }

  /** The same for a shell program that must succeed; returns what it put out, trimmed. */
  async sh(program: string, ...argv: string[]): Promise<string> {
    const result = await this.exec(["sh", "-euc", program, "sh", ...argv]);
    if (result.exitCode !== 0) throw new Error(`${this.name}: ${program} ended with ${result.exitCode}: ${result.stderr}${result.stdout}`);
    return result.stdout.trim();
  }

  /** Arguments for ssh(1) up to and with the destination, strict about the host key. `knownHosts` is a file. */
  sshArguments(user = "root"): string[] {
    const known = join(this.#place.directory, "known_hosts");
    const options = [
      `UserKnownHostsFile=${known}`,
      "StrictHostKeyChecking=yes",
      "GlobalKnownHostsFile=/dev/null",
      "BatchMode=yes",
      "ConnectTimeout=5",
    ];
    return [
      "-F",
      "/dev/null",
      "-i",
      this.#key,
      "-o",
      "IdentitiesOnly=yes",
      ...options.flatMap((option) => ["-o", option]),
      `${user}@${this.address}`,
    ];
  }

  /** Runs a command line by ssh. */
  ssh(command: string, options: { input?: string; seconds?: number; user?: string } = {}): Promise<Result> {
    return run(["ssh", ...this.sshArguments(options.user), command], options);
  }

  /** Copies closures from this process's store with a real `nix copy` over ssh-ng. */
  copy(paths: readonly string[], options: { checkSignatures?: boolean; seconds?: number } = {}): Promise<Result> {
    const check = options.checkSignatures === true ? [] : ["--no-check-sigs"];
    return run(["nix", "copy", ...check, "--to", `ssh-ng://root@${this.address}`, ...paths], {
      ...(options.seconds === undefined ? {} : { seconds: options.seconds }),
      env: { ...process.env, NIX_SSHOPTS: this.sshArguments().slice(0, -1).join(" ") },
    });
  }

  /** `switch-to-configuration ACTION` of a toplevel that is on the host; `profile: true` sets the profile first, as every deployer does for switch and boot. */
  async activate(
    toplevel: string,
    action: "switch" | "boot" | "test" | "dry-activate" | "check",
    options: { profile?: boolean; checks?: boolean; seconds?: number } = {},
  ): Promise<Result> {
    if (options.profile ?? (action === "switch" || action === "boot"))
      await this.sh('nix-env -p /nix/var/nix/profiles/system --set "$1"', toplevel);
    const environment = options.checks === false ? ["env", "NIXOS_NO_CHECK=1"] : [];
    return await this.exec([...environment, `${toplevel}/bin/switch-to-configuration`, action], options);
  }

  /** What the host runs, booted, has as its profile and will boot: store paths. */
  async systems(): Promise<{ current: string; booted: string; profile: string; loader: string }> {
    const [current = "", booted = "", profile = "", loader = ""] = (
      await this.sh("readlink -f /run/current-system /run/booted-system /nix/var/nix/profiles/system; cat /boot/loader-default")
    ).split("\n");
    return { current, booted, profile, loader };
  }

  async bootId(): Promise<string> {
    return await this.sh("cat /proc/sys/kernel/random/boot_id");
  }

  /** Pulls the plug: everything that runs on the machine is gone at once. */
  async powerOff(): Promise<void> {
    if (this.#machine === undefined) return;
    endGroup(join(this.#place.directory, "cgroup"), join(this.#place.bridge, String(this.#index)));
    await this.off();
  }

  /** Packets to and from the host vanish; its link stays up, so nobody is told. */
  cutNetwork(): void {
    this.#cut = true;
    attempt("ip", "link", "set", this.#interface, "nomaster");
  }

  restoreNetwork(): void {
    this.#cut = false;
    attempt("ip", "link", "set", this.#interface, "master", this.#place.bridge);
  }

  /** Makes the file system of /nix or /boot as small as what is on it and `leaveBytes`. */
  async fillDisk(which: "store" | "boot", leaveBytes = 0): Promise<void> {
    const mounted = join(this.rootDirectory, which === "store" ? "nix" : "boot");
    const space = statfsSync(mounted);
    const used = (space.blocks - space.bfree) * space.bsize;
    await must(["mount", "-o", `remount,size=${Math.max(used + leaveBytes, 4096)}`, mounted]);
  }

  async freeDisk(which: "store" | "boot"): Promise<void> {
    await must(["mount", "-o", `remount,size=${sizes[which]}`, join(this.rootDirectory, which === "store" ? "nix" : "boot")]);
  }

  /** Does a path exist on the host? Follows no absolute links, since those are the host's. */
  has(path: string): boolean {
    return existsSync(join(this.rootDirectory, path));
  }
}

/** Puts itself into a control group, which is how the machine is ended as a whole, and shows nspawn the unified hierarchy, whatever this machine's init uses. */
const enter = `
cgroup=$1
shift
echo 0 >"$cgroup/cgroup.procs"
mount -t cgroup2 cgroup2 /sys/fs/cgroup
exec "$@"`;

/** Generation 1, made by the host's own Nix in its own directory. The store is the only thing of this machine that it needs. */
const provision = `
root=$1 toplevel=$2 key=$3
shift 3
inside() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root chroot "$root" "$@"; }
for home in root home/deploy; do
  mkdir -p -m 700 "$root/$home/.ssh"
  cp "$key" "$root/$home/.ssh/authorized_keys"
done
inside chown -R deploy:deploy /home/deploy
mount -t proc proc "$root/proc"
mkdir -p "$root/nix/var/nix/profiles/per-user/root"
nix-store --export "$@" | inside nix-store --import >/dev/null
inside nix-env -p /nix/var/nix/profiles/system --set "$toplevel"
inside "$(sed -n 's/^install_boot_loader=//p' "$toplevel/bin/switch-to-configuration")" "$toplevel"`;
