import type { Finding } from "../classify/finding.ts";
import { redact } from "../diff/secrets.ts";
import type { SystemDiff } from "../diff/system-diff.ts";
import type { Failure } from "../failure.ts";
import { cutEnd, cutMiddle, cutStart } from "./cut.ts";
import type { PlanDiff } from "./plan-diff.ts";
import type { PlanFailure } from "./plan-failure.ts";
import type { PlanJudgement } from "./plan.ts";

/**
 * How much of a host goes into plan.json. A flake can make any list as long as it likes; a report that does not fit a forge, a disk or a reader is no report.
 * Lengths are UTF-16 code units. Where something is cut, what is left says so.
 */
const limits = {
  list: 2_000,
  line: 1_000,
  diff: 8_000,
  diffs: 256_000,
  evidence: 20,
  findings: 500,
  reasons: 50,
  warnings: 50,
  log: 16_000,
} as const;

const line = (text: string): string => cutMiddle(text, limits.line);

/** What a tool said, without secrets: a build's log and an evaluation's warning quote files and settings. Of a longer text only the end is looked at and kept. */
const quoted = (text: string): string => redact(cutStart(text, 200_000)).text;

export function boundedFailure(failure: Failure): PlanFailure {
  const { code, message, next, detail } = failure;
  return {
    code,
    message: cutEnd(message, limits.line * 4),
    next: cutEnd(next, limits.line),
    ...(detail === undefined ? {} : { detail: cutStart(quoted(detail), limits.log) }),
  };
}

export function boundedReasons(reasons: readonly string[]): string[] {
  const kept = reasons.slice(0, limits.reasons).map(line);
  return reasons.length > kept.length ? [...kept, `And ${reasons.length - kept.length} more reasons.`] : kept;
}

export function boundedWarnings(warnings: readonly string[]): string[] {
  const kept = warnings.slice(0, limits.warnings).map((warning) => cutEnd(quoted(warning), limits.line * 2));
  return warnings.length > kept.length ? [...kept, `And ${warnings.length - kept.length} more warnings.`] : kept;
}

export function boundedJudgement(
  judgement: Omit<PlanJudgement, "findings" | "findingsTotal"> & { readonly findings: readonly Finding[] },
): PlanJudgement {
  const { verdict, mode, attended, reversible } = judgement;
  const findings = judgement.findings.slice(0, limits.findings).map((finding) => ({
    ...finding,
    subject: line(finding.subject),
    hazard: line(finding.hazard),
    evidence: finding.evidence.slice(0, limits.evidence).map(line),
    ...(finding.from === undefined ? {} : { from: line(finding.from) }),
    ...(finding.to === undefined ? {} : { to: line(finding.to) }),
    ...(finding.check === undefined ? {} : { check: line(finding.check) }),
  }));
  return { verdict, mode, attended, reversible, findings, findingsTotal: judgement.findings.length };
}

/** Cuts long lists, long lines and long diffs. Lists keep their order, so that what the diff put first stays. */
export function boundedDiff(diff: SystemDiff): PlanDiff {
  const { from: _from, to: _to, ...rest } = diff;
  const cut: Record<string, number> = {};
  let textLeft: number = limits.diffs;
  const walk = (value: unknown, path: readonly string[]): unknown => {
    if (typeof value === "string") {
      if (path.at(-1) !== "diff") return line(value);
      const kept = cutEnd(value, Math.min(limits.diff, Math.max(textLeft, 0)));
      textLeft -= kept.length;
      return kept;
    }
    if (Array.isArray(value)) {
      if (value.length > limits.list) cut[path.join(".")] = value.length;
      return value.slice(0, limits.list).map((item) => walk(item, path));
    }
    if (typeof value === "object" && value !== null)
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item, [...path, key])]));
    return value;
  };
  return { ...(walk(rest, []) as Omit<PlanDiff, "cut" | "measuredOn">), cut };
}
