import { type Finding, type Judgement, judgement, maxVerdict } from "../finding.ts";
import type { SessionVerdict } from "./answer.ts";

/**
 * verdict = max(rules, session), and nothing else (invariant 1). A session that says less than the rules changes nothing; one that says more without a finding
 * that stood the check is kept as a finding of its own, so that no host is held for a reason that the report does not show.
 */
export function mergeSession(rules: Judgement, session: SessionVerdict): Judgement {
  const findings: Finding[] = [...rules.findings, ...session.findings];
  const shown = findings.reduce((worst, finding) => maxVerdict(worst, finding.verdict), rules.verdict);
  if (maxVerdict(shown, session.verdict) !== shown)
    findings.push({
      rule: "session",
      verdict: session.verdict,
      mode: session.verdict === "reboot" ? "switch-then-reboot" : "switch",
      attended: false,
      reversible: true,
      subject: "the change as a whole",
      hazard: "The session judged it higher than the rules and named nothing in the change that shows why.",
      evidence: [],
      check: "Read what it says and decide for yourself.",
    });
  return judgement(findings);
}
