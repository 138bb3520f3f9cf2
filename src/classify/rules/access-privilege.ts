import { signed, withoutComment } from "../changed-lines.ts";
import { changedTexts, textsOf } from "../changed-texts.ts";
import type { LineChange } from "../../diff/system-diff.ts";
import type { Rule, RuleContext, Sighting } from "../rule.ts";

/** Spaces, store hashes and comments say nothing about what a line allows. */
const plain = (line: string): string =>
  line
    .replace(/\s*#.*$/, "")
    .replace(/\s+/g, " ")
    .trim();
const meaningful = (changes: readonly LineChange[], change: "added" | "removed"): LineChange[] =>
  changes.filter((entry) => entry.change === change && plain(entry.line) !== "");

/** Defaults lines keep environment variables or set a prompt; only these of them decide whether sudo works without a person. */
const grants = (line: string): boolean =>
  !/^Defaults\b/.test(plain(line)) ||
  /requiretty|rootpw|targetpw|runaspw|authenticate|passwd_tries|use_pty|timestamp_timeout|secure_path|runas_default/.test(line);

export const deployKeyRestricted: Rule = {
  id: "deploy-key-restricted",
  family: "access",
  verdict: "risky",
  title: "A key of the deploy user gets restrictions",
  hazard: "Options such as from= or command= on the key can refuse the address or the command of the next deploy.",
  check: "Does the deploy come from an allowed address, and may it still run commands?",
  see: ({ diff, facts }) =>
    textsOf(diff, /authorized_keys(\.d)?\//).flatMap((text): Sighting[] => {
      if (!text.source.endsWith(`/${facts.deployUser ?? "root"}`)) return [];
      const keyOf = (line: string): string | undefined => /\b(AAAA[\w+/=]{20,})/.exec(line)?.[1];
      const restricted = (line: string): boolean =>
        /(^|,)(from=|command=|restrict\b|no-pty|expiry-time=|cert-authority|principals=)/.test(line.trim());
      const before = new Map(text.lines.removed.map((line) => [keyOf(line), line]));
      const worse = text.lines.added.filter(
        (line) => restricted(line) && keyOf(line) !== undefined && before.has(keyOf(line)) && !restricted(before.get(keyOf(line)) ?? ""),
      );
      return worse.length === 0 ? [] : [{ subject: text.source, evidence: worse.map((line) => `+ ${line}`) }];
    }),
};

export const sudoChanged: Rule = {
  id: "sudo-changed",
  family: "access",
  verdict: "risky",
  title: "The rules of sudo or doas change",
  hazard: "A deploy that becomes root by sudo may wait for a password for ever, or somebody else may become root without one.",
  check: "Who becomes root after this, with and without a password? Try `sudo -n true` as the deploy user.",
  see: ({ diff }) => {
    const removed = meaningful(diff.settings.sudo, "removed").filter((entry) => grants(entry.line));
    const added = meaningful(diff.settings.sudo, "added").filter((entry) => grants(entry.line));
    if (removed.length + added.length === 0) return [];
    // Same lines in another order allow the same, as long as none of them takes something back.
    const words = (entries: readonly LineChange[]): string =>
      entries
        .map((entry) => plain(entry.line))
        .toSorted()
        .join("\n");
    if (words(removed) === words(added) && !removed.some((entry) => entry.line.includes("!"))) return [];
    return [
      {
        subject: [...new Set([...removed, ...added].map((entry) => entry.file))].join(", "),
        evidence: [...removed.map((entry) => `- ${plain(entry.line)}`), ...added.map((entry) => `+ ${plain(entry.line)}`)],
      },
    ];
  },
};

/** A line that gives a program its wrapper, in the words of the scripts that NixOS has used for it. Capabilities alone are no way to root. */
function wrapperName(line: string): string | undefined {
  if (!/u\+s|u=s|g\+s|setuid|\b[246][0-7]{3}\b/.test(line)) return undefined;
  return (/^\s*mk\w*\s+"?([\w.-]+)/.exec(line) ?? /(?:wrapperDir|wrappers\/bin|wrappers)\/"?([\w.-]+)/.exec(line))?.[1];
}

