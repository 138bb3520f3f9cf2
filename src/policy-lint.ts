import { groupsOf, mayLeave } from "./apply/group-health.ts";
import type { HostName } from "./discover/host.ts";
import type { Policy } from "./policy.ts";
import { rebootPolicyOf, type RebootPolicy } from "./reboot/window-policy.ts";
import { nextOpening } from "./reboot/window.ts";
import { windowsText } from "./reboot/window-text.ts";

/** What is well formed in a policy and still cannot mean what its author wanted. */
export type PolicyWarning = {
  readonly code: PolicyWarningCode;
  /** One sentence. */
  readonly sentence: string;
  /** The line or the command that mends it. */
  readonly next: string;
};

export type PolicyWarningCode =
  | "no-host-deployed"
  | "host-unknown"
  | "group-unknown"
  | "group-empty"
  | "group-never-allows"
  | "canary-not-deployed"
  | "approval-nobody"
  | "approval-except-author"
  | "window-never-opens"
  | "window-unused"
  | "program-missing"
  | "isolation-waived"
  | "last-admin-key"
  | "login-without-key";

export type PolicyLint = {
  readonly policy: Policy;
  /** The hosts of the flake; undefined where they are not known. */
  readonly hosts?: readonly HostName[];
  readonly forge?: "github" | "forgejo";
  readonly now: Date;
  /** Of evaluated hosts: who logs in, and the count of ssh keys of root and of each member of wheel (undefined: the configuration does not tell). */
  readonly access?: ReadonlyMap<HostName, { readonly user: string; readonly keys: Readonly<Record<string, number>> | undefined }>;
  /** Programs and files of the policy that are not on this machine. */
  readonly missing?: readonly string[];
};

/** Whatever is worth a look, in the order of the policy's page. Pure: the same policy at the same instant gives the same warnings. */
export function lintPolicy(lint: PolicyLint): readonly PolicyWarning[] {
  return [...hosts(lint), ...groups(lint), ...approvals(lint), ...reboots(lint), ...machine(lint), ...access(lint)];
}

