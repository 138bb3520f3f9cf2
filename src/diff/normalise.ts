/**
 * Texts in the store name other store paths by hash, and a hash changes with every rebuild. Here hashes are taken out of a text, so that two texts can be
 * compared by what they mean: `/nix/store/<hash>-nginx.conf` becomes `/nix/store/…-nginx.conf`.
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
 * The store paths that a text names, each once, in order, at most `limit` of them. A path ends where shells, unit files, nginx and JSON would end a word.
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

/** Whether a store name carries a version as Nix splits it (a dash before a digit): such a path is a package, and its files are shown by the package's change. */
export function hasVersion(name: string): boolean {
  return /-\d/.test(name);
}

/**
 * Makes control characters visible, line ends and tabs aside. File names and texts come from strangers: an escape sequence in them would move the cursor of
 * whoever reads the report, and an invisible direction mark would let one line pass for another.
 */
export function visible(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, (character) => {
    const code = character.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    if (code === 0x7f) return "\u2421";
    return `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/** A name for one line: as `visible`, with line ends and tabs made visible as well. */
export function visibleName(name: string): string {
  return visible(name).replaceAll("\n", "␊").replaceAll("\t", "␉");
}