export const setuidWrappers: Rule = {
  id: "setuid-wrappers",
  family: "access",
  verdict: "risky",
  title: "The list of setuid programs changes",
  hazard: "Without its wrapper sudo, su or the password check does not work; a new one is a way to root.",
  check: "Is every program of the list meant to run as root for everybody?",
  see: ({ diff }) =>
    changedTexts(diff).flatMap((text): Sighting[] => {
      // The same mode for a program of another version is no change of the list.
      const list = (lines: readonly string[]): string[] =>
        lines.filter((line) => wrapperName(line) !== undefined).map((line) => plain(line.replaceAll(/\/nix\/store\/[^/\s"']+/g, "…")));
      const [was, is] = [list(text.lines.removed), list(text.lines.added)];
      const lines = [
        ...was.filter((line) => !is.includes(line)).map((line) => `- ${line}`),
        ...is.filter((line) => !was.includes(line)).map((line) => `+ ${line}`),
      ];
      return lines.length === 0 ? [] : [{ subject: text.source, evidence: lines }];
    }),
};

const pamModule = /\b(pam_[a-z0-9_]+)\.so\b/;
type PamLine = { readonly facility: string; readonly control: string; readonly module: string };
function pamLine(line: string): PamLine | undefined {
  const match = /^\s*(auth|account|password|session)\s+(\[[^\]]*\]|\S+)\s+(\S+)/.exec(line.replace(/\s#.*$/, ""));
  const module = pamModule.exec(match?.[3] ?? "")?.[1];
  return match?.[1] === undefined || match[2] === undefined || module === undefined
    ? undefined
    : { facility: match[1], control: match[2], module };
}
/** Modules that let everybody through, or that NixOS always has in that place. */
const harmless =
  /^pam_(unix|deny|env|loginuid|systemd|limits|motd|faildelay|keyinit|mkhomedir|lastlog|lastlog2|permit|rootok|umask|selinux|apparmor|gnome_keyring|kwallet\d?|nologin|tty_audit|systemd_home)$/;

export const pamChanged: Rule = {
  id: "pam-login",
  family: "access",
  verdict: "risky",
  title: "How PAM checks a login changes",
  hazard: "A PAM file without a working pam_unix line, or with one more required check, can refuse every login.",
  check: "Keep a root shell open and try ssh, sudo and the console in a second one.",
  see: ({ diff }: RuleContext) => {
    const byFile = Map.groupBy(diff.settings.pam, (entry) => entry.file);
    return [...byFile].flatMap(([file, entries]): Sighting[] => {
      const side = (change: "added" | "removed"): PamLine[] =>
        entries.filter((entry) => entry.change === change).flatMap((entry) => pamLine(entry.line) ?? []);
      const [removed, added] = [side("removed"), side("added")];
      const relevant = (line: PamLine): boolean => line.facility === "auth" || line.facility === "account";
      const lost = removed.filter(
        (line) =>
          relevant(line) &&
          line.module === "pam_unix" &&
          !added.some((other) => other.facility === line.facility && other.module === "pam_unix" && other.control === line.control),
      );
      const demands = (line: PamLine): boolean =>
        relevant(line) && /^(required|requisite|binding|\[.*(die|bad).*\])$/.test(line.control) && !harmless.test(line.module);
      const demanded = added.filter(
        (line) =>
          demands(line) && !removed.some((other) => demands(other) && other.module === line.module && other.control === line.control),
      );
      // A file that permits everybody is as much a change of who may log in as one that refuses them.
      const opened = added.filter(
        (line) =>
          relevant(line) &&
          line.module === "pam_permit" &&
          /^(sufficient|required)$/.test(line.control) &&
          line.facility === "auth" &&
          !removed.some((other) => other.module === "pam_permit"),
      );
      const worst = [
        ...lost.map((line) => `- ${line.facility} ${line.control} ${line.module}`),
        ...[...demanded, ...opened].map((line) => `+ ${line.facility} ${line.control} ${line.module}`),
      ];
      return worst.length === 0 ? [] : [{ subject: file, evidence: worst }];
    });
  },
};

export const polkitRules: Rule = {
  id: "polkit-grant",
  family: "access",
  verdict: "risky",
  title: "polkit lets more people act without asking",
  hazard: "A rule that answers yes makes every matching user as strong as root for that action.",
  check: "Who matches the rule, and is that meant?",
  see: ({ diff }) =>
    textsOf(diff, /polkit-1\/.*\.(rules|pkla)$/).flatMap((text): Sighting[] => {
      const lines = signed(text.lines, (line) => /polkit\.Result\.YES|ResultAny=yes|addAdminRule|unix-group:/.test(withoutComment(line)));
      return lines.some((line) => line.startsWith("+") || /addAdminRule|unix-group/.test(line))
        ? [{ subject: text.source, evidence: lines }]
        : [];
    }),
};

export const privilegeRules: readonly Rule[] = [deployKeyRestricted, sudoChanged, setuidWrappers, pamChanged, polkitRules];
