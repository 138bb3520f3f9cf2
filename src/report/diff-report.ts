import type { Judgement } from "../classify/finding.ts";
import type { SystemDiff } from "../diff/system-diff.ts";
import { boundedDiff, boundedJudgement } from "./bounds.ts";
import type { Section } from "./line.ts";
import { say } from "./line.ts";
import { boundedSession, type GivenSession } from "./plan-session.ts";
import { opinionsSection } from "./sections-session.ts";
import { diffSections, findingsSection } from "./sections.ts";
import { sectionLines, writer, type TerminalOptions } from "./terminal-section.ts";

const hues = { clean: 32, reboot: 33, risky: 35 } as const;

/** What `gate diff` shows in a shell: the judgement of one change, then the change in the order and words of the plan's report. Ends in a newline. Pure. */
export function diffReport(given: SystemDiff, judgement: Judgement, options: TerminalOptions, session?: GivenSession): string {
  const { paint, line } = writer(options);
  const width = Math.max(40, options.width);
  if (given.from === given.to) return `${paint(1, "unchanged")}: both are ${line(given.to)}\n`;
  const diff = boundedDiff(given);
  const unknown = diff.unknown.map((sentence) => say(`Not compared: ${sentence}`));
  const cut = Object.entries(diff.cut).map(([key, total]) => say(`The list ${key} has ${total} entries; only the first are shown.`));
  const notes: Section = { kind: "notes", title: "Notes", summary: "", lines: [...unknown, ...cut], texts: [] };
  const opinion = session === undefined ? undefined : boundedSession(session);
  const said = opinion?.changes === undefined ? [] : [opinionsSection(opinion, opinion.changes, "full")];
  const all = [findingsSection(boundedJudgement(judgement)), ...said, ...diffSections(diff, "full", [diff.packages]), notes].filter(
    (one) => one.lines.length + one.texts.length > 0,
  );
  const then = { switch: "no reboot is needed", "switch-then-reboot": "complete after a reboot", "boot-only": "only a boot brings it in" }[
    judgement.mode
  ];
  const marks = [
    then,
    ...(judgement.attended ? ["someone must be there at boot"] : []),
    ...(judgement.reversible ? [] : ["a rollback may not undo it"]),
  ];
  const byRules = opinion !== undefined && !opinion.ran ? [line(`Judged by rules only: ${opinion.note}.`)] : [];
  const only = diff.revisionOnly ? [line("Only the revision differs.")] : [];
  const head = [
    `${paint(hues[judgement.verdict], judgement.verdict)}: ${marks.join(", ")}`,
    line(`from ${given.from}`),
    `to   ${line(given.to)}`,
    ...byRules,
    ...only,
  ];
  const more =
    options.verbose === true || all.every((one) => one.texts.length === 0 && one.lines.length <= 10)
      ? []
      : ["", "Diffs and long lists: --verbose shows them."];
  return `${[...head, ...all.flatMap((section) => ["", ...sectionLines(section, width, options)]), ...more].join("\n")}\n`;
}
