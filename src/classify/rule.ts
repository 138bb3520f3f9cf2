import { redact } from "../diff/secrets.ts";
import type { System } from "../diff/system.ts";
import type { SystemDiff } from "../diff/system-diff.ts";
import type { Finding, Mode, Verdict } from "./finding.ts";
import type { HostFacts } from "./host-facts.ts";
import type { Loosening } from "./loosening.ts";

/** On a pull request no host may be asked, so an unknown fact is left open and named; on a push it takes the careful value. */
export type Phase = "pull-request" | "push";

/** Everything that a rule may know. Facts are arguments: a rule never guesses one. */
export type RuleContext = {
  /** undefined: the host has nothing to be compared with, or that side could not be read. */
  readonly before: System | undefined;
  readonly after: System;
  readonly diff: SystemDiff;
  readonly facts: HostFacts;
  readonly phase: Phase;
  /** In what the pushed policy guards this host less than the applied one. */
  readonly loosened?: readonly Loosening[];
};

/** What a rule saw: the part of a finding that differs from one sighting to the next. What is left out is the rule's own. */
export type Sighting = {
  readonly subject: string;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly evidence?: readonly string[];
  readonly verdict?: Verdict;
  readonly mode?: Mode;
  readonly reversible?: boolean;
  readonly settledBy?: Finding["settledBy"];
};

/** In the order of the page that `gate rules` prints. */
export const families = [
  "access",
  "network",
  "kernel-and-boot",
  "disks",
  "state",
  "cluster",
  "secrets",
  "injection",
  "services",
  "nix",
  "activation",
] as const;
export type Family = (typeof families)[number];

export type RuleText = {
  /** kebab-case, stable: operators name it in their policy. */
  readonly id: string;
  readonly family: Family;
  /** The worst that it gives. */
  readonly verdict: Verdict;
  readonly title: string;
  /** What can go wrong, in one sentence. */
  readonly hazard: string;
  /** What a person should look at before approving. */
  readonly check: string;
};

/** A rule is data and a pure function. */
export type Rule = RuleText & {
  /** The mode that a finding has unless the sighting says otherwise. */
  readonly mode?: Mode;
  /** False where going back may not undo it. */
  readonly reversible?: boolean;
  readonly see: (context: RuleContext) => readonly Sighting[];
};

/** Evidence is quoted to people and to a session: enough to recognise the change, bounded whatever a stranger put into it. */
const evidenceLines = 8;
const evidenceLength = 240;
const subjectLength = 160;

/** Runs one rule. The findings are complete: every field that the rule left out is filled from its own text. */
export function judge(rule: Rule, context: RuleContext): Finding[] {
  return found(rule, rule.see(context));
}

/** The findings of what a rule saw. */
export function found(rule: Rule, sightings: readonly Sighting[]): Finding[] {
  return sightings.map((given) => {
    const seen = withoutSecrets(given);
    const verdict = seen.verdict ?? rule.verdict;
    return {
      rule: rule.id,
      verdict,
      mode: seen.mode ?? rule.mode ?? (verdict === "reboot" ? "switch-then-reboot" : "switch"),
      attended: false,
      reversible: seen.reversible ?? rule.reversible ?? true,
      subject: cut(seen.subject, subjectLength),
      ...(seen.from === undefined ? {} : { from: cut(seen.from, evidenceLength) }),
      ...(seen.to === undefined ? {} : { to: cut(seen.to, evidenceLength) }),
      hazard: rule.hazard,
      evidence: (seen.evidence ?? []).slice(0, evidenceLines).map((line) => cut(line, evidenceLength)),
      check: rule.check,
      ...(seen.settledBy === undefined ? {} : { settledBy: seen.settledBy }),
    };
  });
}

/** Between the texts of a finding while they are redacted as one: no text of a file or a unit holds it, and no pattern of a secret reaches across it. */
const seam = "\n\0\n";

/**
 * Takes secrets out of everything that a sighting quotes, before anything is cut: most of it comes from a diff that was redacted, but a rule may read a system, a
 * host's facts or a commit's message as they are. As one text, because the scanner costs the same for a line as for a page and because a key has several lines.
 */
export function withoutSecrets(seen: Sighting): Sighting {
  const { subject, from, to, evidence = [] } = seen;
  const texts = [subject, from ?? "", to ?? "", ...evidence].map((text) => text.replaceAll("\0", "\ufffd"));
  const redacted = redact(texts.join(seam));
  if (redacted.count === 0) return seen;
  const parts = redacted.text.split(seam);
  // A key that began in one text and ended in another has taken the seams between them along.
  const [about = "", was = "", is = "", ...shown] = parts.length === texts.length ? parts : [redact(subject).text, hidden, hidden, hidden];
  return {
    ...seen,
    subject: about,
    ...(from === undefined ? {} : { from: was }),
    ...(to === undefined ? {} : { to: is }),
    evidence: shown,
  };
}
const hidden = "<redacted>";

const cut = (text: string, length: number): string => (text.length <= length ? text : `${text.slice(0, length - 1)}…`);

export type Question = {
  /** The key of HostFacts that answers it. */
  readonly fact: keyof HostFacts;
  /** The condition under which the careful verdict holds, as people read it: "/boot has under 62 MB free". */
  readonly when: string;
  /** What the fact says, where it is known. */
  readonly answer: boolean | undefined;
  /** Verdict where the answer is no, and where it is open on a pull request. */
  readonly plain: Verdict;
  /** Verdict where the answer is yes, and where it is open on a push. */
  readonly careful: Verdict;
};

/** Verdict of a rule that hangs on a host fact. A known answer settles it; an open one is named. */
export function ask(
  context: RuleContext,
  question: Question,
): Pick<Sighting, "verdict" | "settledBy"> & { verdict: Verdict; note: readonly string[] } {
  const { fact, when, answer, plain, careful } = question;
  if (answer !== undefined) return { verdict: answer ? careful : plain, note: [] };
  if (context.phase === "push") return { verdict: careful, note: [`not known: ${fact} (${when})`] };
  return { verdict: plain, settledBy: { fact, otherwise: careful, when }, note: [] };
}
