import { details, inline } from "./markdown-details.ts";
import { link, prose } from "./markdown-escape.ts";
import { outcomeDetails } from "./markdown-outcome.ts";
import { table } from "./markdown-table.ts";
import { fit } from "./fit.ts";
import { detailGroups, groups } from "./group.ts";
import { namesOnly } from "./names-only.ts";
import { needed } from "./needed.ts";
import type { ApproveAt } from "./approve-command.ts";
import { headline } from "./headline.ts";
import { compared, contents, duration, honesty } from "./phrases.ts";
import type { Plan, PlanHost } from "./plan.ts";
import { rebootLine } from "./reboot-line.ts";
import { outcomeSections } from "./sections-outcome.ts";
import { sections } from "./sections.ts";

export type CommentOptions = {
  /** Length of the whole text, in `measure`'s unit: characters (UTF-16) where that is left out. */
  readonly limit: number;
  /** `names` leaves texts, versions, diffs and log lines out; a plan that was already reduced stays so. */
  readonly detail: "full" | "names";
  /** Pages of the forge: the run, and the place of plan.json where it has an address. */
  readonly links: {
    readonly run?: string;
    readonly plan?: string;
    /** The report as a page, among the artifacts of the run once a later step has uploaded it. */
    readonly artifact?: { readonly name: string; readonly url: string };
  };
  /** Where held hosts are approved; a shell where it is left out. */
  readonly approve?: ApproveAt | undefined;
  readonly measure?: (text: string) => number;
};

/** The least that a group's details can be, in characters. */
const leastDetails = 250;

/** Kept free for the hidden marker that the forge side puts in front. */
const markerRoom = 300;

/**
 * The report of a plan as Markdown, for a comment on a pull request or a commit. What does not fit is cut from the details of the largest host first and the
 * text says so; headline, table and what a person must do are always whole. Pure.
 */
export function comment(given: Plan, options: CommentOptions): string {
  const plan = options.detail === "names" ? namesOnly(given) : given;
  const measure = options.measure ?? ((text: string): number => text.length);
  const all = groups(plan);
  const whole = wholeReport(options.links);
  const room = options.limit - markerRoom;
  const head = [`### Deploy gate: ${prose(headline(plan.hosts), 2_000)}`, opening(plan)];
  const todo = needed(plan, { approve: options.approve, characters: room / 6 }).map((line) => `- ${inline(line, 400)}`);
  const fixed = [
    ...head,
    ...(all.length === 0 ? [] : [table(plan, all, room / 2, measure)]),
    ...(todo.length === 0 ? [] : [`**Needed from you**\n\n${todo.join("\n")}`]),
  ];
  const foot = [...plan.notes.slice(0, 10).map((note) => `- ${prose(note)}`), footer(plan, options.links)].join("\n\n");
  const overhead = measure([...fixed, foot].join("\n\n")) + all.length * 2 + 400;
  // Below this much a group's details say nothing, so of a huge fleet only the worst are rendered at all.
  const tellable = detailGroups(plan).filter((group) => group.first.state !== "removed");
  const most = Math.ceil(room / leastDetails);
  // What became of hosts that are not well stands before what changed on them.
  const became = plan.hosts
    .map((host) => ({ hosts: [host], sections: outcomeSections(plan, host) }))
    .filter((one) => one.sections.length > 0)
    .map(({ hosts, sections: found }) => ({ hosts, part: outcomeDetails(hosts[0] as PlanHost, found, whole) }));
  const changes = tellable.slice(0, most).flatMap((group) => {
    const found = sections(plan, group);
    return found.length === 0 ? [] : [{ hosts: group.hosts, part: details(group, found, contents(plan, group.first), whole) }];
  });
  const told = [...became.slice(0, most), ...changes];
  const fitted = fit(
    told.map((one) => one.part),
    Math.max(0, room - overhead),
    measure,
  ) ?? { texts: [], steps: [] };
  const shown = fitted.texts.filter((text) => text !== "");
  const untold = [...became.slice(most), ...tellable.slice(most), ...told.filter((_, i) => (fitted.texts[i] ?? "") === "")];
  const dropped = new Set(untold.flatMap((one) => one.hosts.map((host) => host.host))).size;
  const note = dropped > 0 ? [`*Details of ${dropped} of ${plan.hosts.length} hosts are left out here for length. ${whole}*`] : [];
  return `${[...fixed, ...shown, ...note, foot].join("\n\n")}\n`;
}

function opening(plan: Plan): string {
  const [first, ...rest] = honesty(plan);
  const reboots = rebootLine(plan);
  return [
    ...(reboots === undefined ? [] : [prose(reboots, 2_000)]),
    `${prose(first ?? "")} ${inline(compared(plan))}`,
    ...rest.map((sentence) => prose(sentence)),
  ].join("\n\n");
}

function wholeReport(links: CommentOptions["links"]): string {
  if (links.artifact !== undefined) return `The whole is a page, the artifact ${link(links.artifact.name, links.artifact.url)} of the run.`;
  if (links.plan !== undefined) return `The whole is in ${link("plan.json", links.plan)}.`;
  return links.run === undefined ? "The whole is in plan.json." : `The whole is in ${link("the run", links.run)} and its plan.json.`;
}

function footer(plan: Plan, links: CommentOptions["links"]): string {
  const cost =
    plan.session.costUsd === undefined
      ? []
      : [`session $${plan.session.costUsd.toFixed(2)}${plan.session.model === undefined ? "" : ` (${plan.session.model})`}`];
  const parts = [
    `nixos-deploy-gate ${plan.tool.version}`,
    ...(plan.tool.nix === undefined ? [] : [`Nix ${plan.tool.nix}`]),
    duration(plan.startedAt, plan.finishedAt),
    ...cost,
  ].map((part) => prose(part));
  const page = links.artifact === undefined ? [] : [link(`report as a page (artifact ${links.artifact.name})`, links.artifact.url)];
  return `<sub>${[...parts, ...page, ...(links.run === undefined ? [] : [link("run", links.run)])].join(" · ")}</sub>`;
}
