import { signed, withoutComment } from "../changed-lines.ts";
import { textsOf } from "../changed-texts.ts";
import { needed } from "../drivers.ts";
import type { Rule, Sighting } from "../rule.ts";

export const moduleMisfit: Rule = {
  id: "module-misfit",
  family: "kernel-and-boot",
  verdict: "risky",
  mode: "switch-then-reboot",
  title: "A module was built for another kernel",
  hazard: "The kernel refuses a module of another version: after the boot the disk, the network or the graphics that needs it is missing.",
  check: "Which module is it, and does the root file system or the uplink need it?",
  see: ({ diff }) =>
    diff.system.kernelModules.misfits.length === 0
      ? []
      : [{ subject: "kernel modules", to: diff.system.kernel.to, evidence: diff.system.kernelModules.misfits }],
};

export const driverBlacklisted: Rule = {
  id: "driver-blacklisted",
  family: "kernel-and-boot",
  verdict: "risky",
  mode: "switch-then-reboot",
  title: "A network or storage driver is blacklisted",
  hazard: "After the next boot the device that it drives is missing, and with it the disk or the uplink.",
  check: "Does this host use the driver: `lspci -k`?",
  see: ({ diff, facts }) =>
    textsOf(diff, /modprobe\.d\//).flatMap((text): Sighting[] => {
      const lines = text.lines.added.filter((line) => {
        const name =
          /^\s*(?:blacklist|install)\s+([\w-]+)(\s+\S*\/(false|true)\b|\s*$)/.exec(line)?.[1] ??
          /^\s*alias\s+([\w-]+)\s+off\b/.exec(line)?.[1];
        return name !== undefined && needed(name, facts.uplinkDriver) && !text.lines.removed.includes(line);
      });
      return lines.length === 0 ? [] : [{ subject: text.source, evidence: lines.map((line) => `+ ${line.trim()}`) }];
    }),
};

export const moduleSettings: Rule = {
  id: "module-settings",
  family: "kernel-and-boot",
  verdict: "reboot",
  title: "Which modules load, and how",
  hazard: "A module that is loaded keeps its old options, and one that is new in this generation loads from the tree of the booted kernel.",
  check: "Does anything need the module before the boot?",
  see: ({ diff }) =>
    textsOf(diff, /(^|\/)(modprobe\.d|modules-load\.d)\//).flatMap((text): Sighting[] => {
      const lines = signed(text.lines, (line) => withoutComment(line).trim() !== "");
      return lines.length === 0 ? [] : [{ subject: text.source, evidence: lines }];
    }),
};

export const firmwareChanged: Rule = {
  id: "firmware",
  family: "kernel-and-boot",
  verdict: "reboot",
  title: "Other firmware",
  hazard: "Devices that are up keep the firmware that they were given at boot.",
  check: "Is there a window for the boot?",
  see: ({ diff }) =>
    diff.system.firmware.changed ? [{ subject: "firmware", from: diff.system.firmware.from, to: diff.system.firmware.to }] : [],
};

/** Userland that speaks to its kernel module by exact version. */
const paired = /^(nvidia-(x11|open|settings|persistenced)|nvidia-x11-.+|zfs|zfs-user|virtualbox(-guest-additions)?|GuestAdditions)$/i;

export const userlandModule: Rule = {
  id: "userland-module-pair",
  family: "kernel-and-boot",
  verdict: "reboot",
  mode: "boot-only",
  title: "A driver's programs change before its module does",
  hazard: "After a switch the new programs meet the old module: graphics stop working, and zfs commands may refuse.",
  check: "Set it as the boot default instead of switching.",
  see: ({ diff }) =>
    diff.packages.changed
      .filter((change) => paired.test(change.name))
      .flatMap((change): Sighting[] => {
        // `580.105.08-6.12.58`: the part behind the driver's own version is the kernel's, and a new kernel alone is no new driver.
        const own = (version: string): string => /^[\d.]+/.exec(version)?.[0] ?? version;
        const [from, to] = [change.from.map(own), change.to.map(own)];
        return to.every((version) => from.includes(version))
          ? []
          : [
              {
                subject: change.name,
                from: change.from.join(", "),
                to: change.to.join(", "),
                evidence: [`${change.name}: ${change.from.join(", ")} → ${change.to.join(", ")}`],
              },
            ];
      }),
};

export const moduleRules: readonly Rule[] = [moduleMisfit, driverBlacklisted, moduleSettings, firmwareChanged, userlandModule];
