import { usable, values } from "../unit-view.ts";
import type { Rule, RuleContext, Sighting } from "../rule.ts";

/** Directives that decide who may log in, where sshd listens and which identity it shows. */
const decisive =
  /^(PermitRootLogin|PasswordAuthentication|KbdInteractiveAuthentication|ChallengeResponseAuthentication|PubkeyAuthentication|AuthenticationMethods|UsePAM|(Allow|Deny)(Users|Groups)|Port|ListenAddress|AddressFamily|HostKey|HostCertificate|HostKeyAgent|HostKeyAlgorithms|AuthorizedKeys(File|Command|CommandUser)|AuthorizedPrincipals(File|Command|CommandUser)|TrustedUserCAKeys|RevokedKeys|Pubkey(AcceptedAlgorithms|AcceptedKeyTypes|AuthOptions)|CASignatureAlgorithms|StrictModes|ChrootDirectory|ForceCommand|Include|PermitEmptyPasswords|GSSAPIAuthentication|KerberosAuthentication)$/i;

/** Whether a Match line can apply to the login of the deploy. `Match all` and lines on anything but users and groups may; one named user is looked at. */
function mayMatchDeploy(match: string, context: RuleContext): boolean {
  const words = match.replace(/^\s*Match\s+/i, "").split(/\s+/);
  const pairs = new Map<string, string>();
  for (let index = 0; index < words.length; index += 2) pairs.set((words[index] ?? "").toLowerCase(), words[index + 1] ?? "");
  const user = pairs.get("user");
  if (user !== undefined) {
    const patterns = user.split(",");
    if (patterns.some((pattern) => /[*?!]/.test(pattern))) return true;
    // Without a known deploy user root is what a deploy most often is, and an admin of the host counts as well.
    const deploys =
      context.facts.deployUser === undefined
        ? ["root", ...(context.after.users?.groups.get("wheel")?.members ?? [])]
        : [context.facts.deployUser];
    return patterns.some((pattern) => deploys.includes(pattern));
  }
  const group = pairs.get("group");
  if (group !== undefined) {
    const groups = context.facts.deployUserGroups ?? (context.facts.deployUser === "root" ? ["root"] : undefined);
    return groups === undefined || group.split(",").some((pattern) => /[*?!]/.test(pattern) || groups.includes(pattern));
  }
  return true;
}

export const sshdSettings: Rule = {
  id: "sshd-settings",
  family: "access",
  verdict: "risky",
  title: "Who may log in over ssh changes",
  hazard: "After this switch sshd may refuse the login that the next deploy, or you, would use.",
  check: "Log in from a second terminal as the deploy user before you close the first one.",
  see: (context) =>
    context.diff.settings.sshd
      .filter((change) => decisive.test(change.directive) && (change.match === undefined || mayMatchDeploy(change.match, context)))
      .map((change) => ({
        subject: change.match === undefined ? `sshd ${change.directive}` : `sshd ${change.directive} under ${change.match}`,
        from: change.from.join(", "),
        to: change.to.join(", "),
        evidence: [
          ...change.from.map((line) => `- ${change.directive} ${line}`),
          ...change.to.map((line) => `+ ${change.directive} ${line}`),
        ],
      })),
};

/** A Match block that is not closed swallows everything behind it; sshd then refuses directives that are not allowed there, and does not start. */
const globalOnly =
  /^(HostKey|HostCertificate|Port|ListenAddress|AddressFamily|UsePAM|UseDNS|Subsystem|Ciphers|MACs|KexAlgorithms|StrictModes|LoginGraceTime|MaxStartups|PidFile|PrintMotd|PrintLastLog)$/i;

