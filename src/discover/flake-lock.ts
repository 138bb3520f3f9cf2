import { posix } from "node:path";
import type { LockFile, LockNode } from "./lock-file.ts";
import { networkPlace } from "./network-place.ts";

/**
 * The lock file of a change, judged before any Nix starts (invariant 4). An input is fetched by the evaluator, as us: `path:/etc/shadow` would be copied into the
 * store, `git+ssh:` would use our key, `http://169.254.169.254` would ask the cloud for its credentials. What base has locked in the same way is not judged again,
 * and another revision of a repository on the network that base uses already is an update, not a new input.
 */

/** An input that may not be fetched. */
export type LockFinding = {
  /** Names of inputs from the flake to it: `["nixpkgs"]`, `["a", "b"]`; the node's own name where nothing leads to it. */
  readonly input: readonly string[];
  /** What it asks for, as one line; untrusted. */
  readonly reference: string;
  readonly why: string;
};

export type LockTree = {
  /** Of the flake below the root of its repository; empty at the root. */
  readonly directory: string;
  /** Paths of symbolic links in the repository. A relative path that goes through one may leave it. */
  readonly symlinks: ReadonlySet<string>;
};

/** Inputs of head that base does not have, and that would read this machine or its network. `base` is undefined where there was no lock file, or none that counts. */
export function judgeLock(head: LockFile, base: LockFile | undefined, tree: LockTree): readonly LockFinding[] {
  const known = new Set<string>();
  const places = new Set<string>();
  for (const node of base?.nodes.values() ?? []) {
    if (node.locked === undefined) continue;
    known.add(canonical(node.locked));
    const place = placeOf(node.locked);
    if (place !== undefined) places.add(place);
  }
  const names = inputNames(head);
  const findings: LockFinding[] = [];
  for (const [name, node] of head.nodes) {
    if (name === head.root) continue;
    // A path is looked at again, since it is head's tree that it now leads through.
    if (node.locked !== undefined && node.locked["type"] !== "path" && known.has(canonical(node.locked))) continue;
    const why = node.locked === undefined ? "it is not locked" : judge(node, node.locked, { head, tree, places, known });
    if (why !== undefined) findings.push({ input: names.get(name) ?? [name], reference: referenceOf(node), why });
  }
  return findings;
}

type Known = {
  readonly head: LockFile;
  readonly tree: LockTree;
  readonly places: ReadonlySet<string>;
  readonly known: ReadonlySet<string>;
};

/** Why this input may not be fetched; undefined where it may. What is not known is refused. */
function judge(node: LockNode, locked: Readonly<Record<string, unknown>>, context: Known): string | undefined {
  const type = locked["type"];
  switch (type) {
    case "path":
      return judgePath(node, locked, context);
    case "github":
    case "gitlab":
    case "sourcehut":
      return judgeHost(locked["host"]) ?? (isHash(locked) || isRevision(locked) ? undefined : "it is not locked to a revision");
    case "git":
    case "hg": {
      const place = placeOf(locked);
      const why = place !== undefined && context.places.has(place) ? undefined : judgeUrl(locked["url"]);
      return why ?? (isRevision(locked) ? undefined : "it is not locked to a revision");
    }
    case "tarball":
    case "file":
      return judgeUrl(locked["url"]) ?? (isHash(locked) ? undefined : "it is not locked to a hash");
    case "indirect":
      return "it is looked up in a registry, which is this machine's";
    default:
      return `its type ${JSON.stringify(type)?.slice(0, 60) ?? ""} is not known`;
  }
}

function judgePath(node: LockNode, locked: Readonly<Record<string, unknown>>, { head, tree, known }: Known): string | undefined {
  const path = locked["path"];
  if (typeof path !== "string" || path === "") return "it names no path";
  if (path.startsWith("/") || path.startsWith("~")) return known.has(canonical(locked)) ? undefined : "it is a path of this machine";
  const from = directoryOf(head, tree, node.parent ?? [], 0);
  if (from === undefined) return "the flake that it is relative to cannot be told";
  return escapeOf(from, path, tree);
}

/** Where a flake stands in its source tree. `ours`: the tree is the repository of the change itself, whose links are known. */
type Standing = { readonly directory: string; readonly ours: boolean };

function directoryOf(lock: LockFile, tree: LockTree, inputs: readonly string[], depth: number): Standing | undefined {
  if (inputs.length === 0) return { directory: tree.directory, ours: true };
  const { locked, parent } = follow(lock, inputs) ?? {};
  if (depth > 32 || locked === undefined) return undefined;
  if (locked["type"] !== "path" || typeof locked["path"] !== "string" || locked["path"].startsWith("/"))
    return { directory: typeof locked["dir"] === "string" ? locked["dir"] : "", ours: false };
  const above = directoryOf(lock, tree, parent ?? [], depth + 1);
  return above === undefined ? undefined : { ...above, directory: posix.join(above.directory, locked["path"]) };
}

