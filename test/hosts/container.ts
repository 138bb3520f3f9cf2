import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { attempt, pause, type Result, run, until } from "./command.ts";
import { endGroup, type Place } from "./place.ts";

const megabyte = 1 << 20;

/**
 * One machine and its switch, console and cable. What happens to it in a test, it notices only as a real one would: `exec` comes in by the kernel and not by the
 * network, so that it works when ssh does not.
 */
export class Container {
  readonly name: string;
  readonly address: string;
  /** The host's / as it is seen from here, its /nix and /boot included. What is mounted by the host itself is not in it. */
  readonly rootDirectory: string;
  /** How often the machine was started or started itself. */
  boots = 0;
  /** Why it is off: the exit code of its last run. 0 is a poweroff, 1 a loader or kernel that gave up, 137 a power cut. */
  lastExit: number | undefined;

  protected readonly place: Place;
  protected readonly index: number;
  readonly #shares: readonly string[];
  #machine: ChildProcess | undefined;
  #console: Buffer[] = [];
  #cut = false;

  /** `shares` are directories of this machine that the host has at the same place, read-only. */
  constructor(place: Place, index: number, name: string, shares: readonly string[]) {
    this.place = place;
    this.index = index;
    this.#shares = shares;
    this.name = name;
    this.address = `${place.network}.${10 + index}`;
    this.rootDirectory = join(place.directory, "hosts", name, "root");
  }

  get #machineName(): string {
    return `${this.place.bridge}-${this.index}`;
  }
  get #interface(): string {
    return `vb-${this.#machineName}`;
  }

  /** Turns the machine on and waits until it is up; `wait: false` returns at once. */
  async boot(options: { wait?: boolean; seconds?: number } = {}): Promise<void> {
    if (this.#machine !== undefined) throw new Error(`${this.name} is on`);
    this.#start();
    if (options.wait !== false) await this.up(options.seconds);
  }

  #start(): void {
    const cgroup = join(this.place.directory, "cgroup", this.place.bridge, String(this.index));
    endGroup(join(this.place.directory, "cgroup"), join(this.place.bridge, String(this.index)));
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
      `--network-bridge=${this.place.bridge}`,
      "--kill-signal=SIGRTMIN+3",
      "--link-journal=no",
      "--resolv-conf=off",
      "--timezone=off",
      "--console=read-only",
      ...this.#shares.map((directory) => `--bind-ro=${directory}`),
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

  async bootId(): Promise<string> {
    return await this.sh("cat /proc/sys/kernel/random/boot_id");
  }

  /** Pulls the plug: everything that runs on the machine is gone at once. */
  async powerOff(): Promise<void> {
    if (this.#machine === undefined) return;
    endGroup(join(this.place.directory, "cgroup"), join(this.place.bridge, String(this.index)));
    await this.off();
  }

  /** Packets to and from the host vanish; its link stays up, so nobody is told. */
  cutNetwork(): void {
    this.#cut = true;
    attempt("ip", "link", "set", this.#interface, "nomaster");
  }

  restoreNetwork(): void {
    this.#cut = false;
    attempt("ip", "link", "set", this.#interface, "master", this.place.bridge);
  }
}

/** Puts itself into a control group, which is how the machine is ended as a whole, and shows nspawn the unified hierarchy, whatever this machine's init uses. */
const enter = `
cgroup=$1
shift
echo 0 >"$cgroup/cgroup.procs"
mount -t cgroup2 cgroup2 /sys/fs/cgroup
exec "$@"`;
