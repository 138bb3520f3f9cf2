import { changedTexts } from "../changed-texts.ts";
import { signed, withoutComment } from "../changed-lines.ts";
import type { Rule, Sighting } from "../rule.ts";

const accounts = /update-users-groups|userborn|sysusers|users-groups\.pl/;
export const accountProgram: Rule = {
  id: "account-program",
  family: "activation",
  verdict: "risky",
  reversible: false,
  title: "The program that makes accounts works in another way",
  hazard: "Numbers that it hands out, subordinate ids of containers above all, may differ from those that files on the host carry.",
  check: "Compare /etc/subuid and /var/lib/nixos before and after a dry activation.",
  see: ({ diff, before, after }): Sighting[] => {
    const texts = changedTexts(diff).filter((text) => accounts.test(text.source) && text.change === "changed");
    const sightings = texts.flatMap((text): Sighting[] => {
      const lines = signed(
        text.lines,
        (line) =>
          withoutComment(line).trim() !== "" && /alloc|subu?g?id|uid|gid|shadow|passw|mutable|delete|unlink|userdel|lock/i.test(line),
      );
      return lines.length === 0 ? [] : [{ subject: text.source, evidence: lines }];
    });
    // perl script, userborn and sysusers keep their notes in different files.
    const kind = (system: typeof before): string | undefined =>
      system === undefined
        ? undefined
        : system.units.has("userborn.service")
          ? "userborn"
          : system.activation.has("users") || [...system.activation.keys()].some((name) => name.endsWith("users"))
            ? "script"
            : system.units.has("systemd-sysusers.service")
              ? "sysusers"
              : undefined;
    const [from, to] = [kind(before), kind(after)];
    return from !== undefined && to !== undefined && from !== to
      ? [...sightings, { subject: "accounts", from, to, evidence: [`${from} → ${to}`] }]
      : sightings;
  },
};

/** Snippets that every NixOS has; without them there is no /etc, no account, no device node. */
const essential = /(^|-)(etc|users|specialfs|usrbinenv|binsh|var|groups|hostname|stdio|wrappers)$/;
export const activationGone: Rule = {
  id: "activation-snippet-gone",
  family: "activation",
  verdict: "risky",
  title: "A basic step of activation goes",
  hazard: "Without it the switch leaves /etc, the accounts or the mounts of the old system behind.",
  check: "Which module replaces this step?",
  see: ({ diff }) =>
    diff.settings.activation
      .filter(
        (snippet) => snippet.change === "removed" && /(^|-)(etc|users|specialfs)$/.test(snippet.snippet) && essential.test(snippet.snippet),
      )
      .map((snippet) => ({ subject: snippet.snippet, evidence: [`- activation script ${snippet.snippet}`] })),
};

const network =
  /\b(ip\s+(addr|address|link|route|rule)|ifconfig|nmcli|iptables|nft|tailscale\s+(down|logout|up)|wg-quick|systemctl\s+(stop|disable|mask|kill|isolate|reboot|poweroff|halt)|shutdown\b|reboot\b|poweroff\b|kexec\b|kill(all)?\s+-9|pkill|passwd|usermod|userdel|chpasswd|chown\s+-R|chmod\s+-R|setenforce|nixos-rebuild|nix-env\s+.*--(rollback|set)|bootctl|efibootmgr|grub-install|modprobe\s+-r|rmmod|umount|swapoff|mount\s+-o\s+remount)\b/;
export const activationActs: Rule = {
  id: "activation-acts",
  family: "activation",
  verdict: "risky",
  title: "The activation script does something to the running host",
  hazard:
    "Activation runs as root in the middle of the switch and at every boot; what it stops, changes or takes away is not undone by a rollback.",
  check: "Read the snippet: is it meant to run at every boot as well?",
  see: ({ diff }) =>
    changedTexts(diff)
      .filter((text) => text.kind === "activation")
      .flatMap((text): Sighting[] => {
        const lines = text.lines.added.filter((line) => network.test(withoutComment(line)) && !text.lines.removed.includes(line));
        return lines.length === 0 ? [] : [{ subject: text.source, evidence: lines.map((line) => `+ ${line.trim()}`) }];
      }),
};

/** Too long to be shown whole: what a stranger puts behind the last line that is shown, no rule has read. */
const cutShort = (diff: string): boolean => diff === "" || /^\\ \d+ (more lines|bytes, too long)/m.test(diff);
/** Long lists from packages that nothing is decided by. */
const listing =
  /^\/etc\/(services|protocols|rpc|mime\.types|ssl\/|pki\/|ca-certificates|terminfo|zoneinfo|udev\/hwdb|man|bash_completion|nanorc|vimrc|X11\/|fonts\/|xdg\/|dconf\/|geoclue|ethertypes|magic|shells|issue)/;

export const uncompared: Rule = {
  id: "not-compared",
  family: "activation",
  verdict: "risky",
  title: "Something could not be read or compared",
  hazard: "A part of the system that was not looked at may hold any of the hazards on this page.",
  check: "Look at the named path yourself.",
  see: ({ diff, after, before }): Sighting[] => {
    const lines = [...new Set([...diff.unknown, ...after.unread.filter((line) => !(before?.unread.includes(line) ?? false))])];
    const files = diff.files.filter(
      (file) =>
        !file.hashOnly &&
        file.change !== "removed" &&
        (file.kind === "unread" || (file.kind === "text" && cutShort(file.diff) && !listing.test(file.path))),
    );
    const units = diff.units.filter((unit) => !unit.hashOnly && unit.change !== "removed" && cutShort(unit.diff));
    return [
      ...(lines.length === 0 ? [] : [{ subject: "comparison", evidence: lines }]),
      ...[...files.map((file) => file.path), ...units.map((unit) => unit.name)].map((subject) => ({
        subject,
        evidence: [`${subject} could not be compared line by line`],
      })),
    ];
  },
};

export const activationRules: readonly Rule[] = [accountProgram, activationGone, activationActs, uncompared];
