import { packagesOf } from "../generated.ts";
import type { Group } from "../group.ts";
import { list, type Line, type Section } from "../line.ts";
import { closuresOf, closureWords, sizeChange } from "../phrases.ts";
import type { PlanDiff } from "../plan-diff.ts";
import { diffOf, type Plan } from "../plan.ts";
import { sections } from "../sections.ts";
import type { Budget } from "./budget.ts";
import { closureMap } from "./closure-map.ts";
import { each, html, type Content, type Markup } from "./markup.ts";
import { code, lineList, section, spans } from "./text.ts";

/** What changed, as sections: those of every report, units and packages as tables, and the closure as a picture. */
export function changeParts(plan: Plan, group: Group, budget: Budget): Content {
  const diff = diffOf(plan, group.first);
  return each(sections(plan, group), (one) => {
    if (one.kind === "opinion") return opinion(one, budget);
    if (diff === undefined) return section(one, budget);
    if (one.kind === "units") return section(one, budget, units(diff, plan.detail, budget));
    if (one.kind === "packages") return [section(one, budget, packages(diff, budget)), closure(diff, group)];
    return section(one, budget);
  });
}

/** A model's words, apart from everything that was found: in a box of its own that says so at its head. */
const opinion = (one: Section, budget: Budget): Markup =>
  html`<section class="part opinion">
    <h4>${one.title}</h4>
    <p class="caution">A model wrote this about text that strangers may have written. It can raise a verdict and never lower one.</p>
    ${lineList(one.lines, budget.lines)}
  </section>`;

type Unit = PlanDiff["units"][number];
/** What interrupts a service comes first. */
const effects: readonly (readonly [Unit["effect"], string])[] = [
  ["stop", "stops"],
  ["stop-start", "stops and starts"],
  ["restart", "restarts"],
  ["reload", "reloads"],
  ["start", "starts"],
  ["skip", "keeps running the old version until a reboot"],
  ["nothing", "nothing happens to it"],
];

function units(diff: PlanDiff, detail: Plan["detail"], budget: Budget): Content {
  const all = [...diff.units.map((unit) => ({ unit, of: "system" })), ...diff.userUnits.map((unit) => ({ unit, of: "user" }))];
  const rows = effects.flatMap(([effect, words]) =>
    all.filter(({ unit }) => unit.effect === effect && !unit.hashOnly).map((one) => ({ ...one, words })),
  );
  const hashes = effects.flatMap(([effect, words]): Line[] => {
    const names = all.filter(({ unit }) => unit.effect === effect && unit.hashOnly).map(({ unit }) => unit.name);
    return names.length === 0 ? [] : [{ spans: [`${words}, only store paths differ: `, ...list(names, 60)] }];
  });
  const kept = rows.slice(0, budget.lines);
  const why = detail === "full";
  return [
    rows.length === 0
      ? undefined
      : html`<table class="data">
          <thead>
            <tr>
              <th scope="col">Unit</th>
              <th scope="col">What a switch does</th>
              ${why ? html`<th scope="col">Why</th>` : undefined}
            </tr>
          </thead>
          <tbody>
            ${each(
              kept,
              ({ unit, of, words }) =>
                html`<tr>
                  <th scope="row">${code(unit.name)}${of === "user" ? html` <small>of users</small>` : undefined}</th>
                  <td>${unit.change === "changed" ? undefined : `${unit.change}, `}<span class="effect ${unit.effect}">${words}</span></td>
                  ${why ? html`<td>${unit.reason}</td>` : undefined}
                </tr>`,
            )}
          </tbody>
        </table>`,
    rows.length > kept.length
      ? html`<p class="cut">${rows.length - kept.length} more are left out here for size; plan.json has them.</p>`
      : undefined,
    lineList(hashes),
  ];
}

type Moved = {
  readonly name: string;
  readonly how: string;
  readonly from: string;
  readonly to: string;
  readonly bytes: number;
  readonly by: readonly string[];
};

