import type { AnswerCache } from "../../io/ports.ts";
import type { Phase } from "../rule.ts";

/**
 * Which kept answers a run may be given, and the one place that says so (invariant 1): a run that deploys gets none. Whoever opens a pull request may run code on
 * the machine that judges it, and with luck write where its answers are kept; such an answer may mislead a preview and must never reach a deploy.
 */
export const answersFor = (phase: Phase, kept: AnswerCache | undefined): AnswerCache | undefined =>
  phase === "pull-request" ? kept : undefined;
