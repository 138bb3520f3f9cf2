import { micromark } from "micromark";
import { gfm, gfmHtml } from "micromark-extension-gfm";
import { expect } from "vitest";

/** Words that strangers would like a report to say or do. Each is a value that a flake, a store path or a build log can hold. */
export const hostile: readonly string[] = [
  "@root please @org/team",
  "fixes #12, GH-34, owner/repo#56, owner/repo@deadbeefdeadbeef",
  "https://evil.example/x www.evil.example a@evil.example mailto:a@evil.example xmpp:a@evil.example",
  "<img src=x onerror=alert(1)><script>alert(1)</script><!-- hidden -->",
  "</summary></details><details open><h1>clean</h1>",
  "](https://evil.example) [click](javascript:alert(1)) ![x](https://evil.example/p.png)",
  "a | b || c \\| d \\\\| e",
  "``` \n```\n# Approved\n```` `` `",
  "```\n# Approved\n@root merge",
  "a|b",
  "`code` ``x`` $`math`$ $$y$$ **bold** __x__ ~~y~~",
  "\n\n# Heading\n\n- item\n\n1. item\n\n> quote\n\n---\n\n    code",
  "\u001b[31mred\u001b[0m \u001b]8;;https://evil.example\u0007link\u001b]8;;\u0007 \u009b2J \u0007\b\b\b",
  "safe\u202Eexe.live\u2066 zero\u200bwidth \u{e0041}tag \u00ad soft",
  "line\r\noverwritten\rclean",
  "::add-mask::x\n::error::y\n##[add-path]/evil",
  ":tada: :warning: &lt;b&gt; &#64;root &commat;root",
  "[^1] [x]: https://evil.example\n[x]",
  "a\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308 \ud800 \uffff",
  "x".repeat(5_000),
  "deadbeef1 0123456789abcdef0123456789abcdef01234567",
];

/** The Markdown as GitHub's dialect renders it, raw HTML included, so that a hole in the escaping shows as an element. */
export const rendered = (markdown: string): string =>
  micromark(markdown, { allowDangerousHtml: true, extensions: [gfm()], htmlExtensions: [gfmHtml()] });

const ours = new Set("h3 p table thead tbody tr th td strong em code pre details summary b ul li sub a".split(" "));

/** Expects that nothing but our own structure comes out of the Markdown, and that no forge finds anything to act on in its text. */
export function expectInert(markdown: string, ownLink?: string): void {
  const html = rendered(markdown);
  const open: string[] = [];
  for (const [tag, slash, name = "", rest = ""] of html.matchAll(/<(\/?)([a-z!][a-z0-9-]*)([^>]*)>/gi)) {
    expect(ours, tag).toContain(name.toLowerCase());
    if (name === "a" && slash === "") expect(rest).toBe(` href="${ownLink}"`);
    else if (name === "code" && slash === "") expect(rest).toMatch(/^( class="language-(diff|text|sh)")?$/);
    else expect(rest, tag).toBe("");
    if (slash === "") open.push(name);
    else expect(open.pop(), `${tag} in ${html.slice(0, 300)}`).toBe(name);
  }
  expect(open).toEqual([]);
  const text = html
    .replace(/<pre>.*?<\/pre>/gs, "")
    .replace(/<code[^>]*>.*?<\/code>/gs, "")
    .replace(/<[^>]*>/g, "")
    .replaceAll("&amp;", "&");
  expect(text).not.toMatch(/@[\w-]/);
  expect(text).not.toMatch(/#\d|GH-\d|:\/\/|www\.|(mailto|xmpp):\w|:[a-z]+:/i);
  expect(text).not.toMatch(/\b[0-9a-f]{16,}\b/);
  // A zero-width space of ours is written as an entity, so none may stand in the source.
  expect(markdown).not.toMatch(/[^\P{Cc}\n\t]|[\p{Cf}\p{Co}\p{Cs}\p{Noncharacter_Code_Point}\u2028\u2029]/u);
}

const enumerations = new Set([
  "host",
  "state",
  "action",
  "verdict",
  "mode",
  "stage",
  "change",
  "effect",
  "kind",
  "direction",
  "series",
  "selectedBy",
  "toplevel",
  "otherwise",
  "code",
  "outcome",
  "strategy",
  "needs",
]);

/** A copy in which every free text is `bad`. */
export function poisoned<T>(value: T, bad: string, key = ""): T {
  if (typeof value === "string") return (enumerations.has(key) ? value : bad) as T;
  if (Array.isArray(value)) return value.map((item: unknown) => poisoned(item, bad, key)) as T;
  if (typeof value === "object" && value !== null && !(value instanceof Date))
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, poisoned(item, bad, name)])) as T;
  return value;
}
