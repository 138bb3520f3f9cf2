import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { must, type Result, run } from "./command.ts";
import { Container } from "./container.ts";
import type { Place } from "./place.ts";

const megabyte = 1 << 20;

/** Sizes of the file systems that a test may fill. */
const sizes = { store: 512 * megabyte, boot: 16 * megabyte };

/** A machine with an identity, ssh, Nix and toplevels: what a deployer sees. */
export class LabHost extends Container {
  readonly machineId = randomBytes(16).toString("hex");
  /** `ssh-ed25519 AAAA…` */
  hostKey = "";
  readonly #key: string;
  readonly #sizes: typeof sizes;

  constructor(
    place: Place,
    index: number,
    name: string,
    options: { key: string; shares: readonly string[]; bootBytes?: number | undefined },
  ) {
    super(place, index, name, options.shares);
    this.#key = options.key;
    this.#sizes = { ...sizes, boot: options.bootBytes ?? sizes.boot };
  }

  get #directory(): string {
    return join(this.place.directory, "hosts", this.name);
  }

  /** Lays the host's own layer over the root directory, with a file system each for /nix and /boot, and installs `toplevel` from this process's store as generation 1. */
  async install(base: string, toplevel: string): Promise<void> {
    for (const name of ["root", "upper", "work", "nix", "boot"]) mkdirSync(join(this.#directory, name), { recursive: true });
    const layers = `lowerdir=${base},upperdir=${join(this.#directory, "upper")},workdir=${join(this.#directory, "work")}`;
    await must(["mount", "-t", "overlay", "-o", layers, "overlay", this.rootDirectory]);
    for (const [name, size] of [["nix", this.#sizes.store] as const, ["boot", this.#sizes.boot] as const])
      await must(["mount", "-t", "tmpfs", "-o", `size=${size},mode=755`, name, join(this.rootDirectory, name)]);

    const file = (path: string, text: string, mode = 0o644) => writeFileSync(join(this.rootDirectory, path), text, { mode });
    file("etc/machine-id", `${this.machineId}\n`, 0o444);
    file("etc/machine-network", `${this.address}/24\n`);
    await makeKey(join(this.rootDirectory, "etc/ssh/ssh_host_ed25519_key"), this.name);
    this.hostKey = readFileSync(join(this.rootDirectory, "etc/ssh/ssh_host_ed25519_key.pub"), "utf8").split(" ").slice(0, 2).join(" ");

    const closure = (await must(["nix-store", "--query", "--requisites", toplevel])).trim().split("\n");
    await must(["unshare", "--mount", "sh", "-euc", provision, "provision", this.rootDirectory, toplevel, `${this.#key}.pub`, ...closure], {
      seconds: 120,
    });
  }

  /** Arguments for ssh(1) up to and with the destination, strict about the host key. `knownHosts` is a file. */
  sshArguments(user = "root"): string[] {
    const known = join(this.place.directory, "known_hosts");
    const strict = [
      "StrictHostKeyChecking=yes",
      "GlobalKnownHostsFile=/dev/null",
      "IdentitiesOnly=yes",
      "BatchMode=yes",
      "ConnectTimeout=5",
    ];
    const options = [`UserKnownHostsFile=${known}`, `IdentityFile=${this.#key}`, ...strict].flatMap((option) => ["-o", option]);
    return ["-F", "/dev/null", ...options, `${user}@${this.address}`];
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

  /** Makes the file system of /nix or /boot as small as what is on it and `leaveBytes`. */
  async fillDisk(which: "store" | "boot", leaveBytes = 0): Promise<void> {
    const mounted = join(this.rootDirectory, which === "store" ? "nix" : "boot");
    const space = statfsSync(mounted);
    const used = (space.blocks - space.bfree) * space.bsize;
    await must(["mount", "-o", `remount,size=${Math.max(used + leaveBytes, 4096)}`, mounted]);
  }

  async freeDisk(which: "store" | "boot"): Promise<void> {
    await must(["mount", "-o", `remount,size=${this.#sizes[which]}`, join(this.rootDirectory, which === "store" ? "nix" : "boot")]);
  }

  /** Does a path exist on the host? Follows no absolute links, since those are the host's. */
  has(path: string): boolean {
    return existsSync(join(this.rootDirectory, path));
  }
}

/** An ed25519 key pair without a passphrase: `path` and `path.pub`. */
export async function makeKey(path: string, comment: string): Promise<void> {
  await must(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path]);
}

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
