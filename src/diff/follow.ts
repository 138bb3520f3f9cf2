import type { StoreFiles } from "../io/ports.ts";
import { hasVersion, normaliseHashes, storeMentions, type StoreMention } from "./normalise.ts";

/** One file on both sides, found behind texts that name it; a side is undefined where only the other names it. */
export type FollowedPair = { readonly label: string; readonly from: string | undefined; readonly to: string | undefined };

const maxMentions = 2000;
const maxDirectoryFiles = 300;
const maxDirectoryDepth = 6;
/** Parts of a system that are compared as what they are and not as files behind a script. */
const ownParts =
  /^(?:etc|system-path|system-units|user-units|kernel-modules|firmware|initrd-.*|nixos-system-.*|linux-.*|perl-.*-env|extra-utils)$/;
const configuration =
  /\.(?:conf|cfg|ini|json|ya?ml|toml|xml|sh|bash|pl|py|rules|nft|txt|env|list|service|lua|sql|hcl|nix|properties|ncl|html)$|^unit-script-/;

/**
 * The files that two texts name in the store and that are not the same: scripts, configuration files, manifests. Programs are left out:
 * their packages tell their change. Paired by name, then by name without version, since a configuration may carry its program's version.
 */
export function followPairs(store: StoreFiles, from: string, to: string): FollowedPair[] {
  const before = new Map<string, StoreMention>();
  const after = new Map<string, StoreMention>();
  // A path that both sides name is the same file: it is never opened.
  const old = storeMentions(from, store.prefix, maxMentions);
  const now = storeMentions(to, store.prefix, maxMentions);
  const oldPaths = new Set(old.map((mention) => mention.path));
  const nowPaths = new Set(now.map((mention) => mention.path));
  for (const mention of old)
    if (!nowPaths.has(mention.path) && isConfiguration(store, mention)) before.set(keyOf(before, mention), mention);
  for (const mention of now) if (!oldPaths.has(mention.path) && isConfiguration(store, mention)) after.set(keyOf(after, mention), mention);
  const pairs: FollowedPair[] = [];
  const take = (key: string, otherKey: string | undefined): void => {
    const one = before.get(key);
    const other = otherKey === undefined ? undefined : after.get(otherKey);
    const mention = other ?? one;
    if (mention !== undefined) pairs.push({ label: labelOf(mention), from: one?.path, to: other?.path });
    before.delete(key);
    if (otherKey !== undefined) after.delete(otherKey);
  };
  // A map may lose entries while it is walked; what is taken is not met again.
  for (const key of before.keys()) if (after.has(key)) take(key, key);
  const versionless = new Map([...after.keys()].map((key) => [withoutVersion(key), key]));
  for (const key of before.keys()) take(key, versionless.get(withoutVersion(key)));
  for (const mention of after.values()) pairs.push({ label: labelOf(mention), from: undefined, to: mention.path });
  return pairs;
}

/** Name and what follows; a second path of the same name gets a number, so that neither hides the other. */
function keyOf(taken: ReadonlyMap<string, StoreMention>, mention: StoreMention): string {
  const key = mention.name + mention.below;
  let candidate = key;
  for (let count = 2; taken.has(candidate); count += 1) candidate = `${key}#${count}`;
  return candidate;
}

const withoutVersion = (key: string): string => key.replace(/-\d[^/]*/g, "-");

function isConfiguration(store: StoreFiles, mention: StoreMention): boolean {
  if (ownParts.test(mention.name)) return false;
  const place = store.resolve(mention.path);
  const kind = place === undefined ? undefined : store.entry(place)?.kind;
  if (kind === undefined) return false;
  if (mention.below === "") return kind === "file" || (kind === "directory" && !hasVersion(mention.name));
  if (!hasVersion(mention.name) || configuration.test(mention.name)) return true;
  // A script of writeShellScriptBin may have a digit in its name: it is a directory with one file in bin and nothing else.
  const names = store.list(mention.root);
  return names.length === 1 && names[0] === "bin" && store.list(`${mention.root}/bin`).length === 1;
}

function labelOf(mention: StoreMention): string {
  const last = mention.below.split("/").at(-1) ?? "";
  if (last === "" || last === mention.name) return mention.name;
  return mention.below.startsWith("/bin/") ? last : `${mention.name}${mention.below}`;
}

/** The files below two directories of the store, paired by their place in it; undefined where there are too many to look at. */
export function directoryPairs(store: StoreFiles, from: string | undefined, to: string | undefined): FollowedPair[] | undefined {
  const before = from === undefined ? new Map<string, string>() : filesBelow(store, from);
  const after = to === undefined ? new Map<string, string>() : filesBelow(store, to);
  if (before === undefined || after === undefined) return undefined;
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names.map((label) => ({ label, from: before.get(label), to: after.get(label) }));
}

function filesBelow(store: StoreFiles, root: string): ReadonlyMap<string, string> | undefined {
  const files = new Map<string, string>();
  const seen = new Set<string>();
  const queue: { readonly path: string; readonly below: string; readonly depth: number }[] = [{ path: root, below: "", depth: 0 }];
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    const resolved = store.resolve(at.path);
    if (resolved === undefined || seen.has(resolved)) continue;
    seen.add(resolved);
    const names = store.list(resolved);
    if (names.length > maxDirectoryFiles) return undefined;
    for (const name of names) {
      const path = store.resolve(`${resolved}/${name}`) ?? `${resolved}/${name}`;
      const below = at.below === "" ? name : `${at.below}/${name}`;
      const kind = store.entry(path)?.kind;
      if (kind === "directory") {
        if (at.depth < maxDirectoryDepth) queue.push({ path, below, depth: at.depth + 1 });
      } else if (kind === "file") files.set(below, path);
      if (files.size + queue.length > maxDirectoryFiles) return undefined;
    }
  }
  return files;
}

/** Whether a store path belongs to a package, whose change is told elsewhere, rather than to the configuration. */
export function inPackage(path: string, prefix: string): boolean {
  const name = path.slice(prefix.length + 34).split("/")[0] ?? "";
  return path.startsWith(`${prefix}/`) && hasVersion(name) && !configuration.test(name);
}

/** Where a link leads, hashes taken out. */
export const shownTarget = (target: string | undefined): string => (target === undefined ? "" : normaliseHashes(target));
