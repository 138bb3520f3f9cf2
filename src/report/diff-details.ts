import type { SystemDiff } from "../diff/system-diff.ts";
import type { Reason } from "../diff/why.ts";
import { boundedDiff } from "./bounds.ts";
import { packagesOf } from "./generated.ts";
import type { Section } from "./line.ts";
import { count } from "./count.ts";
import { sectionLines, type TerminalOptions } from "./terminal-section.ts";

/** What somebody asked for beside the report of `gate diff`: each ends in a newline, and what a stranger named is escaped. Pure. */
export function rebuiltReport(diff: SystemDiff, options: TerminalOptions): string {
  const { rebuilt } = packagesOf(boundedDiff(diff));
  const lines = rebuilt.map((one) => {
    const versions = (one.to ?? []).filter((version) => version !== "").join(", ");
    return { spans: [{ code: one.name }, ...(versions === "" ? [] : [" ", { code: versions }])] };
  });
  return shown(
    { kind: "packages", title: "Rebuilt at the same version", summary: count(rebuilt.length, "package"), lines, texts: [] },
    options,
  );
}

/** The chain from the toplevel to what was asked for, one path on each line. */
export function whyReport({ asked, side, chain, others }: Reason, options: TerminalOptions): string {
  const title = side === undefined ? `Neither system has ${asked}` : `Why ${asked} is in the ${side === "to" ? "new" : "old"} system`;
  const steps = chain.map((path, at) => ({ spans: [at === 0 ? "" : "→ ", { code: path }] }));
  const more =
    others.length === 0
      ? []
      : [{ spans: [`${count(others.length, "more path")} of that name: `, { code: others.slice(0, 3).join(", ") }] }];
  return shown({ kind: "notes", title, summary: "", lines: [...steps, ...more], texts: [] }, options);
}

function shown(section: Section, options: TerminalOptions): string {
  return `\n${sectionLines(section, Math.max(40, options.width), { ...options, verbose: true }).join("\n")}\n`;
}
