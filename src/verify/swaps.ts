import type { Miss } from "../apply/outcome.ts";
import type { System } from "../diff/system.ts";
import type { Observation } from "../target/observation.ts";
import { devicePath, isAlias, resolved } from "./mount-device.ts";

/** Each swap of the new fstab against those in use, and those that are in use though only the old fstab (`old`) names them. */
export function swapMisses(old: System | undefined, system: System, after: Observation): Miss[] {
  const inUse = new Set(after.swaps.map((path) => resolved(after.devices, path)));
  const misses: Miss[] = [];
  const miss = (subject: string, expected: string, found: string, needs: Miss["needs"], sentence: string): void => {
    misses.push({ family: "mount", subject, expected, found, needs, sentence });
  };
  const wanted = new Set<string>();
  for (const { device, options } of system.swaps) {
    const path = devicePath(device) ?? device;
    wanted.add(resolved(after.devices, path));
    if (inUse.has(resolved(after.devices, path)) || options.includes("noauto")) continue;
    const known = old?.swaps.some((swap) => swap.device === device) ?? true;
    if (options.includes("nofail") && known) continue;
    if (isAlias(path) && !after.devices.has(path)) {
      if (after.devices.size > 0) miss(device, "in use", "no such device", "person", `The swap ${device} is not on this machine.`);
      else if (!known) miss(device, "in use", "not known", "nothing", `Whether the swap ${device} is in use cannot be told.`);
    } else miss(device, "in use", "not in use", "restart", `The swap ${device} is in fstab and not in use.`);
  }
  for (const { device } of old?.swaps ?? []) {
    const place = resolved(after.devices, devicePath(device) ?? device);
    if (inUse.has(place) && !wanted.has(place))
      miss(device, "not in use", "in use", "person", `The swap ${device} is no longer in fstab and still in use: swapoff ${place}.`);
  }
  return misses;
}
