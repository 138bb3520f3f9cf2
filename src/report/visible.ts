import { stripVTControlCharacters } from "node:util";
import { cutMiddle } from "./cut.ts";

/**
 * Makes a stranger's text safe to look at, wherever it is shown: what a terminal would obey, what would turn the line around or what would not be seen at all
 * becomes `�`. Colours of build tools are dropped quietly; they are no attack and a log is full of them.
 *
 * An attacker could otherwise hide a line of a diff (bidi), move the cursor over a verdict (escape sequences), write a name that looks like another one
 * (zero-width), or bury the line below under stacked marks.
 */
const unseen = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\u2028\u2029\u2800]/gu;
const stacked = /(\p{M}{3})\p{M}+/gu;

/** Text of several lines: newlines and tabs stay, a carriage return ends a line as it does in a progress bar. */
export function visibleText(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/\r\n?/g, "\n")
    .replace(unseen, (c) => (c === "\n" || c === "\t" ? c : "�"))
    .replace(stacked, "$1�");
}

/** One line of at most `limit` characters; newlines and tabs become spaces. */
export function visibleLine(text: string, limit = 200): string {
  return cutMiddle(
    visibleText(text.length > limit * 8 ? cutMiddle(text, limit * 8) : text)
      .replace(/\s+/g, " ")
      .trim(),
    limit,
  );
}
