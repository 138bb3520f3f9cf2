import { size, sizeChange } from "../phrases.ts";
import type { PlanDiff } from "../plan-diff.ts";
import { each, html, type Markup } from "./markup.ts";
import { code, scrolling } from "./text.ts";
import { squarified } from "./treemap.ts";

type Closure = NonNullable<PlanDiff["closure"]>;
type Part = { readonly name: string; readonly from: number; readonly to: number };

const canvas = { width: 960, height: 420 } as const;
/** About what a letter takes at the size that the style gives it. */
const letter = 6.4;

/** A closure as rectangles whose areas are sizes, and the largest of them as a table for who does not see them. */
export function closureMap(closure: Closure): Markup {
  const { largest, others } = closure;
  const rest: Part[] = others.packages === 0 ? [] : [{ name: `${others.packages} others`, from: others.from, to: others.to }];
  const drawn = [...largest, ...rest].filter((one) => weight(one) > 0).toSorted((a, b) => weight(b) - weight(a));
  const tiles = squarified(drawn.map(weight), canvas.width, canvas.height);
  return html`<p class="legend">
      <span class="key same"></span>same size <span class="key grown"></span>▲ larger <span class="key shrunk"></span>▼ smaller
      <span class="key come"></span>+ new <span class="key gone"></span>− gone
    </p>
    ${scrolling(
      "The closure as a picture; a table of the largest packages follows",
      html`<svg
        class="treemap"
        viewBox="0 0 ${canvas.width} ${canvas.height}"
        role="img"
        aria-label="${`The largest packages of the closure by size: ${drawn
          .slice(0, 8)
          .map((one) => `${one.name} ${size(weight(one))}`)
          .join(", ")}`}"
      >
        ${each(drawn, (one, i) => {
          const tile = tiles[i];
          if (tile === undefined || tile.width < 1 || tile.height < 1) return undefined;
          const { x, y, width, height } = tile;
          const look = lookOf(one);
          const room = Math.floor((width - 8) / letter);
          const label = `${look.sign}${one.name}`;
          const fits = room >= 4 && height >= 18;
          return html`<g class="${look.name}"
            ><title>${one.name}: ${said(one)}</title
            ><rect
              x="${round(x)}"
              y="${round(y)}"
              width="${round(width - 1)}"
              height="${round(height - 1)}"
            />${fits ? html`<text x="${round(x + 4)}" y="${round(y + 13)}">${clipped(label, room)}</text>` : undefined}${fits && height >= 34 && room >= 8 ? html`<text class="size" x="${round(x + 4)}" y="${round(y + 27)}">${size(weight(one))}</text>` : undefined}</g
          >`;
        })}
      </svg>`,
    )}
    <table class="data sizes">
      <thead>
        <tr>
          <th scope="col">Package</th>
          <th scope="col" class="number">Old</th>
          <th scope="col" class="number">New</th>
          <th scope="col" class="number">Change</th>
        </tr>
      </thead>
      <tbody>
        ${each(
          [...largest.slice(0, 15), ...rest],
          (one) =>
            html`<tr>
              <th scope="row">${code(one.name)}</th>
              <td class="number">${one.from === 0 ? "none" : size(one.from)}</td>
              <td class="number">${one.to === 0 ? "none" : size(one.to)}</td>
              <td class="number">${one.from === one.to ? "" : sizeChange(one.to - one.from)}</td>
            </tr>`,
        )}
      </tbody>
    </table>`;
}

/** What is gone is drawn as large as it was. */
const weight = ({ from, to }: Part): number => (to > 0 ? to : from);
const round = (n: number): number => Math.round(Math.max(0, n) * 10) / 10;
const clipped = (text: string, room: number): string => {
  const letters = Array.from(text);
  return letters.length <= room ? text : `${letters.slice(0, room - 1).join("")}…`;
};

function lookOf({ from, to }: Part): { readonly name: string; readonly sign: string } {
  if (from === 0) return { name: "come", sign: "+ " };
  if (to === 0) return { name: "gone", sign: "− " };
  // A rebuild moves a few bytes in most packages, which is no growth.
  if (Math.abs(to - from) < Math.max(from, to) / 100) return { name: "same", sign: "" };
  return to > from ? { name: "grown", sign: "▲ " } : { name: "shrunk", sign: "▼ " };
}

const said = ({ from, to }: Part): string =>
  from === to ? size(to) : `${from === 0 ? "none" : size(from)} → ${to === 0 ? "none" : size(to)} (${sizeChange(to - from)})`;
