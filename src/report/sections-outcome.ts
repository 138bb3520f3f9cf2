import type { Span } from "./line.ts";
import { say, type Line, type Section } from "./line.ts";
import { happened, isOpen, missLine } from "./happened.ts";
import { nextStep } from "./next-step.ts";
import { isWell } from "./order.ts";
import type { PlanOutcome } from "./plan-outcome.ts";
import type { Plan, PlanHost } from "./plan.ts";
import { diagnosisSections } from "./sections-diagnosis.ts";

/**
 * What a report tells of a host that is not well: what happened, what it runs and boots now, what was tried, what did not take effect, the log's end, and what to type
 * next. Empty for a host that is well, and where the row of the table or the change's own details say everything.
 */
export function outcomeSections(plan: Plan, host: PlanHost): Section[] {
  const { outcome } = host;
  if (outcome === undefined) return [];
  // A host that failed before it was asked anything is told by its change.
  const causes = host.state === "failed" ? [] : diagnosisSections(plan, host);
  if (!isTold(host, outcome)) return causes;
  const { failure, log, logAt, attempts, missesTotal } = outcome;
  const misses = [...outcome.misses.filter(isOpen), ...outcome.misses.filter((miss) => !isOpen(miss))];
  const reasons = outcome.reasons.length === 0 ? [`${sentence(happened(plan, host))}.`] : outcome.reasons;
  const made: Section[] = [
    {
      kind: "outcome",
      title: "What happened",
      summary: outcome.outcome,
      lines: [
        ...reasons.map((one) => say(one)),
        ...(failure === undefined ||
        outcome.reasons.some((one) => failure.message.includes(one) || one.includes(failure.message)) ||
        failure.message === ""
          ? []
          : [say(failure.message)]),
        ...nowLines(outcome),
        ...next(plan, host),
      ],
      texts: failure?.detail === undefined || failure.detail.trim() === "" ? [] : [{ title: "What the tool said", text: failure.detail }],
    },
    ...causes,
    {
      kind: "outcome",
      title: attempts.length === 1 ? "Tried" : "Tried, in this order",
      summary: `${attempts.length}`,
      lines: [
        ...attempts.map(({ strategy, ended }): Line => ({ spans: [{ code: strategy }, ...(ended === "" ? [] : [`: ${ended}`])] })),
        ...(logAt === undefined ? [] : [{ spans: ["The whole log is kept on the host: ", { code: logAt }] }]),
      ],
      texts: log === undefined || log.trim() === "" ? [] : [{ title: "End of the activation log", text: log }],
    },
    {
      kind: "outcome",
      title: "Did not take effect",
      summary: `${missesTotal}`,
      lines: [
        ...misses.map((miss): Line => {
          const sub = miss.expected === "" && miss.found === "" ? [] : [expected(miss)];
          return { ...missLine(miss), sub };
        }),
        ...(missesTotal > misses.length ? [say(`And ${missesTotal - misses.length} more.`)] : []),
      ],
      texts: [],
    },
  ];
  return made.filter((section) => section.lines.length > 0 || section.texts.length > 0);
}

const expected = (miss: { readonly expected: string; readonly found: string }): Line => ({
  spans: ["Expected ", { code: miss.expected }, ", found ", { code: miss.found }, "."],
});

/** A held change and a failed build are told by what is known of the change; whom the run did not reach, by the row. */
function isTold({ state, decision }: PlanHost, outcome: PlanOutcome): boolean {
  if (isWell(outcome) || outcome.outcome === "not-reached") return false;
  if (state === "failed" && outcome.attempts.length === 0) return false;
  return outcome.outcome !== "held" || decision.action !== "hold";
}

function nowLines(outcome: PlanOutcome): Line[] {
  const { now } = outcome;
  if (now === undefined) return [say("What it runs now is not known: it could not be asked.")];
  // Where paths may not be shown, what happened says in words where it stands.
  if (now.current === undefined && now.profile === undefined && now.booted === undefined) return [];
  const path = (what: string, at: string | undefined, side: "old" | "new" | undefined): Span[] =>
    at === undefined ? [] : [`${what} `, { code: at }, side === "old" ? " (as before)" : side === "new" ? " (the new system)" : "", "."];
  // The boot loader may well have been given back to the old one: what it boots the next time, nobody has asked it.
  const notBooted = (outcome.outcome === "reboot-failed" || outcome.outcome === "reboot-held") && now.booted !== now.profile;
  const booted = now.booted === now.current || now.booted === now.profile ? undefined : now.booted;
  return [
    path("It runs", now.current, now.runs),
    path(notBooted ? "It was to boot" : "It boots", now.profile, now.boots),
    path("It was booted with", booted, undefined),
  ].flatMap((spans) => (spans.length === 0 ? [] : [{ spans }]));
}

function next(plan: Plan, host: PlanHost): Line[] {
  const step = nextStep(plan, [host]);
  return step === undefined ? [] : [{ spans: ["Next: ", ...(step.words === "" ? [] : [`${step.words}: `]), { command: step.command }] }];
}

const sentence = (words: string): string => `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
