import { createHmac, randomBytes } from "node:crypto";
import * as z from "zod";
import type { StoreFiles } from "../io/ports.ts";
import { etcDirectoryFiles, etcText, storeText } from "./etc.ts";
import { storeMentions } from "./normalise.ts";
import type { EtcFile, Group, Unit, User, Users } from "./system.ts";
import { unitValues } from "./unit-parse.ts";

const optionalText = z.string().nullish();
const UserEntry = z.looseObject({
  name: z.string(),
  uid: z.number().nullish(),
  group: optionalText,
  shell: optionalText,
  home: optionalText,
  isSystemUser: z.boolean().nullish(),
  isNormal: z.boolean().nullish(),
  hashedPassword: optionalText,
  hashedPasswordFile: optionalText,
  password: optionalText,
  initialPassword: optionalText,
  initialHashedPassword: optionalText,
});
const GroupEntry = z.looseObject({ name: z.string(), gid: z.number().nullish(), members: z.array(z.string()).nullish() });
/**
 * users-groups.json of update-users-groups.pl (nixpkgs, nixos/modules/config/users-groups.nix) and userborn's configuration, which is
 * close enough.
 */
const UsersGroups = z.looseObject({
  mutableUsers: z.boolean().nullish(),
  users: z.array(UserEntry),
  groups: z.array(GroupEntry).nullish(),
});

/**
 * The users and groups that a toplevel declares: from the JSON file that the activation script or userborn.service names, else from
 * /etc/sysusers.d. Keys come from /etc/ssh/authorized_keys.d. Undefined where none of these is there or readable, which is not "no users".
 */
export function readUsers(
  store: StoreFiles,
  activateText: string,
  etc: ReadonlyMap<string, EtcFile>,
  units: ReadonlyMap<string, Unit> = new Map(),
): Users | undefined {
  const keys = readKeys(store, etc);
  const path = usersFile(store, activateText, units);
  if (path !== undefined) {
    const known = parsedFiles(store).get(path);
    const parsed = known ?? parseUsers(storeText(store, path));
    if (parsed === undefined) return undefined;
    parsedFiles(store).set(path, parsed);
    return keys.size === 0 ? parsed : { ...parsed, users: withKeys(parsed.users, keys) };
  }
  const sysusers = [...etcDirectoryFiles(store, etc, "sysusers.d").values()].map((file) => storeText(store, file) ?? "").join("\n");
  return sysusers.trim() === "" ? undefined : parseSysusers(sysusers, keys);
}

const memory = new WeakMap<StoreFiles, Map<string, Users>>();
function parsedFiles(store: StoreFiles): Map<string, Users> {
  const known = memory.get(store) ?? new Map<string, Users>();
  memory.set(store, known);
  return known;
}

function usersFile(store: StoreFiles, activateText: string, units: ReadonlyMap<string, Unit>): string | undefined {
  const userborn = units.get("userborn.service");
  const started = userborn === undefined ? [] : unitValues(userborn, "Service", "ExecStart");
  const mentions = storeMentions([activateText, ...started].join("\n"), store.prefix, 5000);
  return mentions.find(({ name, below }) => below === "" && /^(?:users-groups|userborn(?:-config)?)\.json$/.test(name))?.path;
}

function parseUsers(text: string | undefined): Users | undefined {
  if (text === undefined) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = UsersGroups.safeParse(json);
  if (!parsed.success) return undefined;
  const users = new Map(parsed.data.users.map((entry) => [entry.name, toUser(entry)]));
  const groups = new Map(
    (parsed.data.groups ?? []).map((entry): [string, Group] => [
      entry.name,
      { name: entry.name, gid: entry.gid ?? undefined, members: [...(entry.members ?? [])].sort() },
    ]),
  );
  return { mutable: parsed.data.mutableUsers ?? undefined, users, groups };
}

function toUser(entry: z.infer<typeof UserEntry>): User {
  return {
    name: entry.name,
    uid: entry.uid ?? undefined,
    group: entry.group ?? "",
    shell: entry.shell ?? undefined,
    home: entry.home ?? undefined,
    isSystemUser: entry.isSystemUser ?? entry.isNormal === false,
    password: passwordOf(entry),
    keys: [],
  };
}

