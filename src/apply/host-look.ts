import type { TargetTrouble } from "../io/ports.ts";
import type { BriefObservation, Observation } from "../target/observation.ts";

/** What a look at a host gave. */
export type Look<Seen extends BriefObservation = Observation> =
  | { readonly kind: "observed"; readonly observation: Seen }
  | { readonly kind: "silent"; readonly trouble: TargetTrouble; readonly detail: string };
