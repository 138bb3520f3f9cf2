import { detailGroups, groups, names, type Group } from "./group.ts";
import type { Line } from "./line.ts";
import { needed } from "./needed.ts";
import { isObserved, standing, type Standing } from "./order.ts";
import { compared, contents, duration, headline, honesty, verdictWord, whatHappens, why } from "./phrases.ts";
import type { Plan } from "./plan.ts";
import { sections } from "./sections.ts";
import { clip, columns } from "./terminal-escape.ts";
import { fill, flat, sectionLines, writer, type TerminalOptions } from "./terminal-section.ts";

const signs: Readonly<Record<Standing, readonly [unicode: string, ascii: string]>> = {
  failed: ["✖", "x"],
  "needs-you": ["!", "!"],
  risky: ["!", "!"],
  reboot: ["↻", "~"],
  unbuilt: ["?", "?"],
  clean: ["✓", "+"],
  removed: ["−", "-"],
  unchanged: ["=", "="],
};
const hues: Readonly<Record<Standing, number>> = {
  failed: 31,
  "needs-you": 35,
  risky: 35,
  reboot: 33,
  unbuilt: 36,
  clean: 32,
  removed: 2,
  unchanged: 2,
};

/** So many groups of hosts are shown in detail without --verbose. */
const briefGroups = 6;

/** The report of a plan for a terminal: the words and the order of the comment, at `width` columns. Ends in a newline. Pure. */
export function terminalReport(plan: Plan, options: TerminalOptions): string {
  const width = Math.max(40, options.width);
  const { paint, line } = writer(options);
  const out: string[] = [paint(1, ...fill(line(headline(plan.hosts)), width, 0))];
  out.push(...honesty(plan).flatMap((sentence) => fill(line(sentence), width, 0)));
  out.push(...fill(line(flat(compared(plan))), width, 0), "");

  const rows = groups(plan);
  const hostWidth = Math.min(24, Math.max(4, ...rows.map((group) => columns(hostCell(group)))));
  const wordWidth = Math.max(7, ...rows.map((group) => verdictWord(group.first).length));
  for (const group of rows) {
    const at = standing(group.first);
    const indent = 2 + hostWidth + 2 + wordWidth + 2;
    const reason = fill(line(flat(why(plan, group.first))), width - indent, 0);
    const then = fill(line(`→ ${whatHappens(group.first, plan.event)}`), width - indent, 2);
    const [head, ...more] = [...reason.slice(0, 3), ...then];
    const sign = signs[at][options.unicode ? 0 : 1];
    out.push(
      `${paint(hues[at], sign)} ${pad(clip(hostCell(group), hostWidth, options.unicode), hostWidth)}  ${paint(hues[at], pad(verdictWord(group.first), wordWidth))}  ${head ?? ""}`,
    );
    out.push(...more.map((text) => `${" ".repeat(indent)}${text}`));
    if (hostCell(group) !== names(group).join(", ") || columns(hostCell(group)) > hostWidth)
      out.push(...fill(line(names(group).join(", ")), width - indent, 0).map((text) => `${" ".repeat(indent)}${paint(2, text)}`));
  }
  const unchanged = plan.hosts.filter((host) => host.state === "unchanged").length;
  if (unchanged > 0) out.push(`${signs.unchanged[0]} ${pad(`${unchanged}`, hostWidth)}  unchanged`);

  const todo = needed(plan);
  if (todo.length > 0) out.push("", paint(1, "Needed from you"), ...todo.flatMap((one) => task(one, width, options)));
  out.push(...detail(plan, width, options));
  out.push(
    "",
    ...plan.notes.flatMap((note) => fill(line(note), width, 0)),
    ...fill(line(foot(plan)), width, 0).map((text) => paint(2, text)),
  );
  return `${out.join("\n")}\n`;
}

const pad = (text: string, width: number): string => text + " ".repeat(Math.max(0, width - columns(text)));

function hostCell(group: Group): string {
  const all = names(group);
  const [first = ""] = all;
  return all.length === 1 ? first : all.length === 2 ? `${first}, ${all[1]}` : `${first} and ${all.length - 1} more`;
}

/** A thing to do; its command stands alone on a line and is never broken, so that it can be copied. */
function task(one: Line, width: number, options: TerminalOptions): string[] {
  const { paint, line } = writer(options);
  const sentence = one.spans.filter((span) => typeof span === "string" || !("command" in span));
  const commands = one.spans.flatMap((span) => (typeof span !== "string" && "command" in span ? [span.command] : []));
  return [...fill(`- ${line(flat({ spans: sentence }))}`, width, 2), ...commands.map((command) => `    ${paint(1, line(command))}`)];
}

function detail(plan: Plan, width: number, options: TerminalOptions): string[] {
  const { paint, line } = writer(options);
  const told = detailGroups(plan)
    .map((group) => ({ group, all: sections(plan, group) }))
    .filter(
      ({ group, all }) => all.length > 0 && (options.verbose === true || !["clean", "unbuilt", "removed"].includes(standing(group.first))),
    );
  const shown = options.verbose === true ? told : told.slice(0, briefGroups);
  const out = shown.flatMap(({ group, all }) => {
    const at = standing(group.first);
    const title = `${names(group).join(", ")}: ${[verdictWord(group.first), ...(isObserved(group.first) ? ["not managed"] : []), ...contents(plan, group.first)].join(", ")}`;
    return ["", paint(hues[at], ...fill(line(title), width, 2)), ...all.flatMap((section) => sectionLines(section, width, options))];
  });
  const left = told.length - shown.length;
  if (left > 0) out.push("", `Details of ${left} more: --verbose shows them.`);
  else if (options.verbose !== true && out.length > 0) out.push("", "Diffs and the details of clean hosts: --verbose shows them.");
  return out;
}

function foot(plan: Plan): string {
  const cost =
    plan.session.costUsd === undefined
      ? []
      : [`session $${plan.session.costUsd.toFixed(2)}${plan.session.model === undefined ? "" : ` (${plan.session.model})`}`];
  return [
    `nixos-deploy-gate ${plan.tool.version}`,
    ...(plan.tool.nix === undefined ? [] : [`Nix ${plan.tool.nix}`]),
    duration(plan.startedAt, plan.finishedAt),
    ...cost,
  ].join(" · ");
}
