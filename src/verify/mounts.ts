import type { Miss } from "../apply/outcome.ts";
import type { Mount as Declared, System } from "../diff/system.ts";
import type { Mount, Observation } from "../target/observation.ts";
import { compareDevice } from "./mount-device.ts";
import { compareOptions } from "./mount-options.ts";

/** Nothing can take these away from a running system. */
const standing: ReadonlySet<string> = new Set(["/", "/nix", "/nix/store", "/usr", "/var", "/etc"]);
const bindOptions: ReadonlySet<string> = new Set(["bind", "rbind"]);

/**
 * Each mount of the new fstab against the mount table of the host. `old` is the system from before where it is known: what fstab no longer names and is still
 * mounted is a miss, and what cannot be told is said only where the entry changed.
 */
export function mountMisses(old: System | undefined, system: System, before: Observation, after: Observation): Miss[] {
  // A host always has mounts: an empty table was not read.
  if (after.mounts.length === 0) return [];
  const was = lastOf(old?.mounts ?? []);
  const declared = lastOf(system.mounts);
  const misses: Miss[] = [];
  for (const [target, mount] of declared) misses.push(...oneMount(mount, was.get(target), old !== undefined, before, after));
  for (const [target, mount] of was) {
    const left = declared.has(target) ? undefined : mountedAt(after, target);
    if (left === undefined || standing.has(target) || system.units.has(unitName(target))) continue;
    const expected = "not mounted";
    const found = `${left.source} (${left.type})`;
    const sentence = `${target} is no longer in fstab and is still mounted; something may hold it.`;
    if (left.source === mount.device || !/^(?:tmpfs|proc|sysfs)$/.test(left.type))
      misses.push({ family: "mount", subject: target, expected, found, needs: "person", sentence });
  }
  return misses;
}

/** Two entries may be stacked on one mount point: the last one is what is seen there. */
function lastOf(mounts: readonly Declared[]): Map<string, Declared> {
  const found = new Map<string, Declared>();
  for (const mount of mounts) if (mount.mountPoint.startsWith("/")) found.set(trimmed(mount.mountPoint), mount);
  return found;
}

const trimmed = (path: string): string => (path.length > 1 ? path.replace(/\/+$/, "") || "/" : path);

/** What is seen at a place. An automount that waits is no mount. */
function mountedAt(observation: Observation, target: string): Mount | undefined {
  return observation.mounts.findLast((mount) => mount.target === target && mount.type !== "autofs");
}

/** systemd-escape --path: `/var/lib/a-b` is `var-lib-a\x2db.mount`. */
export function unitName(target: string): string {
  const path = target.replace(/^\/+|\/+$/g, "");
  if (path === "") return "-.mount";
  const escaped = [...Buffer.from(path)].map((byte, index) => {
    const character = String.fromCharCode(byte);
    if (character === "/") return "-";
    const plain = /[A-Za-z0-9:_.]/.test(character) && !(index === 0 && character === ".");
    return plain ? character : `\\x${byte.toString(16).padStart(2, "0")}`;
  });
  return `${escaped.join("")}.mount`;
}

function oneMount(declared: Declared, was: Declared | undefined, oldKnown: boolean, before: Observation, after: Observation): Miss[] {
  const target = trimmed(declared.mountPoint);
  const mounted = mountedAt(after, target);
  const earlier = mountedAt(before, target);
  const has = (option: string): boolean => declared.options.includes(option);
  const expected = `${declared.device} (${declared.fsType})`;
  const miss = (found: string, needs: Miss["needs"], sentence: string, asked = expected): Miss => ({
    family: "mount",
    subject: target,
    expected: asked,
    found,
    needs,
    sentence,
  });
  if (mounted === undefined) {
    if (has("noauto")) return [];
    if (has("x-systemd.automount")) {
      if (after.mounts.some((mount) => mount.target === target)) return [];
      return [miss("no automount", "restart", `${target} should be mounted on demand and nothing waits there.`)];
    }
    if (has("nofail") && earlier === undefined && (was !== undefined || !oldKnown)) return [];
    const since = earlier === undefined && was !== undefined ? " It was so before the deploy." : "";
    return [miss("not mounted", "person", `${target} is in fstab and is not mounted: systemctl status '${unitName(target)}'.${since}`)];
  }
  const misses: Miss[] = [];
  const anew = standing.has(target) ? "reboot" : "restart";
  const changed = oldKnown && (was === undefined || was.device !== declared.device || was.options.join() !== declared.options.join());
  if (!sameType(declared, mounted)) {
    misses.push(miss(mounted.type, anew, `${target} is mounted as ${mounted.type} and not as ${declared.fsType}.`, declared.fsType));
  }
  const device = compareDevice(declared, mounted, after);
  if (device.kind === "other") misses.push(miss(device.found, anew, `${target} is another device than fstab names.`, device.expected));
  if (device.kind === "absent")
    misses.push(
      miss(
        mounted.source,
        "person",
        `${target} names a device that is not on this machine; the next boot would not find it.`,
        device.expected,
      ),
    );
  if (device.kind === "unknown" && changed)
    misses.push(miss("not known", "nothing", `Whether ${target} is the device that fstab names cannot be told: ${device.why}.`));
  for (const answer of compareOptions(declared, mounted, was)) {
    const needs = answer.kind === "unknown" ? "nothing" : answer.remount ? "remount" : anew;
    const stood = earlier !== undefined && was !== undefined && was.options.includes(answer.option) && sameOptions(earlier, mounted);
    const since = stood ? " It was so before the deploy." : "";
    const sentence =
      answer.kind === "unknown"
        ? `Whether ${target} has the option ${answer.option} cannot be told.`
        : `${target} is mounted ${answer.found.startsWith("without") || answer.found === "read-only" ? answer.found : `with ${answer.found}`}, and fstab says ${answer.expected}${answer.remount ? "" : "; a remount cannot change that"}.${since}`;
    misses.push(miss(answer.found, needs, sentence, answer.expected));
  }
  return misses;
}

const sameOptions = (a: Mount, b: Mount): boolean =>
  a.options.join() === b.options.join() && a.superOptions.join() === b.superOptions.join();

/** The kernel's own name of a type: `nfs` is mounted as `nfs4`, a helper's file system as `fuse.NAME`, a bind mount as what it shows. */
function sameType(declared: Declared, mounted: Mount): boolean {
  const { fsType } = declared;
  if (fsType === "auto" || fsType === "none" || fsType === mounted.type || declared.options.some((option) => bindOptions.has(option)))
    return true;
  if (fsType.split(",").includes(mounted.type)) return true;
  if (mounted.type.startsWith("fuse")) return !/^(?:ext[234]|xfs|btrfs|vfat|zfs|tmpfs|f2fs|bcachefs)$/.test(fsType);
  return (
    (fsType === "nfs" && mounted.type === "nfs4") ||
    (fsType === "cifs" && mounted.type === "smb3") ||
    (fsType === "smb3" && mounted.type === "cifs")
  );
}
