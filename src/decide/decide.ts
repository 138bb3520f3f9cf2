import type { Assessment } from "../classify/preview.ts";
import type { Failure } from "../failure.ts";
import type { Decision } from "./decision.ts";

/** What is known of a host when its fate is decided. `session: "missing"` is a session that was asked for and gave no verdict. */
export type Situation = {
  /** Policy hands this host to the gate. */
  readonly managed: boolean;
  readonly session: "answered" | "missing" | "not-asked";
  readonly sessionRequired: boolean;
} & (
  | { readonly state: "failed"; readonly stage: "evaluate" | "build" | "diff"; readonly failure: Failure; readonly atBase: boolean }
  | { readonly state: "unchanged" }
  | { readonly state: "removed" }
  | { readonly state: "added" | "changed"; readonly judgement: Assessment }
);

const failedAt = { evaluate: "Its evaluation fails", build: "Its build fails", diff: "It could not be compared" } as const;

/**
 * Decides one host's fate. Pure; the first rule that speaks wins and every answer carries its reasons. The model's part is already in the judgement, where it can
 * only have raised it; here its absence can hold a host and never frees one.
 */
export function decide(situation: Situation): Decision {
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
  if (!situation.managed)
    return { action: "observe", reasons: ["The policy does not say deploy = true for this host, so it is only observed."] };

  const { judgement } = situation;
  const attended = judgement.attended ? ["Someone has to be there at boot."] : [];
  if (judgement.verdict === "risky") return { action: "hold", reasons: [...risks(judgement), ...attended] as [string, ...string[]] };
  if (situation.sessionRequired && situation.session === "missing")
    return { action: "hold", reasons: ["The policy requires the session's verdict and there is none.", ...attended] };
  if (judgement.mode === "boot-only")
    return { action: "stage", reasons: [`${first(judgement, "boot-only")} Only a boot brings it in.`, ...attended] };
  if (judgement.mode === "switch-then-reboot" || judgement.verdict === "reboot")
    return { action: "deploy-then-reboot", reasons: [first(judgement, "switch-then-reboot"), ...attended] };
  if (judgement.verdict === "unknown-until-built")
    return { action: "build", reasons: ["Nothing that is known before the build objects; what else changes is known when it is built."] };
  return { action: "deploy", reasons: ["No rule objects."] };
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