/** Why a relative path does not stay in its source tree; undefined where it does. Walked word by word: "a/../b" passes through a, which may be a link to anywhere. */
function escapeOf(from: Standing, path: string, tree: LockTree): string | undefined {
  const at: string[] = [];
  for (const part of `${from.directory}/${path}`.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (at.pop() === undefined) return "it leaves the repository";
      continue;
    }
    at.push(part);
    if (from.ours && tree.symlinks.has(at.join("/"))) return `it goes through the symbolic link ${at.join("/").slice(0, 100)}`;
  }
  return undefined;
}

/** The node that a chain of inputs leads to from the root. `steps` bounds chains that lead to chains, which could be made to grow without end. */
function follow(lock: LockFile, inputs: readonly string[], steps = { left: 1000 }): LockNode | undefined {
  let node = lock.nodes.get(lock.root);
  for (const input of inputs) {
    steps.left -= 1;
    const next = node?.inputs.get(input);
    if (next === undefined || steps.left < 0) return undefined;
    node = typeof next === "string" ? lock.nodes.get(next) : follow(lock, next, steps);
  }
  return node;
}

function judgeHost(host: unknown): string | undefined {
  if (host === undefined) return undefined;
  if (typeof host !== "string" || !URL.canParse(`https://${host}/`)) return "its host is not a name";
  const url = new URL(`https://${host}/`);
  if (url.username !== "" || url.password !== "" || url.pathname !== "/" || url.search !== "" || url.hash !== "")
    return "its host is not a name";
  const place = networkPlace(url.hostname);
  return place.kind === "private" ? `its host is ${place.why}` : undefined;
}

function judgeUrl(text: unknown): string | undefined {
  if (typeof text !== "string") return "it names no url";
  const match = /^(?:(?:git|hg|tarball|file)\+)?([a-z][a-z0-9+.-]*):(.*)$/is.exec(text);
  const scheme = match?.[1]?.toLowerCase();
  if (scheme === "file" || scheme === "path" || /^[./~]/.test(text)) return "it is a file of this machine";
  // `git@host:path` and `host:path`, as scp writes them.
  if (scheme === undefined || scheme === "ssh" || match?.[2]?.startsWith("//") !== true)
    return "it is fetched over ssh, with this machine's key";
  if (scheme !== "https" && scheme !== "http") return `its scheme ${scheme.slice(0, 40)} is not known`;
  // Parsed as http even where it is not, since only for that are all spellings of an address turned into one.
  const plain = `${scheme}:${match?.[2] ?? ""}`;
  if (/[\s\\\p{Cc}]/u.test(plain) || !URL.canParse(plain)) return "its url cannot be read";
  const url = new URL(plain);
  if (url.username !== "" || url.password !== "") return "its url holds credentials";
  return judgeHost(url.host);
}

const isHash = (locked: Readonly<Record<string, unknown>>): boolean =>
  typeof locked["narHash"] === "string" && /^sha(?:256|512)-[A-Za-z0-9+/]+=*$/.test(locked["narHash"]);
const isRevision = (locked: Readonly<Record<string, unknown>>): boolean =>
  typeof locked["rev"] === "string" && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(locked["rev"]);

/** What stays when an input is updated. Only for repositories on the network, whose server and path say what can be had there. */
function placeOf(locked: Readonly<Record<string, unknown>>): string | undefined {
  if ((locked["type"] !== "git" && locked["type"] !== "hg") || judgeUrl(locked["url"])?.includes("file of this machine") === true)
    return undefined;
  const { rev: _, revCount: __, narHash: ___, lastModified: ____, lastModifiedDate: _____, ref: ______, ...rest } = locked;
  return canonical(rest);
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(",")}}`;
}

/** One shortest chain of inputs to each node. */
function inputNames(lock: LockFile): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, readonly string[]>([[lock.root, []]]);
  const queue = [lock.root];
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    for (const [input, target] of lock.nodes.get(name)?.inputs ?? []) {
      if (typeof target !== "string" || names.has(target) || !lock.nodes.has(target)) continue;
      names.set(target, [...(names.get(name) ?? []), input]);
      queue.push(target);
    }
  }
  return names;
}

function referenceOf(node: LockNode): string {
  const { type, url, path, owner, repo, host, id } = { ...(node.locked ?? node.original) };
  const words = [type, host, url ?? path ?? (typeof owner === "string" && typeof repo === "string" ? `${owner}/${repo}` : id)];
  // Whatever stands before an "@" may be a password.
  const text = words
    .filter((word) => typeof word === "string")
    .join(" ")
    .replace(/\/\/[^/@\s]*@/g, "//***@");
  return text.replace(/\p{Cc}/gu, "?").slice(0, 200);
}
