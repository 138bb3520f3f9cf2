import type { Miss } from "../apply/outcome.ts";
import type { System } from "../diff/system.ts";
import { readSysctl } from "../diff/sysctl.ts";
import type { StoreFiles } from "../io/ports.ts";
import type { Observation } from "../target/observation.ts";

/** Once they are set the kernel does not take them back. */
const oneWay =
  /^kernel\.(?:kexec_load_disabled|modules_disabled|unprivileged_bpf_disabled|yama\.ptrace_scope|perf_event_paranoid|randomize_va_space)$/;

/** The keys that the new system sets to something else than the old one; all of them where the old one is not known. They are what to ask the host for. */
export function changedSysctl(store: StoreFiles, old: System | undefined, system: System): ReadonlyMap<string, string> {
  const before = old === undefined ? new Map<string, string>() : readSysctl(store, old.etc);
  // A pattern (`net.ipv4.conf.*.rp_filter`) stands for keys that only the host knows.
  return new Map([...readSysctl(store, system.etc)].filter(([key, value]) => before.get(key) !== value && !/[*?[]/.test(key)));
}

/** Settings that changed and do not have their new value. The host must have been asked for `changedSysctl`. */
export function sysctlMisses(store: StoreFiles, old: System | undefined, system: System, after: Observation): Miss[] {
  // Where all are asked for, those that stand unchanged are not this change's.
  if (old === undefined) return [];
  return [...changedSysctl(store, old, system)].flatMap(([key, expected]): Miss[] => {
    const found = after.sysctl.get(key);
    const family = "sysctl";
    if (found === undefined)
      return [
        { family, subject: key, expected, found: "not known", needs: "nothing", sentence: `The kernel setting ${key} cannot be read.` },
      ];
    if (same(expected, found)) return [];
    const needs = oneWay.test(key) ? "reboot" : "restart";
    const sentence = `The kernel setting ${key} is ${found} and should be ${expected}: ${
      needs === "reboot" ? "it only goes back at boot" : "systemctl restart systemd-sysctl.service"
    }.`;
    return [{ family, subject: key, expected, found, needs, sentence }];
  });
}

function same(expected: string, found: string): boolean {
  if (expected === found) return true;
  // `0x10` is shown as 16.
  const number = /^(?:-?\d{1,15}|0x[0-9a-f]{1,13})$/i;
  return number.test(expected) && number.test(found) && Number(expected) === Number(found);
}
