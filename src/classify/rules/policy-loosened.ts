import type { Loosening } from "../loosening.ts";
import type { Rule, Sighting } from "../rule.ts";

/** The one rule that no policy may set: it watches the policy itself. */
export const loosenedRule = "policy-loosened";

export const loosenings = (loosened: readonly Loosening[]): Sighting[] =>
  loosened.map(({ key, from, to, sentence }) => ({ subject: key, from, to, evidence: [sentence] }));

export const policyLoosened: Rule = {
  id: loosenedRule,
  family: "nix",
  verdict: "risky",
  title: "The pushed policy guards less than the one that was applied last",
  hazard:
    "A change that loosens the policy which judges it could let itself through, so the stricter of the two is in force until a person agrees.",
  check: "Is the policy meant to be looser, and is it so for this host only as far as it has to be?",
  see: ({ loosened = [] }) => loosenings(loosened),
};

export const policyRules: readonly Rule[] = [policyLoosened];
