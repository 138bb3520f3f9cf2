import * as z from "zod";

/** How much a change asks of a person. Ordered: a later word is never talked down to an earlier one (invariant 1). */
export const Verdict = z.enum(["clean", "reboot", "risky"]);
export type Verdict = z.infer<typeof Verdict>;

/** How a change is brought in. Ordered by how little of it a live switch may do. */
export const Mode = z.enum(["switch", "switch-then-reboot", "boot-only"]);
export type Mode = z.infer<typeof Mode>;

/** One thing that a rule or the session saw. */
export const Finding = z.object({
  /** The rule's id, or `session`. */
  rule: z.string(),
  verdict: Verdict,
  mode: Mode,
  /** Someone has to be there at boot, to unlock a disk for instance. */
  attended: z.boolean(),
  /** False where going back may not undo it: data may have been migrated by the new version. */
  reversible: z.boolean(),
  /** What it is about: a unit, a package, a mount point, a file. Untrusted text. */
  subject: z.string(),
  from: z.string().optional(),
  to: z.string().optional(),
  /** The hazard in one sentence. */
  hazard: z.string(),
  /** Lines of the diff or facts that show it. Untrusted text. */
  evidence: z.array(z.string()),
  /** What a person should look at before approving. */
  check: z.string().optional(),
  /** A host fact that would settle the question where it is not known yet: "reboot, risky if /boot has under 62 MB free". */
  settledBy: z.object({ fact: z.string(), otherwise: Verdict, when: z.string() }).optional(),
});
export type Finding = z.infer<typeof Finding>;

/** Verdict, mode and the rest are merged separately, each by its maximum: a risky kernel change that was approved is still a reboot. */
export type Judgement = {
  readonly verdict: Verdict;
  readonly mode: Mode;
  readonly attended: boolean;
  readonly reversible: boolean;
  readonly findings: readonly Finding[];
};

const verdicts = Verdict.options;
const modes = Mode.options;
export const maxVerdict = (a: Verdict, b: Verdict): Verdict => (verdicts.indexOf(a) >= verdicts.indexOf(b) ? a : b);
export const maxMode = (a: Mode, b: Mode): Mode => (modes.indexOf(a) >= modes.indexOf(b) ? a : b);

/**
 * Merges findings into one judgement; no findings at all is clean. The worst come first: by verdict, then what cannot be undone, then what is certain before what
 * hangs on a fact that is not known. Equals keep the order in which they were given, so that equal input gives equal bytes.
 */
export function judgement(findings: readonly Finding[]): Judgement {
  const weight = (finding: Finding): number =>
    verdicts.indexOf(finding.verdict) * 4 + (finding.reversible ? 0 : 2) + (finding.settledBy === undefined ? 1 : 0);
  const sorted = findings.toSorted((a, b) => weight(b) - weight(a));
  return {
    verdict: sorted.reduce<Verdict>((worst, f) => maxVerdict(worst, f.verdict), "clean"),
    mode: sorted.reduce<Mode>((worst, f) => maxMode(worst, f.mode), "switch"),
    attended: sorted.some((f) => f.attended),
    reversible: sorted.every((f) => f.reversible),
    findings: sorted,
  };
}
