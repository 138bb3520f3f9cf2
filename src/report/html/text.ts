import { cutEnd, cutStart } from "../cut.ts";
import type { Line, Section, Span } from "../line.ts";
import { looks } from "../standing-look.ts";
import type { Standing } from "../order.ts";
import type { Budget } from "./budget.ts";
import { each, html, type Content, type Markup } from "./markup.ts";
import { between, type Row, type Side, sideBySide } from "./side-by-side.ts";

/** The words of the reports as HTML: lines, lists, texts and diffs. */

export const code = (text: string): Markup => (text === "" ? html`<code>&nbsp;</code>` : html`<code>${text}</code>`);

export function spans(line: Line): Content {
  return each(line.spans, (span) => spanOf(span));
}

function spanOf(span: Span): Content {
  if (typeof span === "string") return span;
  if ("command" in span) return command(span.command);
  return "code" in span ? code(span.code) : html`<strong>${span.strong}</strong>`;
}

/** To be copied as it stands. The button comes with the script. */
export const command = (text: string): Markup => html`<span class="run"><kbd class="command">${text}</kbd></span>`;

/** Lines as a list; what does not fit is counted. */
export function lineList(lines: readonly Line[], limit = Infinity): Content {
  if (lines.length === 0) return undefined;
  const kept = lines.slice(0, limit);
  const left = lines.length - kept.length;
  return html`<ul class="lines">
    ${each(kept, (one) => html`<li>${spans(one)}${lineList(one.sub ?? [])}</li>`)}${left > 0 ? html`<li class="cut">${left} more are left out here for size; plan.json has them.</li>` : undefined}
  </ul>`;
}

/** A name and what is known under it. */
export type Fact = readonly [name: string, what: Content];
export const fact = (name: string, what: Content): Fact[] => (what === undefined ? [] : [[name, what]]);
export const factList = (facts: readonly Fact[]): Markup =>
  html`<dl>
    ${each(
      facts,
      ([name, what]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${what}</dd>
        </div>`,
    )}
  </dl>`;

/** A standing as sign and word, so that no colour has to be seen. */
export const badge = (at: Standing, word: string = looks[at].word): Markup =>
  html`<span class="badge ${hues[looks[at].hue] ?? "dim"}"
    ><span class="sign" aria-hidden="true">${looks[at].sign[0]}</span> ${word}</span
  >`;

const hues: Readonly<Record<number, string>> = { 31: "bad", 33: "warn", 35: "held", 36: "wait", 32: "good", 2: "dim" };
export const hueOf = (at: Standing): string => hues[looks[at].hue] ?? "dim";

/** A section of a report. Its heading is of the fourth level; texts are folded below it. */
export function section(one: Section, budget: Budget, body?: Content): Markup {
  const counted =
    one.summary === "" || one.kind === "findings" || one.kind === "notes" ? undefined : html` <span class="count">${one.summary}</span>`;
  return html`<section class="part ${one.kind}">
    <h4>${one.title}${counted}</h4>
    ${body ?? lineList(one.lines, budget.lines)}${each(one.texts, (text) => folded(text, one.kind, budget))}
  </section>`;
}

/** A text behind a fold: a diff side by side, anything else as it is. */
export function folded(one: Section["texts"][number], kind: Section["kind"], budget: Budget): Markup {
  const isDiff = kind === "units" || kind === "files";
  if (!isDiff)
    return html`<details>
      <summary>${one.title}</summary>
      ${scrolling(one.title, html`<pre>${cutStart(one.text.trimEnd(), budget.characters)}</pre>`)}
    </details>`;
  const rows = sideBySide(cutDiff(one.text, budget.characters));
  const [removed, added] = [
    rows.filter((row) => row.kind === "removed" || row.kind === "replaced").length,
    rows.filter((row) => row.kind === "added" || row.kind === "replaced").length,
  ];
  return html`<details>
    <summary>
      ${code(one.title)} <span class="count"><ins>+${added}</ins> <del>−${removed}</del></span>
    </summary>
    ${diffTable(one.title, rows)}
  </details>`;
}

function cutDiff(text: string, limit: number): string {
  if (text.length <= limit) return text;
  return limit < 200
    ? "… all of it is left out here for size; plan.json has it"
    : `${cutEnd(text, limit)}, left out here for size; plan.json has them`;
}

/** What may be wider than the page scrolls by itself, and a keyboard must reach it to do so. */
export const scrolling = (label: string, content: Content): Markup =>
  html`<div class="scroll" role="group" tabindex="0" aria-label="${label}">${content}</div>`;

function diffTable(title: string, rows: readonly Row[]): Markup {
  return html`<table class="diff">
    <caption class="unseen">
      ${title}: old and new side by side
    </caption>
    <colgroup>
      <col class="no" />
      <col />
      <col class="no" />
      <col />
    </colgroup>
    <thead class="unseen">
      <tr>
        <th scope="col">Old line</th>
        <th scope="col">Old</th>
        <th scope="col">New line</th>
        <th scope="col">New</th>
      </tr>
    </thead>
    <tbody>
      ${each(rows, diffRow)}
    </tbody>
  </table>`;
}

function diffRow(row: Row): Markup {
  if ("text" in row)
    return html`<tr class="${row.kind}">
      <td colspan="4">${row.text}</td>
    </tr>`;
  const { left, right, kind } = row;
  if (kind === "replaced" && left !== undefined && right !== undefined) {
    const { head, old, fresh, tail } = between(left.text, right.text);
    return html`<tr>
      ${cells(left, "−", html`${head}<del>${old}</del>${tail}`)}${cells(right, "+", html`${head}<ins>${fresh}</ins>${tail}`)}
    </tr>`;
  }
  const sign = kind === "same" ? [" ", " "] : ["−", "+"];
  return html`<tr>
    ${cells(left, sign[0] ?? "", left?.text)}${cells(right, sign[1] ?? "", right?.text)}
  </tr>`;
}

function cells(side: Side | undefined, sign: string, shown: Content): Markup {
  if (side === undefined)
    return html`<td class="no"></td>
      <td class="none"></td>`;
  const look = sign === "−" ? "old" : sign === "+" ? "new" : "same";
  return html`<td class="no">${side.number}</td>
    <td class="${look}"><span class="mark">${sign}</span>${shown}</td>`;
}
