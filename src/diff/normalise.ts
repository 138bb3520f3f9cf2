/**
 * Texts in the store name other store paths by hash, and a hash changes with every rebuild. Here hashes are taken out of a text, so that
 * two texts can be compared by what they mean: `/nix/store/<hash>-nginx.conf` becomes `/nix/store/…-nginx.conf`.
 */

/** Nix's own base-32 alphabet leaves out e, o, t and u: a word of 32 letters with one of them is no hash and stays. */
const hashPart = /\/[0-9a-df-np-sv-z]{32}-/g;

/** Takes the hash out of every store path in a text; nothing else changes. Linear in the text. */
export function normaliseHashes(text: string): string {
  return text.replace(hashPart, "/…-");
}

/** Whether two texts differ in nothing but the hashes of the store paths that they name. */
export function sameButHashes(from: string, to: string): boolean {
  return from === to || normaliseHashes(from) === normaliseHashes(to);
}

/** One mention of a store path: the path itself, its name without the hash, and what follows behind it. */
export type StoreMention = { readonly path: string; readonly root: string; readonly name: string; readonly below: string };

/**
 * The store paths that a text names, each once, in order, at most `limit` of them. A path ends where shells, unit files, nginx and JSON
 * would end a word.
 */
export function storeMentions(text: string, prefix: string, limit: number): StoreMention[] {
  const found = new Map<string, StoreMention>();
  const opening = `${prefix}/`;
  const rest = /([0-9a-df-np-sv-z]{32})-([0-9A-Za-z+._?=-]{1,211})((?:\/[^\s"'`<>|;,:(){}[\]$*\\&/]{1,255}){0,16})/y;
  for (let at = text.indexOf(opening); at !== -1 && found.size < limit; at = text.indexOf(opening, at)) {
    rest.lastIndex = at + opening.length;
    const match = rest.exec(text);
    at += opening.length;
    if (match === null) continue;
    const [all, hash, name = "", below = ""] = match;
    const path = opening + all;
    if (!found.has(path)) found.set(path, { path, root: `${opening}${hash}-${name}`, name, below });
    at += all.length;
  }
  return [...found.values()];
}

/**
 * Whether a store name carries a version as Nix splits it (a dash before a digit): such a path is a package, and its files are shown by
 * the package's change.
 */
export function hasVersion(name: string): boolean {
  return /-\d/.test(name);
}
