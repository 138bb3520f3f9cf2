import { signed, withoutComment } from "../changed-lines.ts";
import { textsOf } from "../changed-texts.ts";
import { ask, type Rule, type Sighting } from "../rule.ts";
import { evidenceOf } from "../unit-view.ts";
import { bootCounting, bootLoader } from "./boot-loader.ts";

export const dbusSwap: Rule = {
  id: "dbus-implementation",
  family: "kernel-and-boot",
  verdict: "reboot",
  mode: "boot-only",
  title: "Another implementation of D-Bus",
  hazard: "The bus cannot be replaced under a running system: logins hang, units time out, even a reboot does.",
  check: "Set it as the boot default and reboot; do not switch.",
  see: ({ diff }) =>
    diff.system.dbus.changed
      ? [
          {
            subject: "dbus",
            from: diff.system.dbus.from,
            to: diff.system.dbus.to,
            evidence: [`${diff.system.dbus.from ?? "none"} → ${diff.system.dbus.to ?? "none"}`],
          },
        ]
      : [],
};

export const switchInhibitor: Rule = {
  id: "switch-inhibitor",
  family: "kernel-and-boot",
  verdict: "reboot",
  mode: "boot-only",
  title: "A switch inhibitor differs",
  hazard: "switch-to-configuration refuses to switch between these two systems.",
  check: "Set it as the boot default and reboot.",
  see: ({ diff }): Sighting[] => {
    // Only keys that both systems have are compared by NixOS; a new one takes part from the next change on.
    const keys = diff.system.switchInhibitors.keys.filter((key) => key.from !== undefined && key.to !== undefined);
    return keys.length === 0
      ? []
      : [{ subject: "switch inhibitors", evidence: keys.map((key) => `${key.key}: ${key.from ?? ""} → ${key.to ?? ""}`) }];
  },
};

export const rebootTrigger: Rule = {
  id: "reboot-trigger",
  family: "kernel-and-boot",
  verdict: "reboot",
  title: "The system itself asks for a boot",
  hazard: "What the configuration names as a reason to boot differs between these two systems.",
  check: "Is there a window for the boot?",
  see: ({ diff }): Sighting[] => {
    const { known, keys: all } = diff.system.rebootTriggers;
    // Where a side names none, kernel, initrd, modules, firmware and parameters are compared instead, and have rules of their own.
    if (!known) return [];
    const keys = all.filter((key) => key.from !== undefined && key.to !== undefined);
    return keys.length === 0
      ? []
      : [{ subject: "reboot triggers", evidence: keys.map((key) => `${key.key}: ${key.from ?? ""} → ${key.to ?? ""}`) }];
  },
};

export const initInterface: Rule = {
  id: "init-interface",
  family: "kernel-and-boot",
  verdict: "reboot",
  mode: "boot-only",
  title: "The running init cannot take over this system",
  hazard: "switch-to-configuration ends with exit code 100 and changes nothing but the boot entry.",
  check: "Set it as the boot default and reboot.",
  see: ({ diff }) =>
    diff.system.initInterface.changed ? [{ subject: "init", from: diff.system.initInterface.from, to: diff.system.initInterface.to }] : [],
};

/** systemd's own templates and helpers are skipped by every switch; its own rules say what a new systemd means. */
const ofSystemd =
  /^(systemd-.+|user@|user-runtime-dir@|getty@|autovt@|serial-getty@|container-getty@|console-getty|emergency|rescue|kmod-static-nodes|modprobe@|logrotate|debug-shell)/;