const key = (host: string): string => (/^[A-Za-z_][A-Za-z0-9_'-]*$/.test(host) ? host : JSON.stringify(host));
const names = (all: readonly string[]): string =>
  all.length <= 4 ? all.join(", ") : `${all.slice(0, 4).join(", ")} and ${all.length - 4} more`;

function deployed(policy: Policy): HostName[] {
  return (Object.keys(policy.hosts) as HostName[]).filter((host) => policy.hosts[host]?.deploy === true);
}

function hosts({ policy, hosts: known }: PolicyLint): PolicyWarning[] {
  const warnings: PolicyWarning[] = [];
  const first = known?.[0] ?? Object.keys(policy.hosts)[0] ?? "NAME";
  if (deployed(policy).length === 0)
    warnings.push({
      code: "no-host-deployed",
      sentence: "No host has deploy = true: every change is built and reported, and none is brought in.",
      next: `deployGate.hosts.${key(first)}.deploy = true;   # when you are ready`,
    });
  const strangers = known === undefined ? [] : Object.keys(policy.hosts).filter((host) => !(known as readonly string[]).includes(host));
  if (strangers.length > 0)
    warnings.push({
      code: "host-unknown",
      sentence: `The policy speaks of ${names(strangers)}, which the flake does not have; what it says there holds for nobody.`,
      next: `nixos-deploy-gate plan --no-build   # lists the hosts as the flake names them: ${names(known ?? [])}`,
    });
  const canaries = Object.entries(policy.hosts).filter(([, { canary }]) => canary);
  if (canaries.length > 0 && !canaries.some(([, { deploy }]) => deploy) && deployed(policy).length > 0)
    warnings.push({
      code: "canary-not-deployed",
      sentence: `${names(canaries.map(([host]) => host))} should go first as a canary, but is not deployed, so nobody goes first.`,
      next: `deployGate.hosts.${key(canaries[0]?.[0] ?? "")}.deploy = true;`,
    });
  return warnings;
}

function groups({ policy }: PolicyLint): PolicyWarning[] {
  const used = groupsOf(policy);
  const empty = Object.keys(policy.groups).filter((name) => !used.has(name));
  const unsaid = [...used.keys()].filter((name) => !Object.hasOwn(policy.groups, name));
  const warnings: PolicyWarning[] = [];
  for (const name of unsaid)
    warnings.push({
      code: "group-unknown",
      sentence: `${names(used.get(name)?.members ?? [])} is in the group ${name}, of which groups says nothing: one member at a time, and no quorum.`,
      next: `deployGate.groups.${key(name)} = { };   # or correct its name${empty.length === 0 ? "" : `: nobody is in ${names(empty)}`}`,
    });
  for (const name of empty)
    warnings.push({
      code: "group-empty",
      sentence: `Nobody is in the group ${name}, so that what it says holds for no host.`,
      next: `deployGate.hosts.NAME.group = ${JSON.stringify(name)};`,
    });
  for (const group of used.values()) {
    const one = group.members.find((host) => policy.hosts[host]?.deploy === true);
    const leave = one === undefined ? undefined : mayLeave(group, new Set(), one);
    if (leave?.allowed === false)
      warnings.push({
        code: "group-never-allows",
        sentence: `No member of the group ${group.name} can ever be deployed or rebooted. ${leave.sentence}`,
        next: `deployGate.groups.${key(group.name)}.quorum = false;   # or name all members of the cluster: a quorum needs three`,
      });
  }
  return warnings;
}

function approvals({ policy, forge }: PolicyLint): PolicyWarning[] {
  const { by, exceptAuthor } = policy.approval;
  const warnings: PolicyWarning[] = [];
  if (by?.length === 0 || (by === undefined && forge === "forgejo"))
    warnings.push({
      code: "approval-nobody",
      sentence:
        by === undefined
          ? "Nobody can approve what is held: Forgejo does not tell a job's token who may write to the repository, and approval.by names nobody."
          : "Nobody can approve what is held: approval.by is empty.",
      next: 'deployGate.approval.by = [ "YOUR-LOGIN" ];',
    });
  if (exceptAuthor)
    warnings.push({
      code: "approval-except-author",
      sentence:
        "No approval passes at all: approval.exceptAuthor wants an approver who is not the author, and who wrote a commit cannot be shown in this version.",
      next: "deployGate.approval.exceptAuthor = false;",
    });
  return warnings;
}

function reboots({ policy, now }: PolicyLint): PolicyWarning[] {
  // Members of a group share the group's own object, and are one warning.
  const shared = new Map<RebootPolicy, HostName[]>();
  for (const host of deployed(policy)) {
    const reboot = rebootPolicyOf(policy, host);
    shared.set(reboot, [...(shared.get(reboot) ?? []), host]);
  }
  return [...shared].flatMap(([reboot, hosts]): PolicyWarning[] => {
    if (reboot.windows === "never") return [];
    const where = `deployGate.hosts.${key(hosts[0] ?? "")}.reboot`;
    if (reboot.attended)
      return [
        {
          code: "window-unused",
          sentence: `The windows of ${names(hosts)} (${windowsText(reboot)}) are never used: attended = true keeps every reboot for a person.`,
          next: `${where}.attended = false;   # or take the windows away`,
        },
      ];
    const needed = reboot.expectedSeconds + reboot.marginSeconds;
    if (nextOpening(reboot, now, needed) !== undefined) return [];
    const open = nextOpening(reboot, now);
    return [
      {
        code: "window-never-opens",
        sentence:
          open === undefined
            ? `No window of ${names(hosts)} opens within 400 days (${windowsText(reboot)}), so a pending reboot waits for ever.`
            : `The windows of ${names(hosts)} (${windowsText(reboot)}) are shorter than a reboot takes: ${needed} seconds with its margin, so a pending reboot waits for ever.`,
        next:
          open === undefined
            ? `${where}.blackout = [ ];   # or dates that leave a window open`
            : `${where}.expectedSeconds = 120;   # as long as it really takes, or a longer window`,
      },
    ];
  });
}

function machine({ policy, missing = [] }: PolicyLint): PolicyWarning[] {
  const warnings = missing.map((program): PolicyWarning => ({
    code: "program-missing",
    sentence: `The policy names ${program}, which is not on this machine; where the gate runs it has to be.`,
    next: `ls -l '${program.replaceAll("'", `'\\''`)}'`,
  }));
  if (policy.evaluation.isolation !== "required")
    warnings.push({
      code: "isolation-waived",
      sentence: "The policy lets unreviewed code read the secrets of the runner wherever it cannot be isolated.",
      next: 'deployGate.evaluation.isolation = "required";',
    });
  return warnings;
}

function access({ access: known = new Map() }: PolicyLint): PolicyWarning[] {
  const alone: HostName[] = [];
  const without: { host: HostName; user: string }[] = [];
  for (const [host, { user, keys }] of known) {
    if (keys === undefined) continue;
    // Keys that a certificate authority or a directory lets in are in no list; where there is none at all, nothing is known.
    const all = Object.values(keys).reduce((sum, count) => sum + count, 0);
    if (all === 1) alone.push(host);
    if (all > 0 && keys[user] === 0) without.push({ host, user });
  }
  const [first] = without;
  return [
    ...(alone.length === 0
      ? []
      : [
          {
            code: "last-admin-key" as const,
            sentence: `One ssh key alone becomes root on ${names(alone)}. If that is the gate's, whoever loses it has locked everybody out, and nobody can look while a deploy has gone wrong.`,
            next: 'users.users.root.openssh.authorizedKeys.keys = [ "GATE" "YOURS" ];   # a second key, of a person',
          },
        ]),
    ...(first === undefined
      ? []
      : [
          {
            code: "login-without-key" as const,
            sentence: `The gate logs in to ${names(without.map(({ host }) => host))} as ${first.user}, for whom the configuration has no ssh key.`,
            next: `users.users.${key(first.user)}.openssh.authorizedKeys.keys = [ "GATE" ];`,
          },
        ]),
  ];
}
