import type { User } from "../../diff/system.ts";
import { ask, type Rule, type RuleContext, type Sighting } from "../rule.ts";

const wheel = (context: RuleContext, side: "before" | "after"): readonly string[] =>
  context[side]?.users?.groups.get("wheel")?.members ?? [];
const keysOf = (user: User | undefined): readonly string[] => user?.keys ?? [];
/** Who can log in by key and become root: root and the members of wheel. */
function admins(context: RuleContext, side: "before" | "after"): readonly User[] {
  const users = context[side]?.users?.users;
  return ["root", ...wheel(context, side)].flatMap((name) => users?.get(name) ?? []);
}

export const deployKeyLost: Rule = {
  id: "deploy-key-lost",
  family: "access",
  verdict: "risky",
  title: "No old ssh key of the deploy user is kept",
  hazard: "Whoever holds the old key, the deploy included, cannot log in after the switch.",
  check: "Does the deploy hold a key of the new list? Add the new key first and remove the old one in a later change.",
  see: (context): Sighting[] => {
    const { before, after, facts } = context;
    // Without a known deploy user root stands for it: what most fleets use, and the account that matters most.
    const name = facts.deployUser ?? "root";
    const old = keysOf(before?.users?.users.get(name));
    if (old.length === 0) return [];
    const now = keysOf(after.users?.users.get(name));
    if (old.some((key) => now.includes(key))) return [];
    return [
      {
        subject: `authorized keys of ${name}`,
        from: `${old.length} keys`,
        to: `${now.length} keys`,
        evidence: [...old.map((key) => `- ${key}`), ...now.map((key) => `+ ${key}`)],
      },
    ];
  },
};

export const lastAdminKey: Rule = {
  id: "last-admin-key",
  family: "access",
  verdict: "risky",
  title: "The last admin key goes",
  hazard: "No key that worked before can log in to an account that may become root.",
  check: "Who could repair this host after the switch, and with which key?",
  see: (context): Sighting[] => {
    const old = new Set(admins(context, "before").flatMap((user) => user.keys));
    const now = new Set(admins(context, "after").flatMap((user) => user.keys));
    if (old.size === 0 || [...old].some((key) => now.has(key))) return [];
    return [
      {
        subject: "admin keys",
        from: `${old.size} keys`,
        to: `${now.size} keys`,
        evidence: [...[...old].map((key) => `- ${key}`), ...[...now].map((key) => `+ ${key}`)],
      },
    ];
  },
};

export const deployUserGone: Rule = {
  id: "deploy-user-gone",
  family: "access",
  verdict: "risky",
  title: "The deploy user goes, or loses its way to root",
  hazard: "The next deploy has no account to log in to or cannot become root there.",
  check: "Is there another account that the deploy may use?",
  see: ({ before, after, facts }): Sighting[] => {
    const name = facts.deployUser;
    if (name === undefined || name === "root") return [];
    const [was, is] = [before?.users?.users.get(name), after.users?.users.get(name)];
    if (was !== undefined && is === undefined) return [{ subject: `user ${name}`, evidence: [`- user ${name}`] }];
    const groups = ["wheel", "sudo", ...(facts.deployUserGroups ?? [])];
    return [...new Set(groups)].flatMap((group) => {
      const member = (side: typeof before): boolean =>
        side?.users?.groups.get(group)?.members.includes(name) === true || side?.users?.users.get(name)?.group === group;
      return member(before) && !member(after)
        ? [{ subject: `user ${name}`, from: `in ${group}`, to: `not in ${group}`, evidence: [`- ${group}: ${name}`] }]
        : [];
    });
  },
};

const noLogin = /\/(nologin|false)$/;
export const loginShell: Rule = {
  id: "login-shell",
  family: "access",
  verdict: "risky",
  title: "The shell of the deploy user or of an admin changes",
  hazard: "A shell that does not start, or that refuses logins, locks that account out.",
  check: "Does the new shell exist on the host, and does it run commands that ssh hands it?",
  see: (context): Sighting[] =>
    context.diff.settings.users.flatMap((change) => {
      const shell = change.fields.find((field) => field.key === "shell");
      if (shell === undefined || change.change !== "changed") return [];
      const deploy = change.name === (context.facts.deployUser ?? "root");
      const admin = deploy || change.name === "root" || wheel(context, "before").includes(change.name);
      if (!admin || (!deploy && !noLogin.test(shell.to ?? ""))) return [];
      return [
        {
          subject: `shell of ${change.name}`,
          from: shell.from,
          to: shell.to,
          evidence: [`- ${shell.from ?? "none"}`, `+ ${shell.to ?? "none"}`],
        },
      ];
    }),
};

