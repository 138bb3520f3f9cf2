import { standing } from "../order.ts";
import type { Plan } from "../plan.ts";
import type { PlanTimeline } from "../timeline.ts";
import { each, html, type Content, type Markup } from "./markup.ts";
import { badge } from "./text.ts";

type Span = { readonly name: string; readonly from: number; readonly to: number };

const words = { asking: "asked", copying: "copied", activating: "activated", verifying: "verified", ended: "done" } as const;

/** When the run did what, and what it did with which host at which time. Nothing where no host was contacted. */
export function times(plan: Plan): Content {
  const { timeline } = plan;
  if (timeline === undefined || timeline.hosts.length === 0) return undefined;
  const end = Date.parse(plan.finishedAt);
  const hosts = timeline.hosts.map(({ host, steps }) => ({ host, spans: spansOf(steps, end) }));
  const first = Math.min(...hosts.flatMap(({ spans }) => spans.map(({ from }) => from)));
  const last = Math.max(...hosts.flatMap(({ spans }) => spans.map(({ to }) => to)), first + 1000);
  const byName = new Map(plan.hosts.map((host) => [host.host as string, host]));
  return html`<p>From ${clock(first)} to ${clock(last)} UTC, ${took(last - first)}. Before it: ${stageWords(plan, timeline, first)}.</p>
    <p class="legend">
      <span class="key asking"></span>asked <span class="key copying"></span>copied <span class="key activating"></span>activated
      <span class="key verifying"></span>verified
    </p>
    <table class="data times">
      <thead>
        <tr>
          <th scope="col">Host</th>
          <th scope="col">Began</th>
          <th scope="col" class="number">Took</th>
          <th scope="col">What when</th>
          <th scope="col">Ended as</th>
        </tr>
      </thead>
      <tbody>
        ${each(hosts, ({ host, spans }) => {
          const known = byName.get(host);
          const begun = Math.min(...spans.map(({ from }) => from));
          const done = Math.max(...spans.map(({ to }) => to));
          return html`<tr>
            <th scope="row"><a href="#host-${host}">${host}</a></th>
            <td>${clock(begun)}</td>
            <td class="number">${took(done - begun)}</td>
            <td>${bar(spans, first, last)}<small>${spans.map(({ name, from, to }) => `${name} ${took(to - from)}`).join(", ")}</small></td>
            <td>${known === undefined ? undefined : badge(standing(known))}</td>
          </tr>`;
        })}
      </tbody>
    </table>`;
}

/** A step lasts until the next one begins; the last of an unfinished host until the run was over. */
function spansOf(steps: PlanTimeline["hosts"][number]["steps"], end: number): Span[] {
  const made = steps.flatMap(({ step, at }, i): Span[] => {
    if (step === "ended") return [];
    const from = Date.parse(at);
    return [{ name: words[step], from, to: Math.max(from, Date.parse(steps[i + 1]?.at ?? "") || end) }];
  });
  const only = Date.parse(steps[0]?.at ?? "") || end;
  return made.length > 0 ? made : [{ name: words.ended, from: only, to: only }];
}

const classes: Readonly<Record<string, string>> = Object.fromEntries(Object.entries(words).map(([step, word]) => [word, step]));

function bar(spans: readonly Span[], first: number, last: number): Markup {
  const at = (time: number): number => Math.round(((time - first) / (last - first)) * 10_000) / 10;
  return html`<svg class="bar" viewBox="0 0 1000 12" preserveAspectRatio="none" aria-hidden="true" focusable="false">
    ${each(
      spans,
      ({ name, from, to }) =>
        html`<rect class="${classes[name] ?? ""}" x="${at(from)}" y="0" width="${Math.max(3, at(to) - at(from))}" height="12" />`,
    )}
  </svg>`;
}

function stageWords(plan: Plan, { stages }: PlanTimeline, until: number): string {
  const before = stages.filter(({ at }) => Date.parse(at) <= until);
  const parts = before.map(({ stage, at }, i) => {
    const ended = Math.min(until, Date.parse(before[i + 1]?.at ?? "") || until);
    return `${stage} ${took(ended - Date.parse(at))}`;
  });
  return parts.length === 0 ? `it began at ${clock(Date.parse(plan.startedAt))}` : parts.join(", ");
}

const clock = (time: number): string => new Date(time).toISOString().slice(11, 19);

function took(milliseconds: number): string {
  const seconds = Math.round(Math.max(0, milliseconds) / 1000);
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3_600
    ? `${Math.floor(seconds / 60)} min ${seconds % 60} s`
    : `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
}
