import { contents, has, networkFiles, sshFiles, unlockers } from "../initrd-view.ts";
import { ask, type Rule, type Sighting } from "../rule.ts";

export const initrdRemoteLost: Rule = {
  id: "initrd-remote-unlock-lost",
  family: "kernel-and-boot",
  verdict: "risky",
  mode: "switch-then-reboot",
  title: "The initrd loses ssh or its network",
  hazard: "A host that is unlocked over the network waits for a passphrase that nobody can give it.",
  check: "Who unlocks the disk of this host at boot, and how?",
  see: (context): Sighting[] => {
    const [old, now] = [contents(context.before), contents(context.after)];
    if (old === undefined || now === undefined || !context.diff.system.initrd.changed) return [];
    const lost = [
      ...(has(old, sshFiles) && !has(now, sshFiles) ? ["ssh"] : []),
      ...(has(old, networkFiles) && !has(now, networkFiles) ? ["network"] : []),
      ...(has(old, unlockers) && !has(now, unlockers) ? ["automatic unlock"] : []),
    ];
    if (lost.length === 0) return [];
    const { needsPassphraseAtBoot, unlockedOver } = context.facts;
    const byNetwork =
      unlockedOver === undefined || /ssh|network|tang|clevis|remote|net/i.test(unlockedOver) || lost.includes("automatic unlock");
    const answer =
      needsPassphraseAtBoot === undefined
        ? undefined
        : (needsPassphraseAtBoot || (unlockedOver !== undefined && /tang|clevis|tpm/i.test(unlockedOver))) && byNetwork;
    const asked = ask(context, {
      fact: "needsPassphraseAtBoot",
      when: "somebody unlocks its disk over the network at boot",
      answer,
      plain: "reboot",
      careful: "risky",
    });
    return [
      {
        subject: "initrd",
        from: lost.join(", "),
        to: "gone",
        evidence: [...lost.map((what) => `- ${what} in the initrd`), ...asked.note],
        verdict: asked.verdict,
        settledBy: asked.settledBy,
      },
    ];
  },
};

export const initrdRemoteGained: Rule = {
  id: "initrd-remote-unlock-new",
  family: "kernel-and-boot",
  verdict: "risky",
  mode: "switch-then-reboot",
  title: "The initrd gains ssh or network",
  hazard:
    "Stage 1 now waits for a network and copies secrets when the boot loader is installed; where a key is missing on the host the boot fails.",
  check: "Do the host key files exist on the machine, and does stage 1 know the driver of the uplink?",
  see: ({ before, after, diff }): Sighting[] => {
    const [old, now] = [contents(before), contents(after)];
    if (old === undefined || now === undefined || !diff.system.initrd.changed) return [];
    const gained = [
      ...(!has(old, sshFiles) && has(now, sshFiles) ? ["ssh"] : []),
      ...(!has(old, networkFiles) && has(now, networkFiles) ? ["network"] : []),
    ];
    return gained.length === 0
      ? []
      : [{ subject: "initrd", to: gained.join(", "), evidence: gained.map((what) => `+ ${what} in the initrd`) }];
  },
};

const secretCopy = /append-initrd-secrets|initrd-nixos-copy-secrets|initrdSecrets/;

export const initrdSecrets: Rule = {
  id: "initrd-secrets",
  family: "kernel-and-boot",
  verdict: "risky",
  title: "Other secrets are copied into the initrd",
  hazard: "They are taken from the host when the boot loader is installed; a file that is missing there fails the switch.",
  check: "Do the files exist on the host?",
  see: ({ diff }) =>
    diff.files
      .filter((file) => secretCopy.test(file.path) && !file.hashOnly)
      .map((file) => ({
        subject: file.path,
        evidence: file.diff.split("\n").filter((line) => /^[+-][^+-]/.test(line)),
        verdict: /^\+[^+]*\bcp\b/m.test(file.diff) ? ("risky" as const) : ("reboot" as const),
      })),
};

export const unlockRules: readonly Rule[] = [initrdRemoteLost, initrdRemoteGained, initrdSecrets];
