import { htmlEscaped } from "../html-escape.ts";
import { visibleText } from "../visible.ts";

/**
 * HTML that shows what it is given and obeys nothing of it. Markup comes from the literal parts of `html` templates alone: every value is escaped unless it is markup
 * itself, and markup cannot be made from data, since its key is a symbol of this module that no JSON has.
 */
const text: unique symbol = Symbol("markup");
export type Markup = { readonly [text]: string };
export type Content = Markup | string | number | undefined | readonly Content[];

/**
 * Markup out of a literal with values in text or in a quoted attribute. A value anywhere else would be read as more than a value, and throws: unquoted attributes, names of
 * elements and attributes, the inside of style and script.
 */
export function html(words: TemplateStringsArray, ...values: readonly Content[]): Markup {
  const parts = literals.get(words) ?? checked(words);
  return { [text]: values.reduce<string>((made, value, i) => made + shown(value) + parts[i + 1], parts[0] ?? "") };
}

/** The text of a page. */
export const written = (markup: Markup): string => markup[text];

/** A constant text of this program, a stylesheet for one, between two tags. Never data. */
export const constant = (open: "<style>" | "<script>", content: string): Markup => ({ [text]: `${open}${content}</${open.slice(1)}` });

/** Markup for each of a list, and nothing for an empty one. */
export const each = <T>(all: readonly T[], show: (one: T, index: number) => Content): Content => all.map(show);

function shown(value: Content): string {
  if (value === undefined) return "";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return htmlEscaped(visibleText(value));
  return text in value ? value[text] : value.map(shown).join("");
}

/** Templates are few and constant, so that each is looked at once. Their indentation is no part of a page. */
const literals = new WeakMap<TemplateStringsArray, readonly string[]>();

function checked(words: TemplateStringsArray): readonly string[] {
  for (let i = 1; i < words.length; i += 1) checkPlace(words.slice(0, i).join("x"));
  const parts = words.map((word) => word.replace(/\n\s*/g, "\n"));
  literals.set(words, parts);
  return parts;
}

/** Throws where a value that follows `before` would be read as more than a value. */
function checkPlace(before: string): void {
  const tag = before.lastIndexOf("<");
  const inside = tag > before.lastIndexOf(">") ? before.slice(tag) : "";
  const isQuoted = /^<[a-z][a-z0-9]*\s/.test(inside) && inside.split('"').length % 2 === 0;
  if (inside !== "" && !isQuoted) throw new Error(`a value stands in a tag: ${inside.slice(-80)}`);
  if (/\s(?:on[a-z]+|style|srcdoc)\s*=\s*"[^"]*$/i.test(inside)) throw new Error(`a value stands in code: ${inside.slice(-80)}`);
  if (/<(style|script)\b(?![^]*<\/\1>)/i.test(before)) throw new Error("a value stands in a style or a script");
}
