import { type EscalationLine, escalationLines } from "../diagnose/escalation-lines.ts";
import type { Escalation } from "../diagnose/escalation.ts";
import type { HostDiagnosis } from "../diagnose/host-diagnosis.ts";
import type { HostName } from "../discover/host.ts";
import { jsonText } from "./json-text.ts";
import { boundedDiagnosis, boundedEscalations } from "./plan-diagnosis.ts";
import { clip, wrap } from "./terminal-escape.ts";
import { type TerminalOptions, writer } from "./terminal-section.ts";
import { visibleText } from "./visible.ts";

/** One failure that was asked about once more, and the hosts that it hit. */
export type DiagnosedAgain = {
  readonly hosts: readonly HostName[];
  /** Undefined where nobody knows. */
  readonly diagnosis: HostDiagnosis | undefined;
  readonly escalation: Escalation;
};

/** For a terminal: what happened, how each host is, what to type, why, and, where `verbose` is set, the evidence. */
export function diagnosisText(all: readonly DiagnosedAgain[], options: TerminalOptions): string {
  if (all.length === 0) return "Nothing failed in that run.\n";
  const { paint, line } = writer(options);
  const width = Math.max(40, options.width);
  const filled = (text: string, indent: number): string[] => wrap(line(text), width - indent).map((part) => `${" ".repeat(indent)}${part}`);
  const shown = (each: EscalationLine): string[] => {
    switch (each.mark) {
      case "heading":
        return [`  ${paint(1, line(each.text))}`];
      case "sentence":
      case "item":
        return filled(each.text, 4);
      case "command":
        return [`      ${line(each.text)}`];
      case "fold": {
        if (options.verbose !== true) return [];
        const lines = visibleText(each.text).replaceAll("\t", "    ").trimEnd().split("\n");
        return [
          `    ${paint(2, line(each.title))}`,
          ...lines.map((text) => `    ${paint(2, `| ${clip(text, width - 6, options.unicode)}`)}`),
        ];
      }
    }
  };
  const blocks = all.map(({ hosts, escalation }) => [
    paint(31, line(hosts.join(", "))),
    ...escalationLines(escalation).flatMap((each, at) => (at === 0 && each.mark === "sentence" ? filled(each.text, 2) : shown(each))),
  ]);
  const more = options.verbose === true ? [] : ["", "The evidence: --verbose shows it."];
  return `${[...blocks.flatMap((block, at) => (at === 0 ? block : ["", ...block])), ...more].join("\n")}\n`;
}

/** One line of JSON: `{schema: 1, failures: [{hosts, diagnosis, escalation}]}`, shaped as in plan.json. */
export function diagnosisJson(all: readonly DiagnosedAgain[]): string {
  return jsonText({
    schema: 1,
    failures: all.map(({ hosts, diagnosis, escalation }) => ({
      hosts,
      diagnosis: diagnosis === undefined ? null : boundedDiagnosis(diagnosis),
      escalation: boundedEscalations([escalation])[0],
    })),
  });
}
