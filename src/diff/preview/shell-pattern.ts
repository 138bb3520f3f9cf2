import { Unknowable } from "./shell-state.ts";

/** One place of a pattern: a letter, any letter, any number of letters, or one of a set. */
type Item =
  | { readonly kind: "letter"; readonly letter: string }
  | { readonly kind: "any" }
  | { readonly kind: "star" }
  | { readonly kind: "set"; readonly set: RegExp };

/** Texts and patterns longer than this are not matched: the time grows with their product. */
const maxText = 1 << 16;
const maxPattern = 4096;

/** Whether a whole text fits a shell pattern. In time that grows with the product of both, whatever a stranger writes: no regular expression is made of it. */
export function fits(text: string, pattern: string): boolean {
  if (text.length > maxText || pattern.length > maxPattern) throw new Unknowable("a very long pattern");
  const items = parse(pattern);
  let [at, item, star, mark] = [0, 0, -1, 0];
  while (at < text.length) {
    const wanted = items[item];
    if (wanted?.kind === "star") {
      [star, mark] = [item, at];
      item += 1;
    } else if (wanted !== undefined && fitsLetter(text[at] as string, wanted)) {
      at += 1;
      item += 1;
    } else if (star !== -1) {
      mark += 1;
      [at, item] = [mark, star + 1];
    } else return false;
  }
  while (items[item]?.kind === "star") item += 1;
  return item === items.length;
}

/** `${text#pattern}` and its kin: the text without the shortest or longest beginning or end that fits. */
export function cut(text: string, pattern: string, where: "start" | "end", longest: boolean): string {
  // Most patterns are one star and a plain text, as in `${path##*/}`; each length is tried, so a long text is not.
  if (text.length > 4096) throw new Unknowable("a very long text");
  const lengths = [...Array(text.length + 1).keys()];
  for (const length of longest ? lengths.toReversed() : lengths) {
    const rest = text.length - length;
    if (fits(where === "start" ? text.slice(0, length) : text.slice(rest), pattern))
      return where === "start" ? text.slice(length) : text.slice(0, rest);
  }
  return text;
}

/** `${text/pattern/by}`. Patterns with a star have no length of their own and are left to the build. */
export function replace(text: string, pattern: string, by: string, all: boolean): string {
  const items = parse(pattern);
  if (items.some(({ kind }) => kind === "star")) throw new Unknowable("a replacement by pattern");
  if (items.length === 0) return text;
  let [made, at] = ["", 0];
  while (at <= text.length - items.length) {
    const start = at;
    if (items.every((item, index) => fitsLetter(text[start + index] as string, item))) {
      made += by;
      at += items.length;
      if (!all) break;
    } else {
      made += text[at] as string;
      at += 1;
    }
  }
  return made + text.slice(at);
}

function fitsLetter(letter: string, item: Item): boolean {
  if (item.kind === "letter") return item.letter === letter;
  return item.kind === "any" || (item.kind === "set" && item.set.test(letter));
}

function parse(pattern: string): readonly Item[] {
  const items: Item[] = [];
  for (let at = 0; at < pattern.length; at += 1) {
    const letter = pattern[at] as string;
    const end = letter === "[" ? pattern.indexOf("]", at + 2) : -1;
    if (letter === "*") {
      if (items.at(-1)?.kind !== "star") items.push({ kind: "star" });
    } else if (letter === "?") items.push({ kind: "any" });
    else if (end !== -1) {
      items.push({ kind: "set", set: setOf(pattern.slice(at + 1, end)) });
      at = end;
    } else if (letter === "\\" && at + 1 < pattern.length) {
      at += 1;
      items.push({ kind: "letter", letter: pattern[at] as string });
    } else items.push({ kind: "letter", letter });
  }
  return items;
}

function setOf(inside: string): RegExp {
  const negated = inside.startsWith("!") || inside.startsWith("^");
  try {
    return new RegExp(`[${negated ? "^" : ""}${inside.slice(negated ? 1 : 0).replace(/[\\\][]/g, "\\$&")}]`, "su");
  } catch {
    throw new Unknowable("a set of letters");
  }
}
