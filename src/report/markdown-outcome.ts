import type { Shrinkable } from "./fit.ts";
import { isOpen } from "./happened.ts";
import type { Section } from "./line.ts";
import { bullet } from "./markdown-details.ts";
import { fence, prose, summaryCode, summaryProse } from "./markdown-escape.ts";
import { standing } from "./order.ts";
import { count } from "./count.ts";
import type { PlanHost } from "./plan.ts";
import { looks } from "./standing-look.ts";

/** What is left of each text and each list at each step, and the words of the note that says so. The last step leaves nothing but the row of the table. */
const steps = [
  { textLines: Infinity, lines: Infinity, said: "" },
  { textLines: 60, lines: 100, said: "all but the end of long logs" },
  { textLines: 15, lines: 20, said: "all but the end of logs" },
  { textLines: 0, lines: 10, said: "logs" },
  { textLines: 0, lines: 3, said: "logs and all but the first of what is told" },
] as const;

/** What became of a host that is not well, as a fold that `fit` can make shorter. `whole` tells where everything is. */
export function outcomeDetails(host: PlanHost, all: readonly Section[], whole: string): Shrinkable {
  const at = (step: number): string => {
    const kept = steps[step];
    if (kept === undefined || all.length === 0) return "";
    return [
      `<details><summary><b>${summaryCode(host.host)}</b>: ${summaryProse(title(host))}</summary>`,
      ...all.flatMap((section) => block(section, kept)),
      ...(step === 0 ? [] : [`*Left out here for length: ${kept.said}. ${whole}*`]),
      "</details>",
    ].join("\n\n");
  };
  return { steps: steps.length, at };
}

function title(host: PlanHost): string {
  const { attempts = [], misses = [] } = host.outcome ?? {};
  const open = misses.filter(isOpen).length;
  return [
    looks[standing(host)].word,
    ...(attempts.length > 1 ? [`${attempts.length} attempts`] : []),
    ...(open > 0 ? [`${count(open, "part")} without effect`] : []),
  ].join(", ");
}

function block(section: Section, kept: (typeof steps)[number]): string[] {
  const shown = section.lines.slice(0, kept.lines);
  const more = section.lines.length > shown.length ? [`- and ${section.lines.length - shown.length} more`] : [];
  const bullets = [...shown.flatMap((line) => bullet(line, 0)), ...more].join("\n");
  const texts = kept.textLines === 0 ? [] : section.texts;
  return [
    `**${prose(section.title)}**`,
    ...(bullets === "" ? [] : [bullets]),
    ...texts.flatMap((one) => [
      `<details><summary>${summaryProse(one.title)}</summary>`,
      fence(end(one.text, kept.textLines), "text"),
      "</details>",
    ]),
  ];
}

/** The last lines: what went wrong stands at the end. A line is as long as a host likes. */
function end(text: string, lines: number): string {
  if (lines === Infinity) return text;
  const all = text.trimEnd().split("\n");
  const last = all
    .slice(-lines)
    .join("\n")
    .slice(-lines * 200);
  return last.length < text.trimEnd().length ? `…\n${last}` : last;
}
