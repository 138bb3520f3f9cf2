import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attempt, must } from "./command.ts";

/**
 * What one lab has of this machine: a number, and by it a directory, a bridge, a network and a control group. The directory is the claim: it appears in one step
 * and holds who made it, so that what a killed lab left behind is found by its number and cleared by the next one.
 */
export type Place = { readonly number: number; readonly directory: string; readonly bridge: string; readonly network: string };

const parent = "/run/nixos-deploy-gate-test";
const places = 512;

const placeOf = (number: number): Place => ({
  number,
  directory: join(parent, `lab-${number}`),
  bridge: `ndg${number}`,
  // 198.18.0.0/15 is set aside for tests of networks: it is on no machine's way to anywhere.
  network: `198.${18 + (number >> 8)}.${number & 255}`,
});

/** When a process began, which tells it from a later one of the same number. Undefined where there is none. */
function beginning(pid: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ")[19];
  } catch {
    return undefined;
  }
}

export async function claimPlace(): Promise<Place> {
  mkdirSync(parent, { recursive: true });
  for (let step = 0; step < places; step++) {
    const place = placeOf((process.pid + step) % places);
    if (existsSync(place.directory) || existsSync(`/sys/class/net/${place.bridge}`)) continue;
    const mine = mkdtempSync(join(parent, "claim-"));
    writeFileSync(join(mine, "owner"), `${process.pid} ${beginning(String(process.pid))}\n`);
    try {
      renameSync(mine, place.directory);
    } catch {
      rmSync(mine, { recursive: true });
      continue;
    }
    await furnish(place);
    return place;
  }
  throw new Error(`All ${places} places for labs under ${parent} are taken.`);
}

/** Memory for the hosts' writes, a view of the control groups, and the bridge. */
async function furnish(place: Place): Promise<void> {
  mkdirSync(join(place.directory, "cgroup"));
  await must(["mount", "-t", "cgroup2", "cgroup2", join(place.directory, "cgroup")]);
  mkdirSync(join(place.directory, "cgroup", place.bridge));
  mkdirSync(join(place.directory, "hosts"));
  await must(["mount", "-t", "tmpfs", "-o", "size=4g,mode=755", "lab", join(place.directory, "hosts")]);
  await must(["ip", "link", "add", place.bridge, "type", "bridge", "forward_delay", "0", "stp_state", "0"]);
  await must(["ip", "address", "add", `${place.network}.1/24`, "dev", place.bridge]);
  await must(["ip", "link", "set", place.bridge, "up"]);
}

/** Ends everything that runs in a control group, at once. `root` is a view of the control groups. */
export function endGroup(root: string, group: string): void {
  const directory = join(root, group);
  if (!existsSync(directory)) return;
  try {
    writeFileSync(join(directory, "cgroup.kill"), "1");
  } catch {
    // Gone in the meantime.
  }
  for (let tries = 0; existsSync(directory) && tries < 100; tries++) {
    attempt("find", directory, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+");
    if (existsSync(directory)) attempt("sleep", "0.02");
  }
}

/** Takes away all that a place has, whoever began it. Synchronous, so that it also works while the process ends. */
export function clearPlace(place: Place, cgroups = join(place.directory, "cgroup")): void {
  endGroup(cgroups, place.bridge);
  for (const name of readdirSync("/sys/class/net")) if (name.startsWith(`vb-${place.bridge}-`)) attempt("ip", "link", "delete", name);
  attempt("ip", "link", "delete", place.bridge);
  const mounted = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((target) => target.startsWith(`${place.directory}/`));
  for (const target of mounted.toReversed()) attempt("umount", "--lazy", target);
  attempt("rm", "-rf", "--one-file-system", place.directory);
}

/** Clears the places of labs whose process is gone. `own` lends its view of the control groups. */
export function clearLeftovers(own: Place): void {
  for (const name of readdirSync(parent)) {
    const number = /^lab-(\d+)$/.exec(name)?.[1];
    if (number === undefined) continue;
    const place = placeOf(Number(number));
    const [pid = "", began] = readOwner(place);
    if (pid === "" || (began !== undefined && beginning(pid) === began)) continue;
    // One clears, even where several labs start at once.
    const lock = join(place.directory, "clearing");
    try {
      if (existsSync(lock) && Date.now() - statSync(lock).mtimeMs > 120_000) rmSync(lock, { recursive: true });
      mkdirSync(lock);
    } catch {
      continue;
    }
    clearPlace(place, join(own.directory, "cgroup"));
  }
}

function readOwner(place: Place): string[] {
  try {
    return readFileSync(join(place.directory, "owner"), "utf8").trim().split(" ");
  } catch {
    return [];
  }
}
