import { visibleLine, visibleText } from "./visible.ts";

/**
 * Turns text into Markdown that shows it and does nothing else, on GitHub and on Forgejo, in tables, lists and `<summary>`.
 *
 * Names and values go into code, because both forges leave code alone: no mention, no issue reference, no link, no emoji. Sentences are escaped character by
 * character, and what the forges look for in finished text (after escapes are gone) is broken with a zero-width space.
 */
const zeroWidth = "&#8203;";
const entity = (c: string): string => `&#${c.codePointAt(0)};`;

/** A name or value as code. Where backticks could not hold it in every parser (a pipe in a table is read before code is), it is a `<code>` of entities. */
export function code(text: string, limit = 160): string {
  const shown = visibleLine(text, limit);
  if (shown === "") return "<code>&nbsp;</code>";
  return /^[^`|\\<>&$]+$/.test(shown) ? `\`${shown}\`` : codeElement(shown, limit);
}

function codeElement(text: string, limit: number): string {
  return `<code>${visibleLine(text, limit).replace(/[!-/:-@[-`{-~]/g, entity)}</code>`;
}

/** A name or value in `<summary>`, which is HTML and read as such: no Markdown there, but the forges still look for mentions outside of `<code>`. */
export function summaryCode(text: string, limit = 160): string {
  return `<code>${visibleLine(text, limit).replace(/[^\p{L}\p{N} ./_+-]/gu, entity)}</code>`;
}

/** A sentence in `<summary>`: HTML without Markdown, where the forges still look for mentions, references and links. */
export function summaryProse(text: string, limit = 160): string {
  return visibleLine(text, limit).replace(/[^\p{L}\p{N} ,.()-]/gu, (c) => `${entity(c)}${zeroWidth}`);
}

/** A sentence. `limit` is in characters before escaping. */
export function prose(text: string, limit = 600): string {
  return visibleLine(text, limit)
    .replace(/[<>&|]/g, entity)
    .replace(/[\\`*_[\]~$]|(?<!&)#/g, "\\$&")
    .replace(/^(\d+)([.)])/, "$1\\$2")
    .replace(/^[-+=]/, "\\$&")
    .replace(/@(?=\S)/g, `@${zeroWidth}`)
    .replace(/\\#(?=[\p{L}\p{N}])/gu, `\\#${zeroWidth}`)
    .replace(/\b([A-Za-z][A-Za-z0-9]*-)(?=\d)/g, (m) => (/^gh-$/i.test(m) ? `${m}${zeroWidth}` : m))
    .replace(/:(?=\/\/)/g, `:${zeroWidth}`)
    .replace(/\b(mailto|xmpp):/gi, `$1:${zeroWidth}`)
    .replace(/\bwww\./gi, (m) => `${m.slice(0, 3)}${zeroWidth}.`)
    .replace(/:(?=[a-z0-9_+-]+:)/gi, `:${zeroWidth}`)
    .replace(/\b(?:(?=[a-f]*\d)[0-9a-f]{7,}|[0-9a-f]{12,})\b/gi, (hash) => hash.replace(/.{6}/g, `$&${zeroWidth}`));
}

/** A fenced block of several lines. The fence is longer than any run of backticks inside, so that nothing inside can end it. */
export function fence(text: string, language: "diff" | "text" | "sh"): string {
  const shown = visibleText(text).replace(/\n+$/, "");
  const longest = Math.max(2, ...Array.from(shown.matchAll(/`+/g), (run) => run[0].length));
  const mark = "`".repeat(longest + 1);
  return `${mark}${language}\n${shown}\n${mark}`;
}

/** A link to `url`; only its words where the address is not plain http(s). */
export function link(words: string, url: string): string {
  if (!/^https?:\/\/[^\s]+$/.test(url) || !URL.canParse(url)) return prose(words);
  return `[${prose(words)}](<${new URL(url).href.replace(/[<>\\`|]/g, (c) => encodeURIComponent(c))}>)`;
}