function passwordOf(entry: z.infer<typeof UserEntry>): User["password"] {
  if (typeof entry.hashedPasswordFile === "string") return { kind: "file", digest: digest(entry.hashedPasswordFile) };
  const hash = entry.hashedPassword ?? undefined;
  // `!` and `*` are no hashes: nobody can log in with them.
  if (hash !== undefined && hash !== "") return { kind: /^[!*]/.test(hash) ? "none" : "hash", digest: digest(hash) };
  if (typeof entry.password === "string") return { kind: "hash", digest: digest(entry.password) };
  const initial = entry.initialHashedPassword ?? entry.initialPassword ?? undefined;
  return initial === undefined ? { kind: "none", digest: "" } : { kind: "initial", digest: digest(initial) };
}

let processKey: Buffer | undefined;
/**
 * Keyed with bytes that die with the process: a plain digest of a weak password could be found by trying, and nobody outside this run
 * needs to compare it.
 */
function digest(value: string): string {
  processKey ??= randomBytes(32);
  return createHmac("sha256", processKey).update(value).digest("hex").slice(0, 16);
}

function readKeys(store: StoreFiles, etc: ReadonlyMap<string, EtcFile>): ReadonlyMap<string, readonly string[]> {
  const keys = new Map<string, readonly string[]>();
  for (const path of etc.keys()) {
    if (!path.startsWith("ssh/authorized_keys.d/")) continue;
    const lines = (etcText(store, etc, path) ?? "").split("\n");
    keys.set(
      path.slice("ssh/authorized_keys.d/".length),
      lines.map(bareKey).filter((key) => key !== undefined),
    );
  }
  return keys;
}

const keyType = /(?:^|\s)((?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]{1,60})\s+([A-Za-z0-9+/]{4,20000}={0,2})(?:\s+(.*))?$/;

/** Type and key of a line of authorized_keys, without options and comment; undefined for anything else. */
function bareKey(line: string): string | undefined {
  const parts = keyParts(line);
  return parts === undefined ? undefined : `${parts.type} ${parts.key}`;
}

/** sshd(8), AUTHORIZED_KEYS FILE FORMAT: options (which may hold quoted blanks), type, key, comment. */
export function keyParts(
  line: string,
): { readonly options: string; readonly type: string; readonly key: string; readonly comment: string } | undefined {
  const trimmed = line.trim();
  if (trimmed === "" || trimmed.startsWith("#") || trimmed.length > 65_536) return undefined;
  const match = keyType.exec(trimmed);
  if (match === null) return undefined;
  const [, type = "", key = "", comment = ""] = match;
  return { options: trimmed.slice(0, match.index).trim(), type, key, comment: comment.trim() };
}

function withKeys(users: ReadonlyMap<string, User>, keys: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, User> {
  return new Map([...users].map(([name, user]) => [name, keys.has(name) ? { ...user, keys: keys.get(name) ?? [] } : user]));
}

/** sysusers.d(5): `u name uid[:gid] "comment" home shell`, `g name gid`, `m user group`. */
function parseSysusers(text: string, keys: ReadonlyMap<string, readonly string[]>): Users {
  const users = new Map<string, User>();
  const groups = new Map<string, { gid: number | undefined; members: string[] }>();
  const group = (name: string): { gid: number | undefined; members: string[] } => {
    const known = groups.get(name) ?? { gid: undefined, members: [] };
    groups.set(name, known);
    return known;
  };
  const number = (field: string | undefined): number | undefined =>
    field !== undefined && /^\d{1,10}$/.test(field) ? Number(field) : undefined;
  for (const line of text.split("\n")) {
    const fields = [...line.trim().matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? "");
    const [type = "", name = "", id] = fields;
    if (/^u!?$/.test(type)) {
      const [uid, gid] = (id ?? "").split(":");
      users.set(name, {
        name,
        uid: number(uid),
        group: gid ?? name,
        home: field(fields[4]),
        shell: field(fields[5]),
        isSystemUser: (number(uid) ?? 0) < 1000,
        password: undefined,
        keys: keys.get(name) ?? [],
      });
    } else if (type === "g") group(name).gid = number(id);
    else if (type === "m" && id !== undefined) group(id).members.push(name);
  }
  return {
    mutable: undefined,
    users,
    groups: new Map([...groups].map(([name, { gid, members }]) => [name, { name, gid, members: members.sort() }])),
  };
}

const field = (value: string | undefined): string | undefined => (value === undefined || value === "-" ? undefined : value);
