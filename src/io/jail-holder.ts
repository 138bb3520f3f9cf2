import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

export type HolderOptions = {
  /** Where they are. */
  readonly programs: { readonly unshare: string; readonly setpriv: string; readonly sh: string };
  /** PATH of its script. */
  readonly path: string;
  /** What is laid out: the root, once it is mounted on itself and `fstab` in it. */
  readonly root: string;
  /** See `jailFstab`. */
  readonly fstab: string;
  /** Whether the user that it is begun by is root out here. */
  readonly superuser: boolean;
};

export type Holder = {
  /** As this process sees it. */
  readonly pid: number;
  /** Ends it, and with it everything inside. */
  readonly close: () => Promise<void>;
};

/**
 * Builds the root. Constant text: paths come as words or in the fstab, and are never part of it. `set -e` and `set -u`: a step that fails ends it, so that no half-made
 * jail is ever entered. The old root is gone after `pivot_root`, unlike after chroot, where a descriptor or a nested namespace leads back.
 */
const build = `set -eu
root=$1 setpriv=$2 super=$3 fstab=$4
read -r pid rest </proc/self/stat
mount -n -a -T "$fstab"
cd "$root"
pivot_root . old
cd /
umount -n -l /old
if [ "$super" = super ]; then
  echo 0 >/proc/sys/user/max_user_namespaces
  mount -n -o remount,bind,ro,nosuid,nodev,noexec /proc
fi
trap '' CHLD
exec "$setpriv" --bounding-set=-all --inh-caps=-all --no-new-privs -- /bin/sh -c 'echo "ready $0"; read -r line' "$pid"
`;

/**
 * Starts the process that holds a jail's namespaces and is the first in there: what enters it needs its number. It ends with this process, however that ends, since
 * its stdin closes then. Where the machine does not allow it the reason is the value.
 */
export async function holdJail(options: HolderOptions): Promise<Holder | { readonly reason: string }> {
  const { root, fstab, superuser, path } = options;
  const { unshare, setpriv, sh } = options.programs;
  // A group of its own, so that an interrupt from the terminal reaches the gate, which then ends Nix in order, and not the holder under Nix's feet.
  const holder = spawn(
    unshare,
    [
      "--user",
      "--map-root-user",
      "--mount",
      "--pid",
      "--ipc",
      "--uts",
      "--fork",
      "--kill-child",
      "--",
      sh,
      "-c",
      build,
      "jail",
      root,
      setpriv,
      superuser ? "super" : "user",
      fstab,
    ],
    { env: { PATH: path, LC_ALL: "C" }, stdio: ["pipe", "pipe", "pipe"], detached: true, cwd: "/" },
  );
  const ended = new Promise<void>((resolve) => holder.once("exit", () => resolve()).once("error", () => resolve()));
  const close = async (): Promise<void> => {
    // It was not to keep this process alive; its end is waited for all the same.
    holder.ref();
    holder.stdin.destroy();
    const limit = setTimeout(() => holder.kill("SIGKILL"), 1000);
    await ended;
    clearTimeout(limit);
  };
  const said = await ready(holder, ended);
  if (typeof said === "string") {
    await close();
    return { reason: reasonOf(said) };
  }
  for (const each of [holder, holder.stdin, holder.stdout, holder.stderr]) (each as { unref?: () => void }).unref?.();
  return { pid: said.pid, close };
}

/** The holder's number as this process sees it, or what it said instead. */
async function ready(holder: ReturnType<typeof spawn>, ended: Promise<void>): Promise<{ readonly pid: number } | string> {
  let out = "";
  let err = "";
  holder.stderr?.on("data", (chunk: Buffer) => (err = (err + chunk.toString("utf8")).slice(0, 4000)));
  return await new Promise((resolve) => {
    let settled = false;
    const limit = setTimeout(() => resolve("it was not ready within 10 seconds"), 10_000);
    const done = (value: { readonly pid: number } | string): void => {
      settled = true;
      clearTimeout(limit);
      resolve(value);
    };
    holder.stdout?.on("data", (chunk: Buffer) => {
      out = (out + chunk.toString("utf8")).slice(0, 100);
      const match = /^ready ([0-9]+)\n/.exec(out);
      if (match !== null) done({ pid: Number(match[1]) });
    });
    holder.once("error", (error) => done(error.message));
    // Once it was ready there is nothing left to be said, and a timer would only keep this process from ending.
    void ended.then(() => settled || setTimeout(() => done(err === "" ? "it ended before it was ready" : err), 20));
  });
}

/** Why there is no jail, with the switch that most often is the cause. */
export function reasonOf(said: string): string {
  const first = said.trim().split("\n").slice(0, 3).join(" ").slice(0, 400);
  const setting = (name: string): string => {
    try {
      return readFileSync(`/proc/sys/${name}`, "utf8").trim();
    } catch {
      // This kernel has no such switch.
      return "";
    }
  };
  if (setting("kernel/apparmor_restrict_unprivileged_userns") === "1" && process.getuid?.() !== 0)
    return `AppArmor forbids user namespaces here (sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0): ${first}`;
  if (setting("kernel/unprivileged_userns_clone") === "0")
    return `user namespaces are switched off (kernel.unprivileged_userns_clone=0): ${first}`;
  if (setting("user/max_user_namespaces") === "0") return `user namespaces are switched off (user.max_user_namespaces=0): ${first}`;
  return first;
}
