import type { HostFacts } from "../../../src/classify/host-facts.ts";
import type { Verdict } from "../../../src/classify/finding.ts";
import type { ContextOver } from "../literals.ts";

/** What a rule must see, what it must leave alone although it looks alike, and, where it hangs on a host fact, the change with that fact unknown. */
export type Example = {
  readonly fires: readonly ContextOver[];
  readonly misses: readonly ContextOver[];
  /** Verdict of the hazard where it is not the rule's own. */
  readonly verdict?: Verdict;
  readonly unknown?: ContextOver & { readonly fact: string; readonly plain: Verdict; readonly careful: Verdict };
};
export type Examples = Readonly<Record<string, Example>>;

export const known: HostFacts = { deployUser: "root", deployVia: "public ssh", tags: [], uplinkInterface: "enp1s0", peersInSameDeploy: [] };