export const unitKept: Rule = {
  id: "unit-kept-until-boot",
  family: "kernel-and-boot",
  verdict: "reboot",
  title: "A changed unit that the switch leaves alone",
  hazard: "The unit asks not to be restarted by a switch: its old program runs on until somebody restarts it or the host boots.",
  check: "Restart it by hand where that is possible, or plan a boot.",
  see: ({ diff }) =>
    diff.units
      .filter(
        (change) =>
          change.change === "changed" &&
          change.effect === "skip" &&
          // A unit that only changed its hashes may name a file that says something else now.
          (!change.hashOnly || diff.files.some((file) => !file.hashOnly && file.path.startsWith(`${change.name} → `))) &&
          !ofSystemd.test(change.name) &&
          change.name.endsWith(".service") &&
          !change.name.includes("@.") &&
          meaningful(change.keys.map((entry) => entry.key)),
      )
      // A oneshot that a timer starts runs the new program the next time anyway.
      .filter(
        (change) =>
          !diffIsOneshot(
            change.keys.some((entry) => entry.key === "Type"),
            change.diff,
          ),
      )
      .map((change) => ({
        subject: change.name,
        evidence: [evidenceOf(change), ...change.diff.split("\n").filter((line) => /^[+-][^+-]/.test(line))],
      })),
};
const diffIsOneshot = (typeChanged: boolean, diff: string): boolean => !typeChanged && /^ Type=oneshot$/m.test(diff);
/** Words for people and lists of packages say nothing about what runs. */
const meaningful = (keys: readonly string[]): boolean =>
  keys.length === 0 ||
  keys.some((key) => !/^(Description|Documentation|X-Restart-Triggers|X-Reload-Triggers|After|Before|Wants)$/.test(key));

export const logind: Rule = {
  id: "logind-settings",
  family: "kernel-and-boot",
  verdict: "reboot",
  title: "The settings of logind change",
  hazard: "logind is never restarted by a switch, since that would end sessions; the new settings hold after the boot.",
  check: "`systemctl kill -s HUP systemd-logind` reloads most of them.",
  see: ({ diff }) =>
    textsOf(diff, /systemd\/logind\.conf/).flatMap((text): Sighting[] => {
      const lines = signed(text.lines, (line) => withoutComment(line).trim() !== "");
      const reloaded = diff.units.some(
        (change) => change.name === "systemd-logind.service" && (change.effect === "reload" || change.effect === "restart"),
      );
      return lines.length === 0 || reloaded ? [] : [{ subject: text.source, evidence: lines }];
    }),
};

export const hostName: Rule = {
  id: "host-name",
  family: "kernel-and-boot",
  verdict: "reboot",
  title: "The host gets another name",
  hazard: "Programs that asked for the name at their start keep the old one until the boot.",
  check: "Do certificates, monitoring and cluster membership follow the name?",
  see: ({ diff }) =>
    diff.files
      .filter((file) => file.path === "/etc/hostname" && !file.hashOnly)
      .map((file) => ({ subject: file.path, evidence: file.diff.split("\n").filter((line) => /^[+-][^+-]/.test(line)) })),
};

export const zramResize: Rule = {
  id: "zram-size",
  family: "kernel-and-boot",
  verdict: "reboot",
  title: "The compressed swap in memory changes its size",
  hazard: "A zram device in use cannot be resized: it keeps its size until the boot, or its swap has to fit back into memory.",
  check: "How much of it is in use: `zramctl`?",
  see: (context) =>
    textsOf(context.diff, /zram-generator\.conf|zram-init|systemd-zram-setup|zram0/).flatMap((text): Sighting[] => {
      if (text.change !== "changed") return [];
      const lines = signed(
        text.lines,
        (line) => withoutComment(line).trim() !== "" && !/^\s*(Description|Documentation|X-Restart-Triggers)=/.test(line),
      );
      if (lines.length === 0) return [];
      const asked = ask(context, {
        fact: "hostUsesSwap",
        when: "the zram device is in use",
        answer: context.facts.hostUsesSwap,
        plain: "clean",
        careful: "reboot",
      });
      return asked.verdict === "clean" && asked.settledBy === undefined
        ? []
        : [{ subject: text.source, evidence: [...lines, ...asked.note], verdict: asked.verdict, settledBy: asked.settledBy }];
    }),
};

export const bootRules: readonly Rule[] = [
  bootLoader,
  bootCounting,
  dbusSwap,
  switchInhibitor,
  rebootTrigger,
  initInterface,
  unitKept,
  logind,
  hostName,
  zramResize,
];