export const passwordGone: Rule = {
  id: "admin-password",
  family: "access",
  verdict: "risky",
  title: "An admin loses the password",
  hazard: "On the console and for sudo a password is the last way in; without it nobody can repair the host by hand.",
  check: "Can somebody still log in on the console and become root?",
  see: (context): Sighting[] =>
    context.diff.settings.users.flatMap((change) => {
      const admin = change.name === "root" || wheel(context, "before").includes(change.name) || change.name === context.facts.deployUser;
      const [was, is] = [context.before?.users?.users.get(change.name)?.password, context.after.users?.users.get(change.name)?.password];
      const had = was !== undefined && was.kind !== "none";
      const has = is !== undefined && is.kind !== "none";
      if (!admin || change.change !== "changed" || !had || has || context.after.users?.mutable !== false) return [];
      return [
        {
          subject: `password of ${change.name}`,
          from: was.kind,
          to: "none",
          evidence: [`${change.name} had a password (${was.kind}) and has none`],
        },
      ];
    }),
};

export const mutableUsers: Rule = {
  id: "mutable-users-off",
  family: "access",
  verdict: "risky",
  title: "Users become immutable",
  hazard: "With users.mutableUsers = false every password set by hand is dropped, and accounts that are not declared disappear.",
  check: "Does every account that you need have a declared password or key?",
  see: ({ before, after }): Sighting[] =>
    before?.users?.mutable !== false && before?.users !== undefined && after.users?.mutable === false
      ? [{ subject: "users.mutableUsers", from: "true", to: "false", evidence: ["- mutableUsers = true", "+ mutableUsers = false"] }]
      : [],
};

/** What /var/lib/nixos/uid-map says for a name, where the operator wrote it down. */
function mapped(facts: unknown, name: string): number | undefined {
  if (typeof facts !== "object" || facts === null) return undefined;
  const value = (facts as Readonly<Record<string, unknown>>)[name];
  return typeof value === "number" ? value : undefined;
}

export const idChanged: Rule = {
  id: "id-changed",
  family: "access",
  verdict: "risky",
  title: "The uid or gid of an existing user or group changes",
  hazard: "Files stay with the old number: the service cannot read its own data, and another user may.",
  check: "Which files belong to the old number? Plan the chown before the switch.",
  see: (context): Sighting[] => {
    const { before, after, facts } = context;
    const sightings: Sighting[] = [];
    const compare = (kind: "user" | "group", name: string, from: number | undefined, to: number | undefined): void => {
      if (from === to) return;
      const shown = {
        subject: `${kind} ${name}`,
        from: from === undefined ? "allocated" : `${from}`,
        to: to === undefined ? "allocated" : `${to}`,
      };
      const evidence = [`- ${kind} ${name}: ${shown.from}`, `+ ${kind} ${name}: ${shown.to}`];
      if (from !== undefined && to !== undefined) {
        sightings.push({ ...shown, evidence });
        return;
      }
      // One side leaves the number to the host, which remembers it in /var/lib/nixos; only the host knows whether the numbers are the same.
      const remembered = facts.uidMapHas === undefined ? undefined : mapped(facts.uidMapHas, name);
      const answer = facts.uidMapHas === undefined ? undefined : remembered !== (from ?? to);
      const when = `the host remembers another number for ${name} than ${from ?? to ?? 0}`;
      const asked = ask(context, { fact: "uidMapHas", when, answer, plain: "clean", careful: "risky" });
      if (asked.verdict === "clean" && asked.settledBy === undefined) return;
      sightings.push({ ...shown, evidence: [...evidence, ...asked.note], verdict: asked.verdict, settledBy: asked.settledBy });
    };
    for (const [name, user] of before?.users?.users ?? []) {
      const now = after.users?.users.get(name);
      if (now !== undefined) compare("user", name, user.uid, now.uid);
    }
    for (const [name, group] of before?.users?.groups ?? []) {
      const now = after.users?.groups.get(name);
      if (now !== undefined) compare("group", name, group.gid, now.gid);
    }
    return sightings;
  },
};

export const userRules: readonly Rule[] = [deployKeyLost, lastAdminKey, deployUserGone, loginShell, passwordGone, mutableUsers, idChanged];
