import type { Assessment } from "../classify/preview.ts";
import type { Failure } from "../failure.ts";
import type { ApprovalJudgement } from "./approval.ts";
import type { Decision } from "./decision.ts";
import type { Rejection } from "./rejection.ts";

/** What is known of a host when its fate is decided. `session: "missing"` is a session that was asked for and gave no verdict. */
export type Situation = {
  /** Policy hands this host to the gate. */
  readonly managed: boolean;
  /** It does so since this push only, which takes a person's word once: the host is held, not passed over. */
  readonly newlyManaged?: boolean;
  readonly session: "answered" | "missing" | "not-asked";
  readonly sessionRequired: boolean;
  /** What became of an approval that was given for this host. */
  readonly approval?: ApprovalJudgement | undefined;
  /** Somebody said no to this very change before. */
  readonly rejection?: Rejection | undefined;
} & (
  | {
      readonly state: "failed";
      readonly stage: "evaluate" | "build" | "observe" | "diff";
      readonly failure: Failure;
      readonly atBase: boolean;
    }
  | { readonly state: "unchanged" }
  | { readonly state: "removed" }
  | { readonly state: "added" | "changed"; readonly judgement: Assessment }
);

const failedAt = {
  evaluate: "Its evaluation fails",
  build: "Its build fails",
  observe: "What it runs could not be told",
  diff: "It could not be compared",
} as const;

/**
 * Decides one host's fate. Pure; the first rule that speaks wins and every answer carries its reasons. The model's part is already in the judgement, where it can
 * only have raised it; here its absence can hold a host and never frees one. An approval frees a host that is held and does nothing else: how the change is brought
 * in follows from the judgement as ever.
 */
export function decide(situation: Situation): Decision {
  const decision = onItsOwn(situation);
  const { approval } = situation;
  if (approval === undefined || decision.approval !== undefined) return decision;
  const { by } = approval;
  const [head, ...rest] = decision.reasons;
  const held = decision.action === "hold";
  if (held && approval.kind === "refused") {
    const why = `The approval by ${by} does not count: ${approval.failure.message}`;
    return { ...decision, reasons: [why, head, ...rest], approval: { by, became: "refused", failure: approval.failure } };
  }
  const why = held ? "counts when the host has been built" : "was not used: this host is not held";
  return { ...decision, reasons: [head, ...rest, `The approval by ${by} ${why}.`], approval: { by, became: "unused" } };
}

function onItsOwn(situation: Situation): Decision {
  if (situation.state === "failed") {
    const reason = `${failedAt[situation.stage]}: ${situation.failure.message}`;
    return {
      action: "fail",
      reasons: situation.atBase ? [reason, "The base fails in the same way, so this change did not break it."] : [reason],
    };
  }
  if (situation.state === "unchanged") return { action: "nothing", reasons: ["The same system as before."] };
  if (situation.state === "removed")
    return { action: "nothing", reasons: ["No longer in the flake; the gate leaves the machine as it is."] };
  if (!situation.managed && situation.newlyManaged !== true)
    return { action: "observe", reasons: ["The policy does not say deploy = true for this host, so it is only observed."] };

  const { judgement, approval, rejection } = situation;
  const held = objections(situation, judgement);
  const attended = judgement.attended ? ["Someone has to be there at boot."] : [];
  if (held === undefined) return bringIn(judgement, attended);
  // Before the build nobody knows what an approval would let through.
  if (approval?.kind !== "granted" || judgement.verdict === "unknown-until-built")
    return { action: "hold", reasons: [...held, ...attended], ...(rejection === undefined ? {} : { rejectedBy: rejection.by }) };
  const { action, reasons } = bringIn(judgement, attended);
  return { action, reasons: [`Approved by ${approval.by}.`, ...held, ...reasons], approval: { by: approval.by, became: "granted" } };
}

/** Why a person has to look at it; undefined where nobody has to. */
function objections(
  { managed, session, sessionRequired, rejection }: Situation,
  judgement: Assessment,
): readonly [string, ...string[]] | undefined {
  const reasons: readonly [string, ...string[]] | undefined =
    judgement.verdict === "risky"
      ? risks(judgement)
      : sessionRequired && session === "missing"
        ? ["The policy requires the session's verdict and there is none."]
        : managed
          ? undefined
          : ["The policy says deploy = true for this host since this push, and no gate has deployed it before."];
  if (reasons === undefined || rejection === undefined) return reasons;
  return [`Rejected by ${rejection.by}; it stays as it is until the change is another.`, ...reasons];
}

/** How a change that nobody holds is brought in. What was approved although it is risky is still a reboot where it is one. */
function bringIn(judgement: Assessment, attended: readonly string[]): Decision {
  if (judgement.mode === "boot-only")
    return { action: "stage", reasons: [`${first(judgement, "boot-only")} Only a boot brings it in.`, ...attended] };
  if (judgement.mode === "switch-then-reboot" || judgement.findings.some((finding) => finding.verdict === "reboot"))
    return { action: "deploy-then-reboot", reasons: [first(judgement, "switch-then-reboot"), ...attended] };
  if (judgement.verdict === "unknown-until-built")
    return { action: "build", reasons: ["Nothing that is known before the build objects; what else changes is known when it is built."] };
  return { action: "deploy", reasons: [judgement.verdict === "risky" ? "It is switched as it is." : "No rule objects."] };
}

/** Every risk counts: a person approves all of them at once, so all of them are named. */
function risks(judgement: Assessment): [string, ...string[]] {
  const named = judgement.findings
    .filter((finding) => finding.verdict === "risky")
    .map((finding) => `${finding.subject}: ${finding.hazard}`);
  const [head, ...rest] = named;
  return head === undefined ? ["It is judged risky."] : [head, ...rest];
}

function first(judgement: Assessment, mode: "boot-only" | "switch-then-reboot"): string {
  const finding = judgement.findings.find((f) => f.mode === mode) ?? judgement.findings.find((f) => f.verdict === "reboot");
  return finding === undefined ? "Part of it takes effect at a boot." : `${finding.subject}: ${finding.hazard}`;
}
