import { oneLine, type Evidence } from "./evidence.ts";
import type { Recognised, Recogniser } from "./recogniser.ts";
import { activationRecognisers, bootLoaderFailed } from "./recognisers/activation.ts";
import { buildRecognisers } from "./recognisers/build.ts";
import { connectionRecognisers } from "./recognisers/connection.ts";
import { evaluationRecognisers } from "./recognisers/evaluation.ts";
import { unitRecognisers } from "./recognisers/unit.ts";

/** A cause that is known without asking anybody. */
export type KnownCause = Recognised & { readonly id: string };

/** Earlier rows explain later ones: a full disk before the unit that fails on it, an inhibitor before the check that names it. */
export const recognisers: readonly Recogniser[] = [
  ...evaluationRecognisers,
  ...buildRecognisers,
  ...connectionRecognisers,
  ...activationRecognisers,
  ...unitRecognisers,
  bootLoaderFailed,
];

const most = 8;

/**
 * Every known cause that the evidence shows, certain ones first, then in the order of the table; at most eight. They answer first and cost nothing. Pure, and
 * linear in the evidence, which is bounded.
 */
export function knownCauses(evidence: Evidence, table: readonly Recogniser[] = recognisers): readonly KnownCause[] {
  const found = table.flatMap((recogniser): KnownCause[] => {
    if (!recogniser.stages.includes(evidence.stage)) return [];
    const recognised = recogniser.recognise(evidence);
    return recognised === undefined ? [] : [{ ...recognised, evidence: oneLine(recognised.evidence, 300), id: recogniser.id }];
  });
  // "certain" sorts before "likely".
  return found.toSorted((a, b) => (a.confidence === b.confidence ? 0 : a.confidence < b.confidence ? -1 : 1)).slice(0, most);
}
