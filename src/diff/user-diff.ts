import { createHash } from "node:crypto";
import type { StoreFiles } from "../io/ports.ts";
import { etcText } from "./etc.ts";
import { normaliseHashes } from "./normalise.ts";
import { redact } from "./secrets.ts";
import type { System, User, Users } from "./system.ts";
import type { KeyChange, UserChange } from "./system-diff.ts";
import { keyParts } from "./users.ts";

const maxGroups = 2000;

/**
 * Changed users: what they are, which groups they belong to, and which keys let them in. A password's change is told by its kind, its
 * value never.
 */
export function diffUsers(store: StoreFiles, before: System, after: System): UserChange[] {
  const from = before.users?.users ?? new Map<string, User>();
  const to = after.users?.users ?? new Map<string, User>();
  const keyOwners = [...before.etc.keys(), ...after.etc.keys()].flatMap((path) =>
    path.startsWith(keyDirectory) ? [path.slice(keyDirectory.length)] : [],
  );
  const oldGroups = groupsByUser(before.users);
  const newGroups = groupsByUser(after.users);
  // Where one side could not be read, every user would look added or removed: then only keys are compared.
  const comparable = before.users !== undefined && after.users !== undefined;
  const names = comparable ? [...from.keys(), ...to.keys(), ...keyOwners] : keyOwners;
  return [...new Set(names)].sort().flatMap((name) => {
    const old = from.get(name);
    const now = to.get(name);
    const fields = comparable ? userFields(old, now, oldGroups.get(name), newGroups.get(name)) : [];
    const keys = keyChanges(store, before, after, name);
    if (fields.length === 0 && keys.keysAdded.length === 0 && keys.keysRemoved.length === 0 && (old === undefined) === (now === undefined))
      return [];
    const change = !comparable || (old === undefined) === (now === undefined) ? "changed" : old === undefined ? "added" : "removed";
    return [{ name, change, fields, ...keys }];
  });
}

const keyDirectory = "ssh/authorized_keys.d/";

function userFields(
  from: User | undefined,
  to: User | undefined,
  oldGroups: readonly string[] = [],
  newGroups: readonly string[] = [],
): KeyChange[] {
  const fields: KeyChange[] = [];
  const field = (key: string, old: string | undefined, now: string | undefined): void => {
    if (old !== now) fields.push({ key, from: old, to: now });
  };
  field("uid", from?.uid?.toString(), to?.uid?.toString());
  field("group", from?.group, to?.group);
  // Somebody who comes or goes without groups has no line about groups.
  const groups = (side: User | undefined, other: User | undefined, names: readonly string[]): string | undefined =>
    side === undefined || (other === undefined && names.length === 0) ? undefined : names.join(", ");
  field("groups", groups(from, to, oldGroups), groups(to, from, newGroups));
  field("shell", shown(from?.shell), shown(to?.shell));
  field("home", shown(from?.home), shown(to?.home));
  field("isSystemUser", from?.isSystemUser.toString(), to?.isSystemUser.toString());
  const same = from?.password?.kind === to?.password?.kind && from?.password?.digest === to?.password?.digest;
  if (!same)
    fields.push({
      key: "password",
      from: from?.password?.kind,
      to: from?.password?.kind === to?.password?.kind ? `${to?.password?.kind}, another value` : to?.password?.kind,
    });
  return fields;
}

const shown = (path: string | undefined): string | undefined => (path === undefined ? undefined : normaliseHashes(path));

function groupsByUser(users: Users | undefined): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const group of users?.groups.values() ?? []) {
    for (const member of group.members) {
      const known = groups.get(member);
      if (known === undefined) groups.set(member, [group.name]);
      else if (known.length < maxGroups) known.push(group.name);
    }
  }
  for (const list of groups.values()) list.sort();
  return groups;
}

function keyChanges(store: StoreFiles, before: System, after: System, user: string): Pick<UserChange, "keysAdded" | "keysRemoved"> {
  const path = keyDirectory + user;
  if (before.etc.get(path)?.target === after.etc.get(path)?.target) return { keysAdded: [], keysRemoved: [] };
  const from = shortKeys(etcText(store, before.etc, path) ?? "");
  const to = shortKeys(etcText(store, after.etc, path) ?? "");
  const only = (these: ReadonlyMap<string, string>, others: ReadonlyMap<string, string>): string[] =>
    [...these].filter(([key]) => !others.has(key)).map(([, key]) => key);
  return { keysAdded: only(to, from), keysRemoved: only(from, to) };
}

/**
 * Keys as `ssh-keygen -l` shows them, `ssh-ed25519 SHA256:… comment`, by what they allow: options and key. A changed comment is no other
 * key.
 */
function shortKeys(text: string): ReadonlyMap<string, string> {
  const keys = new Map<string, string>();
  for (const line of text.split("\n")) {
    const parts = keyParts(line);
    if (parts === undefined) continue;
    const fingerprint = createHash("sha256").update(keyBytes(parts.key)).digest("base64").replace(/=+$/, "");
    const options = parts.options === "" ? "" : `${redact(normaliseHashes(parts.options)).text.slice(0, 400)} `;
    keys.set(
      `${parts.options} ${parts.type} ${parts.key}`,
      `${options}${parts.type} SHA256:${fingerprint} ${parts.comment.slice(0, 200)}`.trimEnd(),
    );
  }
  return keys;
}

/**
 * The key's bytes; where the text is no proper base64 the text itself, since decoding drops what does not fit and two such keys would look
 * the same.
 */
function keyBytes(key: string): Buffer | string {
  const bytes = Buffer.from(key, "base64");
  return bytes.toString("base64").replace(/=+$/, "") === key.replace(/=+$/, "") ? bytes : key;
}

/** Groups by name, each as `gid 1: admin, deploy`; also `mutableUsers`, which is about all of them. */
export function diffGroups(before: System, after: System): KeyChange[] {
  if (before.users === undefined || after.users === undefined) return [];
  const written = (users: Users): Map<string, string> =>
    new Map(
      [...users.groups].map(([name, group]) => [
        name,
        `gid ${group.gid ?? "chosen by the host"}${group.members.length > 0 ? `: ${group.members.join(", ")}` : ""}`,
      ]),
    );
  const from = written(before.users);
  const to = written(after.users);
  const changes: KeyChange[] = [...new Set([...from.keys(), ...to.keys()])]
    .sort()
    .flatMap((key) => (from.get(key) === to.get(key) ? [] : [{ key, from: from.get(key), to: to.get(key) }]));
  const mutable = [before.users.mutable?.toString(), after.users.mutable?.toString()];
  return mutable[0] === mutable[1] ? changes : [{ key: "users.mutableUsers", from: mutable[0], to: mutable[1] }, ...changes];
}