function packages(diff: PlanDiff, budget: Budget): Content {
  const { added, removed, changed, rebuilt } = packagesOf(diff);
  const versions = (all: readonly string[]): string => all.filter((version) => version !== "").join(", ");
  const words = { down: "▼ down", mixed: "◆ mixed", up: "▲ up", same: "changed" } as const;
  const all: Moved[] = [
    ...(["down", "mixed", "up", "same"] as const).flatMap((way) =>
      changed
        .filter((one) => one.direction === way)
        .map((one) => ({
          name: one.name,
          how: words[way],
          from: versions(one.from),
          to: versions(one.to),
          bytes: one.sizeDelta,
          by: one.selectedBy,
        })),
    ),
    ...added.map((one) => ({ name: one.name, how: "+ added", from: "", to: versions(one.versions), bytes: one.size, by: one.selectedBy })),
    ...removed.map((one) => ({
      name: one.name,
      how: "− removed",
      from: versions(one.versions),
      to: "",
      bytes: -one.size,
      by: one.selectedBy,
    })),
  ];
  const kept = all.slice(0, budget.lines);
  const again = rebuilt.map((one) => one.name);
  return [
    kept.length === 0
      ? undefined
      : html`<table class="data packages">
          <thead>
            <tr>
              <th scope="col">Package</th>
              <th scope="col">Change</th>
              <th scope="col">From</th>
              <th scope="col">To</th>
              <th scope="col" class="number">Size</th>
              <th scope="col">Named by</th>
            </tr>
          </thead>
          <tbody>
            ${each(
              kept,
              (one) =>
                html`<tr>
                  <th scope="row">${code(one.name)}</th>
                  <td class="how">${one.how}</td>
                  <td>${one.from}</td>
                  <td>${one.to}</td>
                  <td class="number">${one.bytes === 0 ? "" : sizeChange(one.bytes)}</td>
                  <td>${one.by.map((by) => (by === "system-path" ? "system path" : by)).join(", ") || "a dependency"}</td>
                </tr>`,
            )}
          </tbody>
        </table>`,
    all.length > kept.length
      ? html`<p class="cut">${all.length - kept.length} more are left out here for size; plan.json has them.</p>`
      : undefined,
    again.length === 0
      ? undefined
      : html`<details>
          <summary>${again.length} rebuilt at the same version</summary>
          <p>${spans({ spans: list(again, 400) })}</p>
        </details>`,
    chains(diff),
  ];
}

/** Why something is on the machine: from what the toplevel refers to, down to the package. */
function chains(diff: PlanDiff): Content {
  const all = diff.closure?.chains ?? [];
  if (all.length === 0) return undefined;
  return html`<details class="chains">
    <summary>What brings them in: the shortest chain of references for each</summary>
    <table class="data">
      <thead>
        <tr>
          <th scope="col">Package</th>
          <th scope="col">System</th>
          <th scope="col">Chain, from the toplevel down</th>
        </tr>
      </thead>
      <tbody>
        ${each(
          all,
          ({ name, side, path }) =>
            html`<tr>
              <th scope="row">${code(name)}</th>
              <td>${side === "to" ? "new" : "old"}</td>
              <td>${each(path, (step, i) => [i === 0 ? undefined : html` <span aria-label="which refers to">→</span> `, code(step)])}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </details>`;
}

function closure(diff: PlanDiff, { hosts }: Group): Content {
  if (diff.closure === undefined || diff.closure.largest.length === 0) return undefined;
  return html`<section class="part closure">
    <h4>Closure <span class="count">${closureWords(closuresOf(hosts))}</span></h4>
    <details>
      <summary>What it is made of, by size${hosts.length > 1 && diff.measuredOn !== undefined ? `, on ${diff.measuredOn}` : ""}</summary>
      ${closureMap(diff.closure)}
    </details>
  </section>`;
}
