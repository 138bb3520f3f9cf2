import { detailGroups, groups, names, type Group } from "./group.ts";
import type { Line, Section } from "./line.ts";
import { needed } from "./needed.ts";
import { headline } from "./headline.ts";
import { happened, reason } from "./happened.ts";
import { hasOutcomes, isObserved, isQuiet, judged, standing, type Standing } from "./order.ts";
import { compared, contents, duration, honesty, changeWord, verdictWord } from "./phrases.ts";
import type { Plan } from "./plan.ts";
import { rebootLine } from "./reboot-line.ts";
import { sections } from "./sections.ts";
import { outcomeSections } from "./sections-outcome.ts";
import { looks } from "./standing-look.ts";
import { clip, columns, wrap } from "./terminal-escape.ts";
import { fill, flat, pieces, sectionLines, writer, type TerminalOptions } from "./terminal-section.ts";

/** So many groups of hosts are shown in detail without --verbose. */
const briefGroups = 6;

/** The report of a plan for a terminal: the words and the order of the comment, at `width` columns. Ends in a newline. Pure. */
export function terminalReport(plan: Plan, options: TerminalOptions): string {
  const width = Math.max(40, options.width);
  const { paint, line } = writer(options);
  const out: string[] = [paint(1, ...fill(line(headline(plan.hosts)), width, 0))];
  const reboots = rebootLine(plan);
  out.push(...[...(reboots === undefined ? [] : [reboots]), ...honesty(plan)].flatMap((sentence) => fill(line(sentence), width, 0)));
  out.push(...fill(line(flat(compared(plan))), width, 0), "");

  const rows = groups(plan);
  const hostWidth = Math.min(24, Math.max(4, ...rows.map((group) => columns(hostCell(group)))));
  const wordWidth = Math.max(7, ...rows.map((group) => verdictWord(group.first).length));
  for (const group of rows) {
    const at = standing(group.first);
    const beside = 2 + hostWidth + 2 + wordWidth + 2;
    // In a narrow terminal the words go below the row.
    const narrow = width - beside < 24;
    const indent = narrow ? 4 : beside;
    const because = fill(line(flat(reason(plan, group.first))), width - indent, 0);
    const then = fill(line(`→ ${happened(plan, group.first)}`), width - indent, 2);
    const texts = [...(narrow ? [""] : []), ...because.slice(0, 3), ...then];
    const sign = looks[at].sign[options.unicode ? 0 : 1];
    const row = `${paint(looks[at].hue, sign)} ${pad(clip(hostCell(group), hostWidth, options.unicode), hostWidth)}  ${paint(looks[at].hue, narrow ? verdictWord(group.first) : pad(verdictWord(group.first), wordWidth))}`;
    out.push(narrow ? row : `${row}  ${texts[0] ?? ""}`, ...texts.slice(1).map((text) => `${" ".repeat(indent)}${text}`));
    if (hostCell(group) !== names(group).join(", ") || columns(hostCell(group)) > hostWidth)
      out.push(...fill(line(names(group).join(", ")), width - indent, 0).map((text) => `${" ".repeat(indent)}${paint(2, text)}`));
  }
  const unchanged = plan.hosts.filter(isQuiet).length;
  if (unchanged > 0) out.push(`${looks.unchanged.sign[options.unicode ? 0 : 1]} ${pad(`${unchanged}`, hostWidth)}  unchanged`);

  const todo = needed(plan, { approve: options.approve });
  if (todo.length > 0) out.push("", paint(1, "Needed from you"), ...todo.flatMap((one) => task(one, width, options)));
  out.push(...detail(plan, width, options));
  out.push(
    "",
    ...plan.notes.flatMap((note) => fill(line(note), width, 2)),
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

/** A thing to do; a command stands alone on a line and is never broken, so that it can be copied. */
function task(one: Line, width: number, options: TerminalOptions): string[] {
  const { paint, line } = writer(options);
  return pieces(one).flatMap((piece, i) =>
    piece.kind === "command"
      ? [`    ${paint(1, line(piece.text))}`]
      : wrap(line(piece.text), width - 2).map((text, j) => `${i + j === 0 ? "- " : "  "}${text}`),
  );
}

/** What became of hosts that are not well, and then the changes that somebody has to look at. */
function detail(plan: Plan, width: number, options: TerminalOptions): string[] {
  const { paint, line } = writer(options);
  const verbose = options.verbose === true;
  const block = (at: Standing, title: string, all: readonly Section[]): string[] => [
    "",
    paint(looks[at].hue, ...fill(line(title), width, 2)),
    ...all.flatMap((section) => sectionLines(section, width, options)),
  ];
  const outcomes = plan.hosts.flatMap((host) => {
    const all = outcomeSections(plan, host);
    return all.length === 0 ? [] : [block(standing(host), `${host.host}: ${looks[standing(host)].word}`, all)];
  });
  // After a deploy, the change of a host that took it is of no use to whoever looks for what went wrong.
  const waits = (group: Group): boolean =>
    !hasOutcomes(plan) || group.hosts.some((host) => host.state === "failed" || host.decision.action === "hold");
  const told = detailGroups(plan)
    .map((group) => ({ group, all: sections(plan, group) }))
    .filter(
      ({ group, all }) => all.length > 0 && (verbose || (waits(group) && !["clean", "unbuilt", "removed"].includes(judged(group.first)))),
    );
  const changes = told.map(({ group, all }) => {
    const at = judged(group.first);
    const words = [changeWord(group.first), ...(isObserved(group.first) ? ["not managed"] : [])];
    return block(at, `${names(group).join(", ")}: ${[...words, ...contents(plan, group.first)].join(", ")}`, all);
  });
  const all = [...outcomes, ...changes];
  const shown = verbose ? all : all.slice(0, briefGroups);
  const out = shown.flat();
  const left = all.length - shown.length;
  if (left > 0) out.push("", `Details of ${left} more: --verbose shows them.`);
  else if (!verbose && out.length > 0)
    out.push(
      "",
      hasOutcomes(plan)
        ? "Whole logs and what changed: --verbose shows them."
        : "Diffs and the details of clean hosts: --verbose shows them.",
    );
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
