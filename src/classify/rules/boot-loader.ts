import type { Rule, Sighting } from "../rule.ts";
import { evidenceOf, usable } from "../unit-view.ts";

/** What a boot menu looks like and how many entries it keeps: no way to lose a boot. */
const cosmetic =
  /timeout|editor|console|configuration.?limit|configurationName|splash|theme|font|gfx|background|memtest|default(entry|Entry)?$|DISTRO|^NIX$|^SYSTEMD$|^BOOTSPEC_TOOLS$|PERL5LIB|^PATH$|shell|grubEfi$|^grub$|fsIdentifier_|bell|graceful|sortKey|sort.?key|users|backgroundColor|extraEntries.*memtest|REBOOT_FOR_BITLOCKER|^extraPrepareConfig$|date_?format/i;

export const bootLoader: Rule = {
  id: "boot-loader",
  family: "kernel-and-boot",
  verdict: "risky",
  mode: "switch-then-reboot",
  title: "The boot loader or where it is installed changes",
  hazard: "If the loader lands on another disk, another partition or under other EFI settings, the machine boots the old one, or none.",
  check: "Do the devices and the ESP exist on the host, and what does `efibootmgr` or `bootctl` say after the install?",
  see: ({ diff, before, after }): Sighting[] => {
    const { bootLoader: change } = diff.system;
    if (before === undefined) return [];
    if (before.bootLoader.kind !== after.bootLoader.kind)
      return [
        {
          subject: "boot loader",
          from: before.bootLoader.kind,
          to: after.bootLoader.kind,
          evidence: [`${before.bootLoader.kind} → ${after.bootLoader.kind}`],
        },
      ];
    const serious = change.settings.filter((setting) => !cosmetic.test(setting.key));
    return serious.length === 0
      ? []
      : [
          {
            subject: "boot loader",
            evidence: serious.map((setting) => `${setting.key}: ${setting.from ?? "unset"} → ${setting.to ?? "unset"}`),
          },
        ];
  },
};

export const bootCounting: Rule = {
  id: "boot-counting",
  family: "kernel-and-boot",
  verdict: "risky",
  mode: "switch-then-reboot",
  title: "Boots are counted, or no longer",
  hazard: "Where a good boot is not blessed the loader falls back to an older generation after a few boots.",
  check: "Does systemd-bless-boot.service succeed, and what has to come up for boot-complete.target?",
  see: ({ diff, before, after }): Sighting[] => {
    const settings = diff.system.bootLoader.settings.filter((setting) => /count/i.test(setting.key));
    const units = diff.units.filter(
      (change) =>
        /^(systemd-bless-boot\.service|boot-complete\.target)$/.test(change.name) &&
        usable(before, change.name) !== usable(after, change.name),
    );
    return settings.length + units.length === 0
      ? []
      : [
          {
            subject: "boot loader",
            evidence: [
              ...settings.map((setting) => `${setting.key}: ${setting.from ?? "unset"} → ${setting.to ?? "unset"}`),
              ...units.map(evidenceOf),
            ],
          },
        ];
  },
};