export const sshdMatchUnclosed: Rule = {
  id: "sshd-match-unclosed",
  family: "access",
  verdict: "risky",
  title: "A Match block of sshd swallows global settings",
  hazard: "Directives that stand behind an unclosed Match block no longer hold for everybody, or keep sshd from starting.",
  check: "Close the block with `Match all`, and run `sshd -t` on the new file.",
  see: ({ diff }) =>
    diff.settings.sshd
      .filter((change) => change.match !== undefined && change.to.length > 0 && globalOnly.test(change.directive))
      .map((change) => ({
        subject: `sshd ${change.directive} under ${change.match ?? ""}`,
        to: change.to.join(", "),
        evidence: [`+ ${change.directive} ${change.to.join(" ")}`],
      })),
};

const daemons = ["sshd.service", "sshd.socket", "sshd@.service", "ssh.service", "openssh.service", "dropbear.service"] as const;
const listens = (context: RuleContext, side: "before" | "after"): boolean => {
  const system = context[side];
  const service = system?.units.get("sshd.service");
  if (usable(system, "sshd.service") && values(service, "Service", "ExecStart").length > 0) return true;
  if (usable(system, "sshd.socket") && usable(system, "sshd@.service")) return true;
  return ["ssh.service", "openssh.service", "dropbear.service"].some((name) => usable(system, name));
};

export const sshdGone: Rule = {
  id: "sshd-gone",
  family: "access",
  verdict: "risky",
  title: "The ssh daemon goes",
  hazard: "The switch stops sshd and nothing listens for the next login.",
  check: "Is there another way in (console, overlay with its own ssh), and is it tested?",
  see: (context) => {
    if (!listens(context, "before") || listens(context, "after")) return [];
    const changes = context.diff.units.filter((change) => daemons.some((name) => name === change.name));
    return [{ subject: "sshd.service", evidence: changes.map((change) => `${change.name}: ${change.change}, ${change.effect}`) }];
  },
};

export const sshdNotWanted: Rule = {
  id: "sshd-not-wanted",
  family: "access",
  verdict: "risky",
  title: "Nothing starts sshd any more",
  hazard: "The unit is still there, but after the next boot nobody starts it.",
  check: "Compare wantedBy of sshd.service and sshd.socket.",
  see: ({ before, after }) => {
    const wanted = (side: typeof before): boolean =>
      ["sshd.service", "sshd.socket"].some((name) => (side?.units.get(name)?.wantedBy.length ?? 0) > 0);
    return wanted(before) && usable(after, "sshd.service") && !wanted(after)
      ? [{ subject: "sshd.service", evidence: ["no target wants sshd.service or sshd.socket"] }]
      : [];
  },
};

export const sshOldKeys: Rule = {
  id: "ssh-dsa-refused",
  family: "access",
  verdict: "risky",
  title: "The new OpenSSH refuses DSA keys",
  hazard: "From OpenSSH 10 on DSA keys are not accepted, and this host has users who log in with one.",
  check: "Give those users an ed25519 key first.",
  see: ({ diff, after, facts }): Sighting[] => {
    const change = diff.packages.changed.find((entry) => entry.name === "openssh");
    const crosses =
      change !== undefined &&
      change.from.some((version) => Number.parseInt(version, 10) < 10) &&
      change.to.some((version) => Number.parseInt(version, 10) >= 10);
    if (!crosses) return [];
    const users = [...(after.users?.users.values() ?? [])]
      .filter((user) => user.keys.some((key) => key.startsWith("ssh-dss")))
      .map((user) => user.name);
    const said = facts.authorizedKeyTypes?.some((type) => /dss|dsa(?!2)/i.test(type) && !/ecdsa/i.test(type)) ?? false;
    return users.length > 0 || said
      ? [
          {
            subject: "openssh",
            from: change.from.join(", "),
            to: change.to.join(", "),
            evidence: users.map((name) => `${name} has an ssh-dss key`),
          },
        ]
      : [];
  },
};

export const sshdRules: readonly Rule[] = [sshdSettings, sshdMatchUnclosed, sshdGone, sshdNotWanted, sshOldKeys];
