import { describe, expect, test } from "vitest";
import { html, type Content, written } from "../../../src/report/html/markup.ts";
import { hostile } from "../hostile.ts";

const shown = (value: Content): string => written(html`<p title="${value}">${value}</p>`);

test("what is no markup of ours is escaped, in text and in attributes", () => {
  expect(shown(`<b onclick="x">'&'</b>`)).toBe(
    '<p title="&lt;b onclick=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/b&gt;">&lt;b onclick=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/b&gt;</p>',
  );
  for (const bad of hostile) expect(shown(bad).replace(/^<p title="[^"<>]*">[^<>]*<\/p>$/s, "")).toBe("");
});

test("markup stays markup, lists are joined, and nothing is nothing", () => {
  const one = html`<i>${"<"}</i>`;
  expect(written(html`<b>${[one, "&", 3, undefined, [one]]}</b>`)).toBe("<b><i>&lt;</i>&amp;3<i>&lt;</i></b>");
});

test("data cannot pretend to be markup", () => {
  const forged = JSON.parse('{"markup": "<script>", "Symbol(markup)": "<script>", "description": "markup"}') as Content;
  expect(() => shown(forged)).toThrow(TypeError);
});

test("what an eye would not see is shown", () => {
  expect(shown("safe\u202Egpj.exe\u200b\u0007")).not.toMatch(/\p{C}/u);
});

describe("a value that would be more than a value is refused", () => {
  const bad = "x";
  test.each([
    ["an attribute without quotes", () => html`<a href=${bad}></a>`],
    ["the name of an element", () => html`<${bad}></p>`],
    ["the name of an attribute", () => html`<a ${bad}="1"></a>`],
    ["an event handler", () => html`<a onclick="${bad}"></a>`],
    ["a style", () => html`<a style="${bad}"></a>`],
    ["a document in a frame", () => html`<iframe srcdoc="${bad}"></iframe>`],
    [
      "the inside of a script",
      () =>
        html`<script>
          ${bad};
        </script>`,
    ],
    [
      "the inside of a stylesheet",
      () =>
        html`<style>
          ${bad}
        </style>`,
    ],
  ])("%s", (_, make) => {
    expect(make).toThrow(/^a value stands in/);
  });
});
