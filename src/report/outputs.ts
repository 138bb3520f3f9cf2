import { hostExit } from "./exit-code.ts";
import { isObserved, isWell } from "./order.ts";
import { worstVerdict } from "./phrases.ts";
import type { Plan } from "./plan.ts";
import { pendingHours } from "./reboot-news.ts";

/** What happens as a whole, one word for a workflow's `if:`. */
export type OverallDecision = "failed" | "held" | "deploy" | "observe" | "nothing";

export type Outputs = Readonly<
  Record<"decision" | "reason-code" | "verdict" | "hosts" | "plan" | "report" | "html" | "cost-usd" | "pending-hours", string>
>;

/** A job's outputs may be 1 MB together, so the list of hosts stops well before that. */
const hostsLimit = 500_000;

/** The outputs of the Action. `paths` are where plan.json, the Markdown report and the page were written; empty where they were not. */
export function outputs(plan: Plan, paths: { readonly plan: string; readonly report: string; readonly html: string }): Outputs {
  return {
    decision: overall(plan),
    "reason-code": reasonCode(plan),
    verdict: worstVerdict(plan.hosts),
    hosts: hostsJson(plan),
    plan: paths.plan,
    report: paths.report,
    html: paths.html,
    "cost-usd": (plan.session.costUsd ?? 0).toFixed(4),
    "pending-hours": pendingHours(plan)?.toFixed(1) ?? "",
  };
}

function overall(plan: Plan): OverallDecision {
  const has = (exit: 1 | 3): boolean => plan.hosts.some((host) => hostExit(plan, host) === exit);
  if (has(1) || plan.hosts.length === 0) return "failed";
  if (has(3)) return "held";
  if (plan.hosts.some((host) => ["deploy", "deploy-then-reboot", "stage"].includes(host.decision.action))) return "deploy";
  return plan.hosts.some(isObserved) ? "observe" : "nothing";
}

/** Why, as a stable word of the worst host: the failure's code, the kind of an outcome that is not well, or the rule's id. */
function reasonCode(plan: Plan): string {
  const [worst] = plan.hosts;
  if (worst === undefined) return "no-hosts";
  if (worst.state === "failed") return worst.failure.code;
  if (worst.outcome !== undefined && !isWell(worst.outcome) && worst.outcome.outcome !== "held")
    return worst.outcome.failure?.code ?? worst.outcome.outcome;
  if (worst.outcome?.outcome === "held" && worst.decision.action !== "hold") return "held";
  if (worst.state !== "changed" && worst.state !== "added") return worst.state;
  const finding = worst.judgement.findings.find((one) => one.verdict === worst.judgement.verdict);
  if (worst.decision.action === "hold" && worst.judgement.verdict !== "risky") return "session-required";
  return finding === undefined ? "no-rule-objects" : finding.rule;
}

function hostsJson(plan: Plan): string {
  const all = plan.hosts.map((host) => ({
    host: host.host,
    state: host.state,
    action: host.decision.action,
    ...(host.state === "changed" || host.state === "added" ? { verdict: host.judgement.verdict, mode: host.judgement.mode } : {}),
    ...(host.outcome === undefined ? {} : { outcome: host.outcome.outcome }),
    ...(host.state === "failed" ? { reason: host.failure.code } : {}),
    ...(host.approval === undefined ? {} : { approval: host.approval.token }),
  }));
  let kept = all;
  while (JSON.stringify(kept).length > hostsLimit) kept = kept.slice(0, Math.floor(kept.length / 2));
  return JSON.stringify(kept);
}
